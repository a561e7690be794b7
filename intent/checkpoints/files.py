"""Read the files of a checkpoint: only regular files, up to a maximum size."""

import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any

from intent.errors import CheckpointError

MAX_JSON_BYTES = 2_000_000  # a config of 10,000 labels has half a megabyte
MAX_HEADER_BYTES = (
    4_000_000  # of a safetensors file; the 1,259 tensors of Whisper large take 0.14 MB
)
MAX_LOCAL_WEIGHT_BYTES = 10_000_000_000  # of a local folder; XLS-R-2B has 8.6 GB in float32

MAX_DIMENSIONS, MAX_SIDE = 16, 2**40  # dimensions of a tensor: keeps their product fast to compute

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Any]  # of a config; checked by bounds.py

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model[A-Za-z0-9_.-]*\.safetensors")


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a regular file; raises OSError, and ValueError for another kind or size.

    Opening a pipe does not wait for a writer, since there may never be one.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > max_bytes:
            raise ValueError(
                f"it has {found.st_size / 1e6:.1f} MB; at most {max_bytes / 1e6:g} MB are allowed"
            )
        return file.read(max_bytes)


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - the caller checks the shape
    """Return the value of a JSON text; raises ValueError, also for NaN and deep nesting."""
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_object(path: Path, shown: str, max_bytes: int = MAX_JSON_BYTES) -> JsonObject:
    """Return a JSON object of a checkpoint; raises CheckpointError, which names it `shown`."""
    try:
        text = read_bounded(path, max_bytes)
    except FileNotFoundError:
        raise CheckpointError(
            f"{shown} has no {path.name}: choose a folder made by save_pretrained, or a Hub id."
        ) from None
    except OSError:
        text = b""
    except ValueError as error:
        raise CheckpointError(
            f"{shown} has a {path.name} that cannot be read ({error}): save the checkpoint again, "
            "or choose another one."
        ) from None
    try:
        values = parse_json(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise CheckpointError(
            f"{shown} has a {path.name} that is not a JSON object: save the checkpoint again, "
            "or choose another one."
        )
    return values


def weight_files(folder: Path, shown: str) -> list[Path]:
    """Return the safetensors files of a folder; an empty list if there are none.

    Each is in the folder itself; it may be a link to a regular file, as in the cache of the Hub.
    Raises CheckpointError for a file that is not regular, is in another folder, or is too large.
    """
    if os.path.lexists(folder / WEIGHTS):
        names = [WEIGHTS]
    elif os.path.lexists(folder / INDEX):
        names = _indexed(folder, shown)
    else:
        return []
    size = 0
    for name in names:
        if not (folder / name).is_file():
            kind = "is not a regular file" if (folder / name).exists() else "is missing"
            raise _unusable(shown, f"{name} {kind}")
        size += (folder / name).stat().st_size
    if size > MAX_LOCAL_WEIGHT_BYTES:
        raise _unusable(
            shown,
            f"they have {size / 1e9:.1f} GB; at most {MAX_LOCAL_WEIGHT_BYTES / 1e9:g} GB are supported",
        )
    return [folder / name for name in names]


def count_numbers(files: list[Path], shown: str) -> int:
    """Return how many numbers safetensors files contain, according to their headers.

    Raises CheckpointError for a header that is damaged or claims more than its file contains.
    """
    return sum(_numbers_in(file, shown) for file in files)


def _numbers_in(file: Path, shown: str) -> int:
    # Format: the length of the header in 8 bytes, the header in JSON, the numbers.
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > min(MAX_HEADER_BYTES, size - 8):
            raise damaged(shown, f"{file.name} has a header of {length} bytes")
        text = opened.read(length)
    numbers = end = 0
    try:
        header = parse_json(text)
        for name, tensor in header.items():
            if name != "__metadata__":
                numbers += _product(tensor["shape"])
                end = max(end, int(tensor["data_offsets"][1]))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise damaged(shown, f"{file.name} has a damaged header") from None
    # The smallest type of the format takes half a byte, which bounds the count by the file size.
    if end > size - 8 - length or numbers > 2 * size:
        raise damaged(shown, f"{file.name} has a header that claims more than the file contains")
    return numbers


def _product(shape: list[int]) -> int:
    if len(shape) > MAX_DIMENSIONS or not all(0 <= side <= MAX_SIDE for side in shape):
        raise ValueError
    return math.prod(shape)


def _indexed(folder: Path, shown: str) -> list[str]:
    shards = read_object(folder / INDEX, shown).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(x, str) for x in shards.values()):
        shards = {}
    names = sorted(set(shards.values()))
    if not names:
        raise _unusable(shown, f"{INDEX} has no weight_map of names")
    for name in names:
        if not _SHARD.fullmatch(name):
            raise _unusable(
                shown, f"{INDEX} names a file other than model*.safetensors in the same folder"
            )
    return names


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def damaged(shown: str, reason: str) -> CheckpointError:
    """Return the error for files that cannot be loaded."""
    return CheckpointError(
        f"{shown} could not be loaded ({reason}): its files are damaged or do not belong together. "
        "Save or download it again, or choose another checkpoint."
    )


def _unusable(shown: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{shown} has weights that cannot be used ({reason}): save or download it again, or choose "
        "another checkpoint."
    )

"""Files of a checkpoint's folder: regular ones alone are opened, and read up to a stated size."""

import json
import math
import os
import re
import stat
from pathlib import Path

from intent.errors import CheckpointError

MAX_JSON_BYTES = 2_000_000  # a config of 10,000 labels has half a megabyte
MAX_HEADER_BYTES = 4_000_000  # of a safetensors file; Whisper large's 1,259 tensors take 0.14 MB
MAX_WEIGHT_BYTES_HERE = 10_000_000_000  # of a folder's weights; XLS-R-2B's float32 ones are 8.6 GB

MAX_DIMENSIONS, MAX_SIDE = 16, 2**40  # of a tensor, so that their product is quickly computed

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model[A-Za-z0-9_.-]*\.safetensors")


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Return a regular file's bytes; raises OSError, or ValueError if it is too long or none.

    A pipe is opened without waiting for its other end, which may never come.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > max_bytes:
            raise ValueError(
                f"it has {found.st_size / 1e6:.1f} MB, at most {max_bytes / 1e6:g} MB are read"
            )
        return file.read(max_bytes)


def parse_json(text: bytes) -> object:
    """Return the value of a JSON text; raises ValueError, for NaN and deep nesting as well."""
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_object(path: Path, shown: str, max_bytes: int = MAX_JSON_BYTES) -> dict:
    """Return a JSON object of a checkpoint; raises CheckpointError, which calls it `shown`."""
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
    """Return the files of a folder's safetensors weights, or none if it has none.

    Each lies in the folder itself (a link may lead to a regular file, as in the Hub's cache).
    Raises CheckpointError for what is no regular file, lies elsewhere or is too large.
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
    if size > MAX_WEIGHT_BYTES_HERE:
        raise _unusable(
            shown,
            f"they have {size / 1e9:.1f} GB, at most {MAX_WEIGHT_BYTES_HERE / 1e9:.0f} GB are loaded",
        )
    return [folder / name for name in names]


def count_numbers(files: list[Path], shown: str) -> int:
    """Return how many numbers safetensors files hold, by their headers and within their sizes.

    Raises CheckpointError for a header that is damaged or claims more than its file holds.
    """
    return sum(_numbers_in(file, shown) for file in files)


def _numbers_in(file: Path, shown: str) -> int:
    # The format: 8 bytes with the header's length, the header in JSON, the numbers.
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
    # No type of the format takes less than half a byte, so that a claim is bounded by the file.
    if end > size - 8 - length or numbers > 2 * size:
        raise damaged(shown, f"{file.name} has a header that claims more than it holds")
    return numbers


def _product(shape: list[int]) -> int:
    if len(shape) > MAX_DIMENSIONS or not all(0 <= side <= MAX_SIDE for side in shape):
        raise ValueError
    return math.prod(shape)


def _indexed(folder: Path, shown: str) -> list[str]:
    shards = read_object(folder / INDEX, shown).get("weight_map")
    names = set(shards.values()) if _is_text_map(shards) else set()
    if not names:
        raise _unusable(shown, f"{INDEX} has no weight_map of names")
    for name in sorted(names):
        if not _SHARD.fullmatch(name):
            raise _unusable(
                shown, f"{INDEX} names a file that is not one of its folder's model*.safetensors"
            )
    return sorted(names)


def _is_text_map(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def damaged(shown: str, reason: str) -> CheckpointError:
    """Return what to raise for files that cannot be loaded."""
    return CheckpointError(
        f"{shown} could not be loaded ({reason}): its files are damaged or do not belong together. "
        "Save or fetch it again, or choose another checkpoint."
    )


def _unusable(shown: str, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{shown} has weights that cannot be used ({reason}): save or fetch it again, or choose "
        "another checkpoint."
    )

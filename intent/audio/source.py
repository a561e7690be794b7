"""Open a recording, given as a path, as bytes or as an open file."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intent.audio.decoding import BinaryFile
from intent.errors import AudioError

Source = str | Path | bytes | io.BufferedReader


@contextmanager
def opened(source: Source) -> Iterator[tuple[BinaryFile, str]]:
    """Yield the file and the name for messages of a recording that is not empty; raises AudioError."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield _not_empty(io.BytesIO(source), "This recording")
    elif isinstance(source, io.BufferedReader):
        yield _not_empty(source, _display_name(Path(source.name)))
    elif isinstance(source, (str, Path)) and str(source):
        with _opened_path(Path(source)) as file:
            yield file
    else:
        raise AudioError("A recording was expected, but none was given. Record or choose one.")


@contextmanager
def _opened_path(path: Path) -> Iterator[tuple[BinaryFile, str]]:
    name = _display_name(path)
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a device"
            raise AudioError(f"{name} is {kind}, not a file. Choose a sound file.")
        with path.open("rb") as file:
            yield _not_empty(file, name)
    except FileNotFoundError:
        raise AudioError(f"{name} was not found. Check its path and try again.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is not valid"
        raise AudioError(f"{name} cannot be opened ({reason}). Choose another file.") from error


def _not_empty(file: BinaryFile, name: str) -> tuple[BinaryFile, str]:
    if not file.read(1):
        raise AudioError(f"{name} is empty (0 bytes). Record or export it again.")
    return file, name


def _display_name(path: Path) -> str:
    label = " ".join((path.name or str(path)).split())
    return f'The recording "{label if len(label) <= 80 else label[:77] + "..."}"'

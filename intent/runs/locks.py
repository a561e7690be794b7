"""File locks that are released when their process ends, so that none can become stale."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intent.errors import RunError

PROBE_SECONDS = 0.5  # longer than `is_held` ever holds a lock


@contextmanager
def hold(file: Path, holder: str | None = None, patience: float = PROBE_SECONDS) -> Iterator[bool]:
    """Hold a file's lock within the block, and write the holder's name, if given, to the file.

    Yields False, holding nothing, if another process (or another block in this one) has held it
    for `patience` seconds. Raises RunError if the file system or the operating system has no such
    locks.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        taken = _take(descriptor, file, patience)
        if taken and holder is not None:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{holder}\n".encode(), 0)
        yield taken
    finally:
        os.close(descriptor)


def is_held(file: Path) -> bool:
    """Return whether a process holds a file's lock."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A shared lock, so that concurrent calls do not block each other.
        return not _flock(descriptor, file, shared=True)
    finally:
        os.close(descriptor)


def holder_of(file: Path) -> str:
    """Return the name of the latest holder, or "" if there was none."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _take(descriptor: int, file: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not _flock(descriptor, file, shared=False):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _flock(descriptor: int, file: Path, shared: bool) -> bool:
    try:
        import fcntl
    except ImportError:
        raise RunError("Training needs the file locks of Linux or macOS: run it there.") from None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise RunError(
            f"The folder {file.parent} does not support file locks ({error.strerror}): "
            "choose a runs folder on a local disk."
        ) from None
    return True

"""Paths of bundled files, the runs folder and the cache, and atomic writing of files."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUNDLED_CHECKPOINT = ASSETS / "checkpoint"
SAMPLE_DATA = ASSETS / "sample"
OWN_WORDS_DATA = ASSETS / "own-words"
EXAMPLES = ASSETS / "examples"

MINDS14_HUB_ID = "PolyAI/minds14"
MINDS14 = "minds14"  # the name of MInDS-14 in recipes
BUNDLED = "bundled"  # the name of the bundled checkpoint in recipes
SAMPLE = "sample"  # the name of the bundled sample data set in recipes
OWN_WORDS = "own-words"  # the name of the bundled exam; nothing is trained on it
# The id of a run is the name of its folder.
RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z]{1,20}-[0-9a-f]{4}")


def runs_dir() -> Path:
    """Return the runs folder: INTENT_RUNS, or `runs` in the current folder."""
    return Path(os.environ.get("INTENT_RUNS") or "runs").resolve()


def cache_dir() -> Path:
    """Return the cache folder: INTENT_CACHE, or `intent-studio` in the user's cache."""
    if chosen := os.environ.get("INTENT_CACHE"):
        return Path(os.path.expanduser(chosen)).resolve()
    user_cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(user_cache), "intent-studio").resolve()


def folder_bytes(folder: Path) -> int:
    """Return the total size of the files in a folder, in bytes."""
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):  # deleted since the folder was listed
                total += os.lstat(os.path.join(parent, file)).st_size
    return total


@contextmanager
def written_whole(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Write a file atomically: yields a temporary file that replaces it when the block ends.

    Creates missing folders; several processes and threads may write the same file. `durable` syncs
    it to the disk, so that it is complete after a power failure too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_native_id()}.part")
    try:
        with named(path), part.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Add the path to an OSError raised in the block: the system adds it only to errors of open."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Sync a folder and everything in it to the disk."""
    for path in (*folder.rglob("*"), folder):
        sync(path)

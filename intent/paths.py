"""Where things lie: what ships with the project, and where runs and caches are kept."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUNDLED_CHECKPOINT = ASSETS / "checkpoint"
SAMPLE_DATA = ASSETS / "sample"
EXAMPLES = ASSETS / "examples"

MINDS14_HUB_ID = "PolyAI/minds14"  # on the Hub
MINDS14 = "minds14"  # how a recipe names MInDS-14 on the Hub
BUNDLED = "bundled"  # how a recipe names the bundled checkpoint
SAMPLE = "sample"  # how a recipe names the bundled sample data set
RUN_ID = re.compile(
    r"[0-9]{8}-[0-9]{6}-[a-z]{1,20}-[0-9a-f]{4}"
)  # of a run, the name of its folder


def runs_dir() -> Path:
    """Return the folder that holds the runs: INTENT_RUNS, or `runs` in the current folder."""
    return Path(os.environ.get("INTENT_RUNS") or "runs").resolve()


def cache_dir() -> Path:
    """Return where features are cached: INTENT_CACHE, or `intent-studio` in the user's cache."""
    if chosen := os.environ.get("INTENT_CACHE"):
        return Path(os.path.expanduser(chosen)).resolve()
    user_cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(user_cache), "intent-studio").resolve()


def folder_bytes(folder: Path) -> int:
    """Return how many bytes the files in a folder take."""
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):  # deleted since the folder was listed
                total += os.lstat(os.path.join(parent, file)).st_size
    return total


@contextmanager
def written_whole(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write that takes its place when the block ends: all of it, or nothing.

    Folders are made; two processes that write the same file do not disturb each other. `durable`
    waits until it is on the disk, so that after a loss of power it is whole as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
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
    """Let a failure to write within the block say where: the system names a file only as it opens."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of its files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Wait until a folder and all in it is on the disk."""
    for path in (*folder.rglob("*"), folder):
        sync(path)

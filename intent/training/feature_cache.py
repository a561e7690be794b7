"""Features on disk, one file each, in a folder per front end; all folders together within a size cap."""

import os
import shutil
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from intent import distributed
from intent.paths import cache_dir, written_whole

CACHE_GIGABYTES = 8.0  # unless INTENT_CACHE_GB is set
# Pooled rows and spans of speech, which save the most time per byte: large arrays, such as activations
# over time, leave them a share of the cap.
SMALL_BYTES = 1 << 16
HEADER_BYTES = 128  # of an array in its file
SMALL_SHARE = 0.05
FREED_SHARE = 0.1  # of the cap: what is freed at a time, so that the folders are not listed often


class FeatureCache:
    """The features of one front end.

    An array is not stored where there is no room for it, and another process may remove what is stored:
    whoever reads one must be able to compute it again. Only front ends that this process does not use
    are removed to make room, the least recently used first.
    """

    def __init__(self, key: str) -> None:
        self.folder = cache_dir() / "features" / key
        self.folder.mkdir(parents=True, exist_ok=True)
        os.utime(self.folder)
        _in_use.add(self)
        self.room = _rooms.setdefault(self.folder.parent, _Room(self.folder.parent))
        self.room.measure()

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another large array."""
        return self.room.is_full

    def path(self, part_hash: str, copy: int = 0) -> Path:
        """Return the file for the features of a part of a clip, or of an augmented copy of it."""
        return self.folder / f"{part_hash}-{copy}.npy"

    def load_or_compute(self, path: Path, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the array in a file; if it is missing, compute it and store it if there is room."""
        with suppress(FileNotFoundError):
            return np.load(path)
        array = compute()
        self.write(path, array)
        return array

    def write(self, path: Path, array: np.ndarray) -> None:
        """Write an array if there is room, atomically: readers find all of it or no file."""
        if self.room.takes(array.nbytes):
            with written_whole(path) as file:
                np.save(file, array)


class _Room:
    """The bytes that this process may still write to the folder of all front ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.left = 0.0
        self.is_full = False  # for large arrays

    def measure(self) -> None:
        """Measure what is left, and remove front ends above the cap."""
        with self.lock:
            self.left, self.is_full = self._freed(0.0), False

    def takes(self, size: int) -> bool:
        """Return whether an array of so many bytes is to be written; counts it as written."""
        needed = size + HEADER_BYTES + (0.0 if size <= SMALL_BYTES else SMALL_SHARE * _cap())
        with self.lock:
            if needed > self.left and not self.is_full:
                self.left = self._freed(max(needed, FREED_SHARE * _cap()))
            if needed > self.left:
                self.is_full = True
                return False
            self.left -= size + HEADER_BYTES
            return True

    def _freed(self, needed: float) -> float:
        """Remove front ends until so many bytes are free, if possible; return those that are free."""
        folders = sorted(self.folder.iterdir(), key=_last_use)
        sizes = {folder: _size(folder) for folder in folders}
        free = _cap() - sum(sizes.values())
        used_here = {cache.folder for cache in list(_in_use)}
        for folder in folders:
            if free >= needed or not distributed.is_lead():
                break
            if folder not in used_here:
                shutil.rmtree(folder, ignore_errors=True)
                free += sizes[folder]
        return free / distributed.count()


_in_use: weakref.WeakSet[FeatureCache] = weakref.WeakSet()
_rooms: dict[Path, _Room] = {}  # by the folder of all front ends


def _cap() -> float:
    return float(os.environ.get("INTENT_CACHE_GB") or CACHE_GIGABYTES) * 1e9


def _last_use(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # another process has removed it
        return 0.0


def _size(folder: Path) -> int:
    """Return the bytes of a folder's files; another process may be writing or removing them."""
    total = 0
    with suppress(OSError):
        for file in os.scandir(folder):
            with suppress(OSError):
                total += file.stat().st_size
    return total

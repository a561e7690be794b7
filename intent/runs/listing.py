"""List the summaries of a folder's runs; only runs that changed are read again.

The page lists the runs each second for each visitor, and a folder may hold a thousand of them. While a
run is not training, every change to it (a new name, a place in the queue, a deleted model) adds,
replaces or removes a file in its folder, and so changes the folder's modification time.
"""

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import FOLDER_LOCK, holder, in_queue_order
from intent.runs.store import age, is_run, recover, run_names
from intent.runs.summary import RunSummary, summarize

# Changes within this time can have the same modification time: the coarsest file systems store it
# in steps of two seconds.
SETTLING_NS = 2_000_000_000

_listings: dict[Path, "_Listing"] = {}
_listings_lock = threading.Lock()


def summaries(runs: Path) -> tuple[RunSummary, ...]:
    """Return the summaries of a folder's runs, the newest first.

    Returns the same tuple as long as nothing changes.
    """
    with _listings_lock:
        listing = _listings.setdefault(runs, _Listing(runs))
    with listing.lock:
        return listing.refreshed()


@dataclass(frozen=True)
class _Entry:
    """A folder as last read; `summary` is None if it is not a run."""

    modified: int  # ns
    events: tuple[int, int]  # size and modification time of the events file
    is_settled: bool  # any later change will change a time above
    age: tuple[str, int, str]
    summary: RunSummary | None


@dataclass
class _Listing:
    """The entries of one runs folder, by the names of their folders."""

    runs: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    entries: dict[str, _Entry] = field(default_factory=dict)
    found: tuple[RunSummary, ...] = ()
    names: list[str] = field(default_factory=list)
    names_of: int | None = None  # when the runs folder was modified, ns; None: list it again
    last_start: int = 0  # when the latest training began, ns

    def refreshed(self) -> tuple[RunSummary, ...]:
        """Read the runs that changed, and return the summaries."""
        before = self.entries
        folder_lock = self.runs / FOLDER_LOCK
        # Times are taken before reading, so that a change in between is seen next time.
        last_start = _modified(str(folder_lock))
        training = holder(self.runs)[0] if locks.is_held(folder_lock) else ""
        times = _times_of(self.runs, self._run_names())
        current = {
            name: entry
            for name, modified in times.items()
            if (entry := before.get(name)) and entry.is_settled and entry.modified == modified
        }
        current.pop(training, None)
        if last_start != self.last_start:  # a run may have begun and ended since
            current = {
                name: entry
                for name, entry in current.items()
                if entry.events == _events_key(self.runs / name)
            }
        changed = [name for name in times if name not in current]
        queue = in_queue_order(RunDir(self.runs / name) for name in changed)
        for name in changed:
            is_idle = name != training
            current[name] = _read(self.runs / name, times[name], queue, is_idle, before.get(name))
        if changed or len(current) != len(before):
            self._sort(current)
        self.entries, self.last_start = current, last_start
        return self.found

    def _run_names(self) -> list[str]:
        modified = _modified(str(self.runs))
        if modified != self.names_of:
            self.names_of = modified if _is_settled(modified) else None
            self.names = run_names(self.runs)
        return self.names

    def _sort(self, entries: dict[str, _Entry]) -> None:
        newest_first = sorted(entries.values(), key=lambda entry: entry.age, reverse=True)
        found = tuple(entry.summary for entry in newest_first if entry.summary)
        if found != self.found:
            self.found = found


def _read(
    folder: Path, modified: int, queue: list[RunDir], is_idle: bool, before: _Entry | None
) -> _Entry:
    run, events = RunDir(folder), _events_key(folder)
    is_old = _is_settled(modified)
    if not is_run(run):
        return _Entry(modified, events, is_old, age(run), None)
    recover(run)
    summary = summarize(run, queue)
    if before and before.summary == summary:
        summary = before.summary
    return _Entry(modified, events, is_old and is_idle and not summary.is_live, age(run), summary)


def _times_of(runs: Path, names: Iterable[str]) -> dict[str, int]:
    # Joined as text: creating a thousand Paths would take most of the time.
    folder = f"{runs}{os.sep}"
    return {name: _modified(folder + name) for name in names}


def _is_settled(modified: int) -> bool:
    """Return whether another change would change the modification time."""
    return time.time_ns() - modified > SETTLING_NS


def _events_key(folder: Path) -> tuple[int, int]:
    try:
        found = RunDir(folder).events_file.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0

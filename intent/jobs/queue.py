"""The queue: runs that wait for the one that trains, each a file in its directory, begun in order."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from intent.errors import RunError
from intent.jobs.processes import KilledError, leaving, train_in_child
from intent.jobs.worker import BusyError, WithdrawnError
from intent.paths import written_whole
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.disk_full import runs_folder_message
from intent.runs.events import Event, Failed, Phase
from intent.runs.live import FOLDER_LOCK, live_run, queued_runs

STARTER_LOCK = ".starter"  # in the runs folder: held by whoever starts what is queued
ENTRY_LOCK = ".entry"  # held by whoever counts what is queued to add a run
MAX_QUEUED = 20  # runs that wait
OWNERS_PLACES = 4  # of these, which no visitor takes
MAX_QUEUED_OF_VISITOR = 3
TICK_SECONDS = 0.25  # between two looks at the queue
RETRY_SECONDS = 10  # after a look that failed

log = logging.getLogger(__name__)


def enqueue(run: RunDir) -> None:
    """Put a run at the end of the queue; one that waits already keeps its place.

    Raises RunError where the queue is full, or where that cannot be written.
    """
    if run.queued_file.exists():
        return
    try:
        with locks.hold(run.path.parent / ENTRY_LOCK) as ours:
            if not ours:
                raise RunError("Others enter the queue just now: try again in a moment.")
            check_room(run.path.parent, run.owner)
            with written_whole(run.queued_file) as file:
                file.write(str(time.time_ns()).encode())
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be queued ({error.strerror}): look at the folder {run.path}."
        ) from None


def check_room(runs: Path, owner: str | None) -> None:
    """Raise RunError where the queue is full, for everybody or for this visitor (None: the owner).

    Some places are left for the owner, whom nobody with many names should keep from training.
    """
    waiting = queued_runs(runs)
    if len(waiting) >= (MAX_QUEUED if owner is None else MAX_QUEUED - OWNERS_PLACES):
        raise RunError(
            f"{len(waiting)} runs wait in the queue, which holds no more: try again when one of "
            "them has begun."
        )
    own = sum(run.owner == owner for run in waiting)
    if owner is not None and own >= MAX_QUEUED_OF_VISITOR:
        raise RunError(
            f"{own} runs of yours wait in the queue, no more are taken of one visitor: withdraw "
            "one, or try again when one has begun."
        )


def withdraw(run: RunDir) -> bool:
    """Take a run out of the queue; False where it does not wait there (any more)."""
    try:
        run.queued_file.unlink()
    except FileNotFoundError:
        return False
    return True


def start_next(runs: Path) -> RunDir | None:
    """Begin the first run of the queue if nothing trains; return it, or None if none was begun.

    One process at a time does so. A run that waits in a process of its own (the command line's) is
    left to that process. A run that cannot begin is told so by a Failed event, and leaves the queue;
    one whose process was killed as it began is interrupted.
    """
    with locks.hold(runs / STARTER_LOCK) as ours:
        return _start_next(runs) if ours else None


def keep_starting(runs: Path) -> None:
    """Begin queued runs in their order, for as long as this process lives; for a thread of its own.

    Where several processes do so, one of them begins the runs and the others stand by.
    """
    told = ""
    while not leaving.wait(TICK_SECONDS):
        try:
            runs.mkdir(parents=True, exist_ok=True)
            with locks.hold(runs / STARTER_LOCK) as ours:
                if told:
                    log.warning("The runs folder %s can be written to again: runs start.", runs)
                    told = ""
                while ours and not leaving.wait(TICK_SECONDS):
                    _start_next(runs)
        except (OSError, RunError) as error:  # a disk that is away may come back
            problem = runs_folder_message(runs, error) if isinstance(error, OSError) else str(error)
            if problem != told:  # once, and not at every look
                log.warning("No run can start now. %s", problem)
                told = problem
            leaving.wait(RETRY_SECONDS)


@contextmanager
def in_turn(run: RunDir, on_wait: Callable[[RunDir], None]) -> Iterator[None]:
    """Wait in the queue, then let the block train the run in this process.

    `on_wait` hears behind which run it waits, whenever that changes. Runs that nobody is there to
    start are not waited for. Raises RunError where the queue is full, and WithdrawnError where
    somebody takes the run out of it.
    """
    check_room(run.path.parent, None)
    part = run.path / "queued.part"  # locked before it is a place in the queue
    with locks.hold(part, str(time.time_ns())):
        try:
            os.replace(part, run.queued_file)
            last = None
            while ahead := _ahead(run):
                if ahead != last:
                    on_wait(last := ahead)
                time.sleep(TICK_SECONDS)
                if not run.queued_file.exists():
                    raise WithdrawnError(f"Run {run.id} was withdrawn before it began.")
            yield
        finally:
            withdraw(run)


def _ahead(run: RunDir) -> RunDir | None:
    runs = run.path.parent
    if live := live_run(runs):
        return live
    for other in queued_runs(runs):
        if other == run:
            return None
        if locks.is_held(other.queued_file) or locks.is_held(runs / STARTER_LOCK):
            return other
    return None


def _start_next(runs: Path) -> RunDir | None:
    if leaving.is_set() or locks.is_held(runs / FOLDER_LOCK):
        return None
    run = next(iter(queued_runs(runs)), None)
    if run is None or locks.is_held(run.queued_file):
        return None
    try:
        train_in_child(run)
    except (BusyError, WithdrawnError):
        return None
    except KilledError:
        _end(run, Phase("Starting", time=time.time()))
        return None
    except RunError as error:
        _end(run, Failed(str(error), time=time.time()))
        return None
    return run


def _end(run: RunDir, word: Event) -> None:
    """Take a run that did not begin out of the queue, behind its last word: killed between, it waits."""
    with suppress(OSError):  # on a full disk it is interrupted instead
        run.append(word)
    withdraw(run)

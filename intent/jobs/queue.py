"""The queue: a run is queued by a file in its directory, and queued runs begin in order."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from intent.errors import RunError
from intent.jobs.worker import WithdrawnError, removed
from intent.paths import written_whole
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import STARTER_LOCK, live_run, queued_runs

ENTRY_LOCK = ".entry"  # in the runs folder: held while a run is added to the queue
MAX_QUEUED = 20  # runs
OWNERS_PLACES = 4  # of these, reserved for the owner
MAX_QUEUED_OF_VISITOR = 3
TICK_SECONDS = 0.25  # between two checks of the queue


def enqueue(run: RunDir) -> None:
    """Add a run to the end of the queue; a queued run keeps its place.

    Raises RunError if the queue is full or cannot be written, or the run was removed.
    """
    if run.queued_file.exists():
        return
    try:
        with locks.hold(run.path.parent / ENTRY_LOCK) as ours:
            if not ours:
                raise RunError("The queue is busy: try again in a moment.")
            if not run.recipe_file.is_file():  # or its folder would be made again
                raise removed(run)
            check_room(run.path.parent, run.owner)
            with written_whole(run.queued_file) as file:
                file.write(str(time.time_ns()).encode())
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be queued ({error.strerror}): check the permissions of {run.path}."
        ) from None


def check_room(runs: Path, owner: str | None) -> None:
    """Raise RunError if the queue is full, in all or for this visitor (None: the owner).

    Some places are reserved for the owner, so that a visitor with many identities cannot fill the queue.
    """
    waiting = queued_runs(runs)
    if len(waiting) >= (MAX_QUEUED if owner is None else MAX_QUEUED - OWNERS_PLACES):
        raise RunError(
            f"The queue is full with {len(waiting)} runs: try again when one of them has started."
        )
    own = sum(run.owner == owner for run in waiting)
    if owner is not None and own >= MAX_QUEUED_OF_VISITOR:
        raise RunError(
            f"You have {own} runs in the queue, the most that one visitor may have: remove "
            "one from the queue, or try again when one has started."
        )


def withdraw(run: RunDir) -> bool:
    """Remove a run from the queue; return False if it is not queued."""
    try:
        run.queued_file.unlink()
    except FileNotFoundError:
        return False
    return True


@contextmanager
def in_turn(run: RunDir, on_wait: Callable[[RunDir], None]) -> Iterator[None]:
    """Wait in the queue, then let the block train the run in this process.

    Calls `on_wait` with the run ahead whenever it changes. Queued runs that no process will start
    are skipped. Raises RunError if the queue is full, and WithdrawnError if the run is
    removed from it.
    """
    check_room(run.path.parent, None)
    part = run.path / "queued.part"  # locked before the run counts as queued
    with locks.hold(part, str(time.time_ns())):
        try:
            os.replace(part, run.queued_file)
            last = None
            while ahead := _ahead(run):
                if ahead != last:
                    on_wait(last := ahead)
                time.sleep(TICK_SECONDS)
                if not run.queued_file.exists():
                    raise WithdrawnError(
                        f"Run {run.id} was removed from the queue before it began."
                    )
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

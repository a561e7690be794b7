"""The queue: runs that wait for the one that trains, each a file in its directory, begun in order."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from intent.errors import RunError
from intent.jobs.worker import WithdrawnError
from intent.paths import written_whole
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import STARTER_LOCK, live_run, queued_runs

ENTRY_LOCK = ".entry"  # in the runs folder: held while a run is added to the queue
MAX_QUEUED = 20  # runs that wait
OWNERS_PLACES = 4  # of these, which no visitor takes
MAX_QUEUED_OF_VISITOR = 3
TICK_SECONDS = 0.25  # between two looks at the queue


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

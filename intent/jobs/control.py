"""Start, stop and resume runs, and look after those that wait, while the app lives."""

from contextlib import suppress
from pathlib import Path

from intent.errors import RunError
from intent.jobs.queue import enqueue, withdraw
from intent.jobs.starter import keep_starting, start_next
from intent.jobs.worker import request_stop
from intent.runs.directory import RunDir
from intent.runs.live import queued_runs
from intent.runs.store import State, check_resumable, state
from intent.runs.trash import KEEP_DAYS, empty_trash


def start_run(run: RunDir) -> None:
    """Train in a child process, from the start or from where the run was left, once it may.

    While another run trains, this one is queued. Returns when it has begun, is queued, or could not
    begin, which a Failed event tells; raises RunError where it cannot even be queued.
    """
    enqueue(run)
    runs = run.path.parent
    if queued_runs(runs)[:1] == [run]:
        start_next(runs)


def look_after(runs: Path) -> None:
    """Delete what has lain in the trash for long, then begin what is queued, while the app lives."""
    with suppress(RunError):  # it can be emptied by hand, which says what is wrong
        empty_trash(runs, KEEP_DAYS)
    keep_starting(runs)


def resume_run(run: RunDir) -> None:
    """Go on with a run that ended before it was done, from its last checkpoint, once it may.

    Raises RunError for a run that is done, trains or waits.
    """
    check_resumable(run)
    start_run(run)


def stop_run(run: RunDir) -> State:
    """Ask a run to stop, or withdraw it from the queue, and return its state then.

    One that has ended is left as it is. Raises RunError where the request cannot be written.
    """
    if not withdraw(run) and state(run) == "running":
        request_stop(run)
    return state(run)

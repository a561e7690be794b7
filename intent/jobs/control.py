"""Start, stop and resume runs, and start queued runs while the app is running."""

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
    """Train a run in a child process, from the start or from its latest checkpoint.

    While another run is training, this one is queued. Returns once it has begun, is queued, or could
    not begin, which a Failed event records; raises RunError if it cannot be queued.
    """
    enqueue(run)
    runs = run.path.parent
    if queued_runs(runs)[:1] == [run]:
        start_next(runs)


def look_after(runs: Path) -> None:
    """Empty the trash of old runs, then start queued runs for as long as the app is running."""
    with suppress(RunError):  # emptying it by hand shows the error
        empty_trash(runs, KEEP_DAYS)
    keep_starting(runs)


def resume_run(run: RunDir) -> None:
    """Resume a run from its latest checkpoint, or queue it while another run is training.

    Raises RunError for a run that is done, training or queued.
    """
    check_resumable(run)
    start_run(run)


def stop_run(run: RunDir) -> State:
    """Request a run to stop, or remove it from the queue, and return its new state.

    A run that has ended is not changed. Raises RunError if the request cannot be written.
    """
    if not withdraw(run) and state(run) == "running":
        request_stop(run)
    return state(run)

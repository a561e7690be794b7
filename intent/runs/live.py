"""Find the run that is training in a folder, and the queued ones."""

from collections.abc import Iterable
from pathlib import Path

from intent.paths import RUN_ID
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.store import run_names

# In the runs folder:
FOLDER_LOCK = ".lock"  # held by the process that trains
STARTER_LOCK = ".starter"  # held by the app that starts queued runs


def live_run(runs: Path) -> RunDir | None:
    """Return the run that is training now, whichever process trains it."""
    if not locks.is_held(runs / FOLDER_LOCK):
        return None
    run_id, _ = holder(runs)
    if RUN_ID.fullmatch(run_id) and locks.is_held(RunDir(runs / run_id).lock_file):
        return RunDir(runs / run_id)
    return None


def holder(runs: Path) -> tuple[str, int | None]:
    """Return the id of the run that trained last in a folder, and the id of its process."""
    run_id, _, process = locks.holder_of(runs / FOLDER_LOCK).partition(" ")
    return run_id, int(process) if process.isascii() and process.isdigit() else None


def queued_runs(runs: Path) -> list[RunDir]:
    """Return the queued runs of a folder, the next one first."""
    return in_queue_order(RunDir(runs / name) for name in run_names(runs))


def in_queue_order(runs: Iterable[RunDir]) -> list[RunDir]:
    """Return those of some runs that are queued, the next one first."""
    queued = {run: _queued_since(run) for run in runs if run.queued_file.exists()}
    return sorted(
        (run for run in queued if not locks.is_held(run.lock_file)),
        key=lambda run: (queued[run], run.id),
    )


def _queued_since(run: RunDir) -> int:
    text = locks.holder_of(run.queued_file)
    return int(text) if text.isascii() and text.isdigit() else 0

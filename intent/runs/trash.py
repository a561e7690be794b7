"""Removed runs, which are kept complete in a trash folder until it is emptied."""

import os
import shutil
import time
from pathlib import Path

from intent.errors import RunError
from intent.paths import RUN_ID
from intent.runs import locks
from intent.runs.directory import RunDir

TRASH = ".trash"  # in the runs folder
KEEP_DAYS = 30  # older runs in the trash are deleted when the app starts
DAY = 86400  # seconds


def trash_run(run: RunDir) -> None:
    """Move a run with all its files to the trash of its runs folder.

    Raises RunError, with nothing moved, if it is training or queued, or is not a run.
    """
    if not RUN_ID.fullmatch(run.id) or run.path.is_symlink() or not run.recipe_file.is_file():
        raise RunError(f"{run.path} is not the folder of a run: nothing was removed.")
    trash = run.path.parent / TRASH
    try:
        with locks.hold(run.lock_file) as idle:
            if not idle:
                raise RunError(f"Run {run.id} is training now: stop it first.")
            if run.queued_file.exists():
                raise RunError(f"Run {run.id} is queued: remove it from the queue first.")
            trash.mkdir(exist_ok=True)
            os.utime(run.path)  # the time of the removal
            os.replace(run.path, trash / run.id)
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be removed ({error.strerror}): check the permissions of {run.path}."
        ) from None


def restore_run(runs: Path, run_id: str) -> RunDir:
    """Restore a run from the trash; raises RunError if it is not there."""
    trashed, run = trashed_run(runs, run_id), RunDir(runs / run_id)
    try:
        os.replace(trashed.path, run.path)
    except OSError as error:
        raise RunError(
            f"Run {run_id} cannot be restored ({error.strerror}): check the permissions of "
            f"{trashed.path}."
        ) from None
    return run


def trashed_run(runs: Path, run_id: str) -> RunDir:
    """Return the run with an id in the trash; raises RunError if there is none."""
    if not RUN_ID.fullmatch(run_id) or not (runs / TRASH / run_id).is_dir():
        shown = " ".join(run_id.split())[:60]
        raise RunError(f"There is no run {shown!r} in the trash of {runs}.")
    return RunDir(runs / TRASH / run_id)


def trashed_runs(runs: Path) -> list[RunDir]:
    """Return the runs in the trash, the most recently removed first."""
    try:
        found = [RunDir(path) for path in (runs / TRASH).iterdir() if RUN_ID.fullmatch(path.name)]
        return sorted(found, key=lambda run: (_removed_at(run), run.id), reverse=True)
    except OSError:
        return []


def empty_trash(runs: Path, older_than_days: float | None = None) -> int:
    """Delete the runs in the trash, or only the older ones, and return how many were deleted.

    Raises RunError if one cannot be deleted.
    """
    count = 0
    for run in trashed_runs(runs):
        if older_than_days is not None and time.time() - _removed_at(run) < older_than_days * DAY:
            continue
        try:
            shutil.rmtree(run.path)
        except OSError as error:
            raise RunError(
                f"The trash cannot be emptied ({error.strerror}): check the permissions of {run.path}."
            ) from None
        count += 1
    return count


def _removed_at(run: RunDir) -> float:
    return run.path.stat().st_mtime

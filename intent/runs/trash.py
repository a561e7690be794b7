"""Runs that were removed: kept whole in a trash folder beside the others until it is emptied."""

import os
import shutil
import time
from pathlib import Path

from intent.errors import RunError
from intent.paths import RUN_ID
from intent.runs import locks
from intent.runs.directory import RunDir

TRASH = ".trash"  # in the runs folder
KEEP_DAYS = 30  # what lies there for longer goes when the app starts
DAY = 86400  # seconds


def trash_run(run: RunDir) -> None:
    """Move a run and all that came out of it to the trash of its runs folder.

    Raises RunError, with nothing moved, for one that trains or waits to, or is none.
    """
    if not RUN_ID.fullmatch(run.id) or run.path.is_symlink() or not run.recipe_file.is_file():
        raise RunError(f"{run.path} is not the folder of a run: nothing was removed.")
    trash = run.path.parent / TRASH
    try:
        with locks.hold(run.lock_file) as idle:
            if not idle:
                raise RunError(f"Run {run.id} is training now: stop it before removing it.")
            if run.queued_file.exists():
                raise RunError(f"Run {run.id} waits in the queue: withdraw it before removing it.")
            trash.mkdir(exist_ok=True)
            os.utime(run.path)  # since when it lies there
            os.replace(run.path, trash / run.id)
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be removed ({error.strerror}): look at the folder {run.path}."
        ) from None


def restore_run(runs: Path, run_id: str) -> RunDir:
    """Take a run out of the trash, as it was; raises RunError where it is not there."""
    trashed, run = trashed_run(runs, run_id), RunDir(runs / run_id)
    try:
        os.replace(trashed.path, run.path)
    except OSError as error:
        raise RunError(
            f"Run {run_id} cannot be taken out of the trash ({error.strerror}): look at the "
            f"folder {trashed.path}."
        ) from None
    return run


def trashed_run(runs: Path, run_id: str) -> RunDir:
    """Return the run of that id in the trash; raises RunError where there is none."""
    if not RUN_ID.fullmatch(run_id) or not (runs / TRASH / run_id).is_dir():
        shown = " ".join(run_id.split())[:60]
        raise RunError(f"There is no run {shown!r} in the trash of {runs}: choose one of it.")
    return RunDir(runs / TRASH / run_id)


def trashed_runs(runs: Path) -> list[RunDir]:
    """Return the runs in the trash, the one that was removed last first."""
    try:
        found = [RunDir(path) for path in (runs / TRASH).iterdir() if RUN_ID.fullmatch(path.name)]
        return sorted(found, key=lambda run: (_since(run), run.id), reverse=True)
    except OSError:
        return []


def empty_trash(runs: Path, older_than_days: float | None = None) -> int:
    """Delete what lies in the trash, or only what has for so long; return how many runs.

    Raises RunError where something there cannot be deleted.
    """
    count = 0
    for run in trashed_runs(runs):
        if older_than_days is not None and time.time() - _since(run) < older_than_days * DAY:
            continue
        try:
            shutil.rmtree(run.path)
        except OSError as error:
            raise RunError(
                f"The trash cannot be emptied ({error.strerror}): look at the folder {run.path}."
            ) from None
        count += 1
    return count


def _since(run: RunDir) -> float:
    return run.path.stat().st_mtime

"""Create, open, list and rename runs, and derive their state from their files."""

import os
import secrets
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from intent.errors import RunError
from intent.paths import RUN_ID, written_whole
from intent.recipes import Recipe
from intent.runs import disk_full, locks
from intent.runs.access import OWNER, Visitor
from intent.runs.directory import RunDir, history_of, no_run
from intent.runs.events import Failed, Finished

State = Literal[
    "prepared",
    "queued",
    "running",
    "stopping",
    "done",
    "stopped",
    "out of time",
    "failed",
    "interrupted",
]
TRAINING_STATES: tuple[State, ...] = ("running", "stopping")
LIVE_STATES: tuple[State, ...] = (*TRAINING_STATES, "queued")
RESUMABLE: tuple[State, ...] = ("prepared", "stopped", "out of time", "failed", "interrupted")
MAX_NAME = 60  # characters


def create_run(runs: Path, recipe: Recipe, visitor: Visitor = OWNER) -> RunDir:
    """Create the directory of a visitor's new run in the runs folder, with the recipe in it.

    Raises RunError if the folder cannot be written to.
    """
    try:
        run = _new_folder(runs, recipe.preset)
        try:
            if not visitor.is_owner:  # before the recipe, which makes the folder a run
                with written_whole(run.owner_file, durable=True) as file:
                    file.write(visitor.key.encode())
            with written_whole(run.recipe_file, durable=True) as file:
                file.write(recipe.to_json().encode())
        except OSError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
    except OSError as error:
        raise RunError(disk_full.runs_folder_message(runs, error)) from None
    return run


def open_run(runs: Path, run_id: str) -> RunDir:
    """Return the run with an id; raises RunError if there is none."""
    if isinstance(run_id, str) and RUN_ID.fullmatch(run_id) and (runs / run_id).is_dir():
        run = RunDir(runs / run_id)
        if is_run(run):
            recover(run)
            return run
    raise no_run(runs, run_id)


def list_runs(runs: Path) -> list[RunDir]:
    """Return the runs of a folder, the newest first."""
    found = [run for name in run_names(runs) if is_run(run := RunDir(runs / name))]
    for run in found:
        recover(run)
    return sorted(found, key=age, reverse=True)


def run_names(runs: Path) -> list[str]:
    """Return the names of the folders that may be runs, in any order."""
    try:
        return [name for name in os.listdir(runs) if RUN_ID.fullmatch(name)]
    except OSError:
        return []


def is_run(run: RunDir) -> bool:
    """Return whether a folder is a run: it has a recipe."""
    return run.recipe_file.is_file()


def age(run: RunDir) -> tuple[str, int, str]:
    """Return the key that sorts runs from oldest to newest."""
    try:
        made = run.recipe_file.stat().st_mtime_ns
    except OSError:
        made = 0
    return run.id[:15], made, run.id


def finished_runs(runs: Path) -> list[RunDir]:
    """Return the runs that have a checkpoint, the newest first."""
    return [run for run in list_runs(runs) if run.model.is_dir()]


def state(run: RunDir) -> State:
    """Return the state of a run, from its files and whether a process holds its lock."""
    queued = (
        run.queued_file.exists()
    )  # read before the lock: a run that begins takes the lock first
    if locks.is_held(run.lock_file):
        return "stopping" if run.stop_requested() else "running"
    if queued:
        return "queued"
    history = history_of(run)  # read after the lock: all events are written by then
    match history.end:
        case Finished(outcome="stopped" | "out of time" as outcome):
            return outcome
        case Finished():
            return "done"
        case Failed():
            return "failed"
    begun = history.count or locks.holder_of(run.lock_file)
    return "interrupted" if begun else "prepared"


def check_resumable(run: RunDir) -> None:
    """Raise RunError for a run that is done, training or queued: there is nothing to resume."""
    now = state(run)
    if now not in RESUMABLE:
        raise RunError(f"Run {run.id} is {now}: there is nothing to resume.")


def rename_run(run: RunDir, name: str) -> None:
    """Rename a run; raises RunError for a name that is not 1 to 60 printable characters."""
    name = name.strip()
    if not (1 <= len(name) <= MAX_NAME and name.isprintable()):
        raise RunError(
            f"A run's name must have 1 to {MAX_NAME} printable characters, but is {name[:80]!r}."
        )
    try:
        with written_whole(run.name_file) as file:
            file.write(name.encode())
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be renamed ({error.strerror}): check the permissions of {run.path}."
        ) from None


def recover(run: RunDir) -> None:
    """Restore the checkpoint of a run that was killed while replacing it."""
    if run.old_model.exists() and not run.model.exists():
        with suppress(OSError), locks.hold(run.lock_file) as idle:
            if idle:
                run.recover_model()


def _new_folder(runs: Path, preset: str) -> RunDir:
    runs.mkdir(parents=True, exist_ok=True)
    while True:
        now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        path = runs / f"{now}-{preset}-{secrets.token_hex(2)}"
        try:
            path.mkdir()
            return RunDir(path)
        except FileExistsError:
            continue

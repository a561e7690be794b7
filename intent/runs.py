"""Runs: create, start, stop, resume, list and name them; their state is read off their files."""

import os
import secrets
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from intent import disk, locks
from intent.access import OWNER, Visitor
from intent.children import kill_run, prepare_worker
from intent.errors import RunError
from intent.events import Failed, Finished
from intent.paths import written_whole
from intent.queue import (
    STARTER_LOCK,
    check_room,
    enqueue,
    in_turn,
    keep_starting,
    queued_runs,
    start_next,
    withdraw,
)
from intent.recipes import Recipe
from intent.rundir import ID, RunDir, history_of, no_run
from intent.trash import KEEP_DAYS, empty_trash, restore_run, trash_run, trashed_run, trashed_runs
from intent.worker import live_run, request_stop, work

__all__ = [
    "KEEP_DAYS", "RESUMABLE", "State", "check_resumable", "check_room", "create_run", "empty_trash",
    "finished_runs", "history_of", "in_turn", "keep_starting", "kill_run", "list_runs", "live_run",
    "look_after", "open_run", "prepare_worker", "queued_runs", "rename_run", "request_stop",
    "restore_run", "resume_run", "size_bytes", "start_next", "start_run", "state", "stop_run",
    "trash_run", "trashed_run", "trashed_runs", "withdraw", "work",
]  # fmt: skip

State = Literal[
    "prepared", "queued", "running", "stopping", "done", "stopped", "out of time", "failed",
    "interrupted",
]  # fmt: skip
RESUMABLE = ("prepared", "stopped", "out of time", "failed", "interrupted")
MAX_NAME = 60  # characters


def create_run(runs: Path, recipe: Recipe, visitor: Visitor = OWNER) -> RunDir:
    """Make the directory of a visitor's new run in the runs folder, with the recipe in it.

    Raises RunError where the folder cannot be written to.
    """
    try:
        run = _new_folder(runs, recipe.preset)
        try:
            if not visitor.is_owner:  # before the recipe, which makes it a run
                with written_whole(run.owner_file, durable=True) as file:
                    file.write(visitor.key.encode())
            with written_whole(run.recipe_file, durable=True) as file:
                file.write(recipe.to_json().encode())
        except OSError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
    except OSError as error:
        raise RunError(disk.runs_folder_message(runs, error)) from None
    return run


def open_run(runs: Path, run_id: str) -> RunDir:
    """Return the run of that id; raises RunError where there is none."""
    if isinstance(run_id, str) and ID.fullmatch(run_id) and (runs / run_id).is_dir():
        run = RunDir(runs / run_id)
        if run.recipe_file.is_file():
            _mend(run)
            return run
    raise no_run(runs, run_id)


def list_runs(runs: Path) -> list[RunDir]:
    """Return the runs of a folder, the newest first."""
    try:
        found = [RunDir(path) for path in runs.iterdir() if ID.fullmatch(path.name)]
    except OSError:
        return []
    made = {run: _modified(run.recipe_file) for run in found}
    kept = [run for run in found if made[run]]
    for run in kept:
        _mend(run)
    return sorted(kept, key=lambda run: (run.id[:15], made[run], run.id), reverse=True)


def finished_runs(runs: Path) -> list[RunDir]:
    """Return the runs that hold a checkpoint, the newest first."""
    return [run for run in list_runs(runs) if run.model.is_dir()]


def state(run: RunDir) -> State:
    """Return the state of a run, from its files and from whether a process holds its lock."""
    queued = run.queued_file.exists()  # before the look at the lock, which is taken first
    if locks.is_held(run.lock_file):
        return "stopping" if run.stop_requested() else "running"
    if queued:
        return "queued"
    history = history_of(run)  # after the look at the lock: what was written is whole
    match history.end:
        case Finished(outcome="stopped" | "out of time" as outcome):
            return outcome
        case Finished():
            return "done"
        case Failed():
            return "failed"
    begun = history.count or locks.holder_of(run.lock_file)
    return "interrupted" if begun else "prepared"


def start_run(run: RunDir) -> None:
    """Train in a child process, from the start or from where the run was left, once it may.

    While another run trains, this one waits in the queue. Returns when it has begun, waits, or
    could not begin, which a Failed event tells; raises RunError where it cannot even be queued.
    """
    enqueue(run)
    runs = run.path.parent
    while state(run) == "queued" and not live_run(runs):
        if not locks.is_held(runs / STARTER_LOCK):
            start_next(runs)
            return
        if queued_runs(runs)[:1] != [run]:
            return
        time.sleep(0.02)  # whoever starts what is queued is about to begin it


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


def check_resumable(run: RunDir) -> None:
    """Raise RunError for a run with nothing to go on with: it is done, trains or waits."""
    now = state(run)
    if now not in RESUMABLE:
        raise RunError(f"Run {run.id} is {now}: there is nothing to resume.")


def stop_run(run: RunDir) -> State:
    """Ask a run to stop, or withdraw it from the queue, and return its state then.

    One that has ended is left as it is. Raises RunError where the request cannot be written.
    """
    if not withdraw(run) and state(run) == "running":
        request_stop(run)
    return state(run)


def rename_run(run: RunDir, name: str) -> None:
    """Give a run a name of 1 to 60 printable characters; raises RunError for any other."""
    name = name.strip()
    if not (1 <= len(name) <= MAX_NAME and name.isprintable()):
        raise RunError(
            f"A run's name has 1 to {MAX_NAME} printable characters, found {name[:80]!r}: "
            "choose another."
        )
    try:
        with written_whole(run.name_file) as file:
            file.write(name.encode())
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be renamed ({error.strerror}): look at the folder {run.path}."
        ) from None


def size_bytes(run: RunDir) -> int:
    """Return how many bytes the files of a run take."""
    total = 0
    for folder, _, files in os.walk(run.path):
        for file in files:
            with suppress(OSError):  # it may go while we look
                total += os.lstat(os.path.join(folder, file)).st_size
    return total


def _mend(run: RunDir) -> None:
    """Put back the checkpoint of a run that was killed while a new one took its place."""
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


def _modified(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0

"""Runs: create, start, follow, stop, list and remove them; their state is read off their files."""

import atexit
import multiprocessing
import os
import re
import secrets
import shutil
import signal
import sys
import time
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from intent import locks
from intent.errors import RunError
from intent.events import Failed, Finished
from intent.recipes import Recipe
from intent.rundir import RunDir, history_of
from intent.worker import (
    DISK_FULL,
    FOLDER_LOCK,
    PRELOAD,
    busy_message,
    child_main,
    holder,
    request_stop,
    work,
)  # fmt: skip

__all__ = [
    "State", "create_run", "finished_runs", "history_of", "kill_run", "list_runs", "live_run",
    "open_run", "prepare_worker", "refuse_second_run", "remove_run", "request_stop", "start_run",
    "state", "work",
]  # fmt: skip

State = Literal[
    "prepared", "running", "stopping", "done", "stopped", "out of time", "failed", "interrupted"
]

ID = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z]{1,20}-[0-9a-f]{4}")
START_SECONDS = 120  # a cold start on a slow machine; a prepared one takes a tenth of a second
TERM_SECONDS = 5  # from a signal to stop until the end by force

_children: dict[RunDir, BaseProcess] = {}


def create_run(runs: Path, recipe: Recipe) -> RunDir:
    """Make the directory of a new run in the runs folder, with the recipe in it.

    Raises RunError where the folder cannot be written to.
    """
    try:
        run = _new_folder(runs, recipe.preset)
        try:
            part = run.path / "recipe.json.part"
            part.write_text(recipe.to_json(), encoding="utf-8")
            os.replace(part, run.recipe_file)
        except OSError:
            shutil.rmtree(run.path, ignore_errors=True)
            raise
    except OSError as error:
        raise _unwritable(runs, error) from None
    return run


def open_run(runs: Path, run_id: str) -> RunDir:
    """Return the run of that id; raises RunError where there is none."""
    if isinstance(run_id, str) and ID.fullmatch(run_id) and (runs / run_id).is_dir():
        run = RunDir(runs / run_id)
        if run.recipe_file.is_file():
            return run
    shown = " ".join(str(run_id).split())[:60]
    raise RunError(f"There is no run {shown!r} in {runs}: choose one of that folder's runs.")


def list_runs(runs: Path) -> list[RunDir]:
    """Return the runs of a folder, the newest first."""
    try:
        found = [RunDir(path) for path in runs.iterdir() if ID.fullmatch(path.name)]
    except OSError:
        return []
    made = {run: _modified(run.recipe_file) for run in found}
    kept = [run for run in found if made[run]]
    return sorted(kept, key=lambda run: (run.id[:15], made[run], run.id), reverse=True)


def finished_runs(runs: Path) -> list[RunDir]:
    """Return the runs that hold a checkpoint, the newest first."""
    return [run for run in list_runs(runs) if run.model.is_dir()]


def live_run(runs: Path) -> RunDir | None:
    """Return the run that is training now, whoever started it."""
    if not locks.is_held(runs / FOLDER_LOCK):
        return None
    run_id = holder(RunDir(runs / "any"))[0]
    if ID.fullmatch(run_id) and locks.is_held(RunDir(runs / run_id).lock_file):
        return RunDir(runs / run_id)
    return None


def refuse_second_run(runs: Path) -> None:
    """Raise RunError while a run of the folder is training."""
    live = live_run(runs)
    if live:
        raise RunError(busy_message(live.id))


def state(run: RunDir) -> State:
    """Return the state of a run, from its files and from whether a process holds its lock."""
    if locks.is_held(run.lock_file):
        return "stopping" if run.stop_requested() else "running"
    history = history_of(run)  # after the look at the lock: what was written is whole
    match history.end:
        case Finished(outcome="stopped" | "out of time" as outcome):
            return outcome
        case Finished():
            return "done"
        case Failed():
            return "failed"
    return "interrupted" if history.count else "prepared"


def prepare_worker() -> None:
    """Start the process that children are forked from and let it import what training needs.

    Returns at once; the imports go on in that process. Does nothing the second time.
    """
    context = _context()
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        # Without it, asking whether there is a GPU starts CUDA, which does not survive a fork.
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
        context.set_forkserver_preload(list(PRELOAD))
        ensure_running()


def start_run(run: RunDir) -> None:
    """Train in a child process, from the start or from where the run was left.

    Returns when the child has begun. Raises RunError, with nothing started, while a run of the
    folder is training. When this process exits, it asks its children to stop and waits for them;
    when it is killed, they go on.
    """
    refuse_second_run(run.path.parent)
    prepare_worker()
    ours, theirs = _context().Pipe(duplex=False)
    process = _context().Process(
        target=child_main, args=(run, dict(os.environ), theirs), name=f"intent {run.id}"
    )
    with ours:
        process.start()
        theirs.close()
        reason = _first_word(ours, run)
    if reason:
        raise RunError(reason)
    if not _children:
        atexit.register(_stop_children)
    _children[run] = process


def kill_run(run: RunDir) -> None:
    """End a run that does not heed a request to stop: by a signal, and then by force.

    What it saved before stays. Does nothing where the run is not training.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        run_id, process = holder(run)
        if process is None or run_id != run.id or not locks.is_held(run.lock_file):
            return
        try:
            os.kill(process, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + TERM_SECONDS
        while locks.is_held(run.lock_file) and time.monotonic() < deadline:
            time.sleep(0.02)


def remove_run(run: RunDir) -> None:
    """Delete a run and all that came out of it; raises RunError for a live or foreign one."""
    if not ID.fullmatch(run.id) or run.path.is_symlink() or not run.recipe_file.is_file():
        raise RunError(f"{run.path} is not the folder of a run: nothing was removed.")
    try:
        with locks.hold(run.lock_file, "removal") as idle:
            if not idle:
                raise RunError(f"Run {run.id} is training now: stop it before removing it.")
            shutil.rmtree(run.path)
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be removed ({error.strerror}): look at the folder {run.path}."
        ) from None


def _context() -> multiprocessing.context.BaseContext:
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


def _first_word(child: multiprocessing.connection.Connection, run: RunDir) -> str:
    try:
        if child.poll(START_SECONDS):
            return child.recv()
    except (EOFError, OSError):
        pass
    return f"The training process of run {run.id} did not begin: look at {run.log_file}."


def _stop_children() -> None:
    for run in _children:
        if locks.is_held(run.lock_file):
            print(f"Run {run.id} is stopping and keeps its best checkpoint …", file=sys.stderr)
            request_stop(run)  # multiprocessing then waits for it to end


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


def _unwritable(runs: Path, error: OSError) -> RunError:
    if error.errno in DISK_FULL:
        return RunError(
            f"The disk that holds the runs folder {runs} is full: free some space or choose "
            "another folder with INTENT_RUNS or --runs."
        )
    return RunError(
        f"The runs folder {runs} cannot be written to ({error.strerror}): mend its permissions or "
        "choose another folder with INTENT_RUNS or --runs."
    )

"""The actions of `python -m intent runs`: list, show, stop, resume, rename, remove, restore."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from intent.cli.commands import train_here
from intent.errors import ExitCode, RunError
from intent.jobs.control import stop_run
from intent.jobs.queue import queued_runs
from intent.paths import runs_dir
from intent.runs import store
from intent.runs.directory import RunDir, history_of
from intent.runs.events import Failed, Finished, History
from intent.runs.store import check_resumable, list_runs, open_run, rename_run, size_bytes
from intent.runs.trash import empty_trash, restore_run, trash_run


@dataclass(frozen=True)
class Action:
    """An action on runs: what it does, its help text and its arguments."""

    command: Callable[[argparse.Namespace], int]
    help: str
    takes_run: bool = True
    takes_name: bool = False


def _list(options: argparse.Namespace) -> int:
    folder = _folder(options)
    waiting = queued_runs(folder)
    for run in list_runs(folder):
        row = _row(run, waiting)
        print(json.dumps(row) if options.json else row_text(row))
    return ExitCode.DONE


def _show(options: argparse.Namespace) -> int:
    run = _run(options)
    row = {**_row(run), "size_bytes": size_bytes(run)}
    row["recipe"] = json.loads(run.recipe().to_json())
    return _print(row, options)


def _stop(options: argparse.Namespace) -> int:
    run = _run(options)
    before = store.state(run)
    if before not in ("queued", "running", "stopping"):
        raise RunError(f"Run {run.id} is not training ({before}): there is nothing to stop.")
    stop_run(run)
    return _print(_row(run), options)


def _resume(options: argparse.Namespace) -> int:
    run = _run(options)
    check_resumable(run)
    return train_here(run, options.json)


def _rename(options: argparse.Namespace) -> int:
    run = _run(options)
    rename_run(run, " ".join(options.name))
    return _print(_row(run), options)


def _remove(options: argparse.Namespace) -> int:
    run = _run(options)
    trash_run(run)
    command = f"python -m intent runs restore {run.id}"
    text = f"Run {run.id} is in the trash. To restore it: {command}"
    return _print({"run": run.id, "restore": command}, options, text)


def _restore(options: argparse.Namespace) -> int:
    return _print(_row(restore_run(_folder(options), options.run_id)), options)


def _empty_trash(options: argparse.Namespace) -> int:
    count = empty_trash(_folder(options))
    text = f"{count} run{'' if count == 1 else 's'} deleted."
    return _print({"deleted": count}, options, text)


ACTIONS = {
    "list": Action(_list, "List the runs, newest first.", takes_run=False),
    "show": Action(_show, "Print the state, accuracy, size and recipe of a run."),
    "stop": Action(
        _stop,
        "Stop a running run and keep its best checkpoint, or remove a queued run from the queue.",
    ),
    "resume": Action(
        _resume, "Resume a run that was stopped, interrupted or failed, from its last checkpoint."
    ),
    "rename": Action(_rename, "Give a run another name.", takes_name=True),
    "remove": Action(_remove, "Move a run to the trash."),
    "restore": Action(_restore, "Move a run from the trash back to the runs."),
    "empty-trash": Action(_empty_trash, "Delete every run in the trash for good.", takes_run=False),
}


def _folder(options: argparse.Namespace) -> Path:
    return Path(options.runs or runs_dir()).resolve()


def _run(options: argparse.Namespace) -> RunDir:
    return open_run(_folder(options), options.run_id)


def _print(row: dict[str, object], options: argparse.Namespace, text: str | None = None) -> int:
    print(json.dumps(row) if options.json else text or json.dumps(row, indent=2))
    return ExitCode.DONE


def _row(run: RunDir, waiting: list[RunDir] | None = None) -> dict[str, object]:
    waiting = queued_runs(run.path.parent) if waiting is None else waiting
    place = waiting.index(run) + 1 if run in waiting else None
    return run_row(run, store.state(run), history_of(run), place)


def run_row(run: RunDir, state: str, history: History, place: int | None) -> dict[str, object]:
    """Return what a list of runs says of one; `place` is its place in the queue."""
    end = history.end
    measured = end.accuracy if isinstance(end, Finished) else _latest_accuracy(history)
    return {
        "run": run.id,
        "name": run.name,
        "state": state,
        "place": place,
        "accuracy": measured,
        "phase": history.phase if state in ("running", "stopping") else "",
        "message": end.message if isinstance(end, Failed) else "",
        "directory": str(run.path),
        "model": str(run.model) if run.model.is_dir() else None,
    }


def row_text(row: dict[str, object]) -> str:
    """Return the row of a run as one line."""
    accuracy = "" if row["accuracy"] is None else f"accuracy {row['accuracy']:.3f}"
    state = f"queued ({row['place']})" if row["place"] else row["state"]
    about = row["phase"] or row["message"]
    return f"{row['run']}  {state:<12} {accuracy:<15} {row['name']:<30} {about}".rstrip()


def _latest_accuracy(history: History) -> float | None:
    return history.evaluations[-1].accuracy if history.evaluations else None

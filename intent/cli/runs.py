"""What `python -m intent runs …` does: list, show, stop, resume, rename, remove, restore."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from intent.cli.commands import DONE, train_here
from intent.errors import RunError
from intent.jobs.control import stop_run
from intent.jobs.queue import queued_runs
from intent.paths import runs_dir
from intent.runs import store
from intent.runs.directory import RunDir, history_of
from intent.runs.events import Failed, Finished, History
from intent.runs.store import check_resumable, list_runs, open_run, rename_run, size_bytes
from intent.runs.trash import empty_trash, restore_run, trash_run

NEEDS_NO_RUN = ("list", "empty-trash")


def runs_command(options: argparse.Namespace) -> int:
    """Do with the runs of a folder what the command line asks."""
    folder = Path(options.runs or runs_dir()).resolve()
    if options.action not in NEEDS_NO_RUN and not options.run_id:
        raise RunError(f"Which run? Name one: python -m intent runs {options.action} RUN_ID.")
    if options.name and options.action != "rename":
        raise RunError(f"{options.action} takes one run, found {options.name[0]!r} besides.")
    return ACTIONS[options.action](folder, options)


def _list(folder: Path, options: argparse.Namespace) -> int:
    waiting = queued_runs(folder)
    for run in list_runs(folder):
        row = _row(run, waiting)
        print(json.dumps(row) if options.json else row_text(row))
    return DONE


def _show(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    row = {**_row(run), "size_bytes": size_bytes(run)}
    row["recipe"] = json.loads(run.recipe().to_json())
    return _print(row, options)


def _stop(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    before = store.state(run)
    if before not in ("queued", "running", "stopping"):
        raise RunError(f"Run {run.id} is not training ({before}): there is nothing to stop.")
    stop_run(run)
    return _print(_row(run), options)


def _resume(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    check_resumable(run)
    return train_here(run, options.json)


def _rename(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    rename_run(run, " ".join(options.name))
    return _print(_row(run), options)


def _remove(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    trash_run(run)
    back = f"python -m intent runs restore {run.id}"
    text = f"Run {run.id} is in the trash. To have it back: {back}"
    return _print({"run": run.id, "restore": back}, options, text)


def _restore(folder: Path, options: argparse.Namespace) -> int:
    return _print(_row(restore_run(folder, options.run_id)), options)


def _empty_trash(folder: Path, options: argparse.Namespace) -> int:
    if options.run_id:
        raise RunError("empty-trash deletes all that lies in the trash: name no run.")
    count = empty_trash(folder)
    text = f"{count} run{'' if count == 1 else 's'} deleted."
    return _print({"deleted": count}, options, text)


ACTIONS: dict[str, Callable[[Path, argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "stop": _stop,
    "resume": _resume,
    "rename": _rename,
    "remove": _remove,
    "restore": _restore,
    "empty-trash": _empty_trash,
}


def _print(row: dict[str, object], options: argparse.Namespace, text: str | None = None) -> int:
    print(json.dumps(row) if options.json else text or json.dumps(row, indent=2))
    return DONE


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

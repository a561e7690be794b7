"""What `python -m intent runs …` does: list, show, stop, resume, rename, remove, restore."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from intent.cli.commands import DONE, train_here
from intent.errors import RunError
from intent.jobs.control import stop_run
from intent.paths import runs_dir
from intent.runs import store
from intent.runs.store import LIVE_STATES, TRAINING_STATES, check_resumable, open_run, rename_run
from intent.runs.summary import RunSummary, summaries, summarize
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
    for summary in summaries(folder):
        print(json.dumps(summary_json(summary)) if options.json else summary_text(summary))
    return DONE


def _show(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    summary = summarize(run)
    recipe = json.loads(run.recipe().to_json())
    shown = {**summary_json(summary), "size_bytes": summary.bytes, "recipe": recipe}
    return _print(shown, options)


def _stop(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    before = store.state(run)
    if before not in LIVE_STATES:
        raise RunError(f"Run {run.id} is not training ({before}): there is nothing to stop.")
    stop_run(run)
    return _print(summary_json(summarize(run)), options)


def _resume(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    check_resumable(run)
    return train_here(run, options.json)


def _rename(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    rename_run(run, " ".join(options.name))
    return _print(summary_json(summarize(run)), options)


def _remove(folder: Path, options: argparse.Namespace) -> int:
    run = open_run(folder, options.run_id)
    trash_run(run)
    back = f"python -m intent runs restore {run.id}"
    text = f"Run {run.id} is in the trash. To have it back: {back}"
    return _print({"run": run.id, "restore": back}, options, text)


def _restore(folder: Path, options: argparse.Namespace) -> int:
    return _print(summary_json(summarize(restore_run(folder, options.run_id))), options)


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


def summary_json(summary: RunSummary) -> dict[str, object]:
    """Return the summary of a run as `runs list --json` prints it."""
    run = summary.run
    return {
        "run": run.id,
        "name": summary.name,
        "state": summary.state,
        "place": summary.place,
        "accuracy": summary.accuracy,
        "phase": summary.phase if summary.state in TRAINING_STATES else "",
        "message": summary.message,
        "directory": str(run.path),
        "model": str(run.model) if summary.has_model else None,
    }


def summary_text(summary: RunSummary) -> str:
    """Return the summary of a run as one line."""
    accuracy = "" if summary.accuracy is None else f"accuracy {summary.accuracy:.3f}"
    state = f"queued ({summary.place})" if summary.place else summary.state
    about = summary.phase if summary.state in TRAINING_STATES else summary.message
    return f"{summary.id}  {state:<12} {accuracy:<15} {summary.name:<30} {about}".rstrip()

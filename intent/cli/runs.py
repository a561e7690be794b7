"""The actions of `python -m intent runs`, such as list, stop, remove and empty-trash."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from intent.cli.commands import train_here
from intent.cli.output import state_words
from intent.errors import ExitCode, RunError
from intent.jobs.control import stop_run
from intent.paths import runs_dir
from intent.runs import store
from intent.runs.directory import RunDir
from intent.runs.listing import summaries
from intent.runs.store import LIVE_STATES, TRAINING_STATES, check_resumable, open_run, rename_run
from intent.runs.summary import RunSummary, summarize
from intent.runs.trash import empty_trash, restore_run, trash_run


@dataclass(frozen=True)
class Action:
    """An action on runs: what it does, its help text and its arguments."""

    command: Callable[[argparse.Namespace], int]
    help: str
    takes_run: bool = True
    takes_name: bool = False


def _list(options: argparse.Namespace) -> int:
    for summary in summaries(_folder(options)):
        print(json.dumps(summary_json(summary)) if options.json else summary_text(summary))
    return ExitCode.DONE


def _show(options: argparse.Namespace) -> int:
    run = _run(options)
    summary = summarize(run)
    recipe = json.loads(run.recipe().to_json())
    shown = {**summary_json(summary), "size_bytes": summary.bytes, "recipe": recipe}
    return _print(shown, options)


def _stop(options: argparse.Namespace) -> int:
    run = _run(options)
    before = store.state(run)
    if before not in LIVE_STATES:
        raise RunError(
            f"Run {run.id} is not training ({state_words(before)}): there is nothing to stop."
        )
    stop_run(run)
    return _print(summary_json(summarize(run)), options)


def _resume(options: argparse.Namespace) -> int:
    run = _run(options)
    check_resumable(run)
    return train_here(run, options.json)


def _rename(options: argparse.Namespace) -> int:
    run = _run(options)
    rename_run(run, " ".join(options.name))
    return _print(summary_json(summarize(run)), options)


def _remove(options: argparse.Namespace) -> int:
    run = _run(options)
    trash_run(run)
    command = f"python -m intent runs restore {run.id}"
    text = f"Run {run.id} is in the trash. To restore it: {command}"
    return _print({"run": run.id, "restore": command}, options, text)


def _restore(options: argparse.Namespace) -> int:
    return _print(summary_json(summarize(restore_run(_folder(options), options.run_id))), options)


def _empty_trash(options: argparse.Namespace) -> int:
    count = empty_trash(_folder(options))
    text = f"{count} run{'' if count == 1 else 's'} deleted."
    return _print({"deleted": count}, options, text)


ACTIONS = {
    "list": Action(_list, "List the runs, newest first.", takes_run=False),
    "show": Action(_show, "Print the state, accuracy, size and recipe of a run."),
    "stop": Action(
        _stop,
        "Stop a training run and keep its best checkpoint, or remove a queued run from the queue.",
    ),
    "resume": Action(_resume, "Resume a run that ended early, from its last checkpoint."),
    "rename": Action(_rename, "Rename a run.", takes_name=True),
    "remove": Action(_remove, "Move a run to the trash."),
    "restore": Action(_restore, "Move a run from the trash back to the runs."),
    "empty-trash": Action(
        _empty_trash, "Permanently delete all runs in the trash.", takes_run=False
    ),
}


def _folder(options: argparse.Namespace) -> Path:
    return Path(options.runs or runs_dir()).resolve()


def _run(options: argparse.Namespace) -> RunDir:
    return open_run(_folder(options), options.run_id)


def _print(row: dict[str, object], options: argparse.Namespace, text: str | None = None) -> int:
    print(json.dumps(row) if options.json else text or json.dumps(row, indent=2))
    return ExitCode.DONE


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
    state = f"queued ({summary.place})" if summary.place else state_words(summary.state)
    about = summary.phase if summary.state in TRAINING_STATES else summary.message
    return f"{summary.id}  {state:<18} {accuracy:<15} {summary.name:<30} {about}".rstrip()

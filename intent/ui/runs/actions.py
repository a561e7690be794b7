"""Act on the selected runs; each function returns what it did, as HTML."""

from collections.abc import Sequence
from pathlib import Path

from intent.errors import IntentError
from intent.jobs.control import resume_run, stop_run
from intent.runs.store import rename_run, state
from intent.runs.trash import empty_trash, trash_run
from intent.ui.runs.notes import done_html, removed_html
from intent.ui.shared.html import alert_html
from intent.ui.shared.visitors import check_owner, open_run, restore_run
from intent.ui.shared.wiring import sentence_of


def checkpoint_of(runs: Path, run_id: str) -> str | None:
    """Return the checkpoint of a run, by its id; None if it has none."""
    run = open_run(runs, run_id) if run_id else None
    return run.id if run is not None and run.model.is_dir() else None


def resume(runs: Path, selected: Sequence[str]) -> str:
    """Resume the selected run, or queue it; raises IntentError."""
    run = open_run(runs, _only(selected), "resume")
    resume_run(run)
    if state(run) == "queued":
        return done_html(f"Added “{run.name}” to the queue.")
    return done_html(f"Resumed “{run.name}”.")


def stop(runs: Path, selected: Sequence[str]) -> str:
    """Stop the selected run, or remove it from the queue; raises IntentError."""
    run = open_run(runs, _only(selected), "stop")
    if stop_run(run) == "stopping":
        return done_html(f"Stopping “{run.name}”. Its best checkpoint so far is kept.")
    return done_html(f"Removed “{run.name}” from the queue.")


def remove(runs: Path, selected: Sequence[str]) -> str:
    """Move runs to the trash; if one cannot be moved, the others still are."""
    removed: list[tuple[str, str]] = []
    problem = ""
    for run_id in selected:
        try:
            run = open_run(runs, run_id, "remove")
            name = run.name
            trash_run(run)
            removed.append((run_id, name))
        except IntentError as error:
            problem = alert_html(sentence_of(error))
    return problem + (removed_html(removed) if removed else "")


def restore(runs: Path, ids: Sequence[str]) -> str:
    """Restore runs from the trash; raises IntentError."""
    names = [restore_run(runs, run_id).name for run_id in ids]
    return done_html(f"Restored {f'“{names[0]}”' if len(names) == 1 else f'{len(names)} runs'}.")


def empty(runs: Path) -> str:
    """Delete the runs in the trash; raises IntentError."""
    check_owner("empty the trash")
    count = empty_trash(runs)
    return done_html(f"Emptied the trash: {count} {'run' if count == 1 else 'runs'} deleted.")


def rename(runs: Path, selected: Sequence[str], name: str) -> str:
    """Rename the selected run; raises IntentError."""
    rename_run(open_run(runs, _only(selected), "rename"), name or "")
    return done_html(f"Renamed to “{name.strip()}”.")


def _only(selected: Sequence[str]) -> str:
    return selected[0] if len(selected) == 1 else ""

"""What can be done with the runs that are picked; each says what it did, or why it did not."""

from collections.abc import Sequence
from pathlib import Path

from intent.jobs.control import resume_run, stop_run
from intent.runs.store import rename_run, state
from intent.runs.trash import empty_trash, trash_run
from intent.ui.finetune.recipe_form import notice
from intent.ui.runs.view import removed_html, said_html
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.visitors import check_owner, open_run, restore_run


def checkpoint_of(runs: Path, run_id: str) -> str | None:
    """Return the checkpoint of a run, by its id; None where it has none."""
    run = open_run(runs, run_id) if run_id else None
    return run.id if run is not None and run.model.is_dir() else None


def resume(runs: Path, picked: Sequence[str]) -> str:
    """Go on with a run, or queue it; return what to say, as HTML."""
    try:
        run = open_run(runs, _only(picked), "resume")
        resume_run(run)
        waits = state(run) == "queued"
        return said_html(f"“{run.name}” {'waits for its turn' if waits else 'goes on'}.")
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error))


def stop(runs: Path, picked: Sequence[str]) -> str:
    """Ask a run to stop, or take it out of the queue; return what to say, as HTML."""
    try:
        run = open_run(runs, _only(picked), "stop")
        stopping = stop_run(run) == "stopping"
        how = "is stopping and keeps its best so far" if stopping else "does not wait any more"
        return said_html(f"“{run.name}” {how}.")
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error))


def remove(runs: Path, picked: Sequence[str]) -> str:
    """Move runs to the trash; return what to say, as HTML, with a button that undoes it."""
    removed: list[tuple[str, str]] = []
    problem = ""
    for run_id in picked:
        try:
            run = open_run(runs, run_id, "remove")
            name = run.name
            trash_run(run)
            removed.append((run_id, name))
        except Exception as error:  # noqa: BLE001 - the page says every failure in words
            problem = notice(in_words(error))
    return problem + (removed_html(removed) if removed else "")


def restore(runs: Path, ids: Sequence[str]) -> str:
    """Take runs out of the trash; return what to say, as HTML."""
    try:
        names = [restore_run(runs, run_id).name for run_id in ids]
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error))
    what = f"“{names[0]}” is" if len(names) == 1 else f"{len(names)} runs are"
    return said_html(f"{what} back in the list.")


def empty(runs: Path) -> str:
    """Delete what lies in the trash; return what to say, as HTML."""
    try:
        check_owner("empty the trash")
        count = empty_trash(runs)
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error))
    return said_html(
        f"The trash is empty: {count} {'run is' if count == 1 else 'runs are'} deleted."
    )


def name_of(runs: Path, picked: Sequence[str]) -> str:
    """Return what the run that is picked is called."""
    return open_run(runs, _only(picked)).name


def rename(runs: Path, picked: Sequence[str], name: str) -> tuple[str, bool]:
    """Give the run that is picked another name; return what to say, as HTML, and whether it has."""
    try:
        rename_run(open_run(runs, _only(picked), "rename"), name or "")
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error)), False
    return said_html(f"It is called “{name.strip()}” now."), True


def _only(picked: Sequence[str]) -> str:
    return picked[0] if len(picked) == 1 else ""

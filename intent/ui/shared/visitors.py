"""Who asks: the visitor behind the request that is being answered, and what they are told."""

import dataclasses
from pathlib import Path

from intent.runs import access, store, trash
from intent.runs.access import OWNER, Action, Visitor
from intent.runs.directory import RunDir
from intent.runs.events import Failed, History
from intent.runs.trash import trashed_run
from intent.ui.shared.compat import current_request

# The page keeps a secret of its own in the browser and sends it with each of its requests: in a
# header, since a cookie would be withheld where a Space is shown within another site's page.
SCRIPT = (
    Path(__file__)
    .with_name("visitor.js")
    .read_text(encoding="utf-8")
    .replace("HEADER", access.HEADER)
)
HEAD = f"<script>{SCRIPT}</script>"


def current_visitor() -> Visitor:
    """Return who sent the request that is being answered; on one's own machine, the owner."""
    if not access.is_public():
        return OWNER
    request = current_request()
    return access.visitor_with(request.headers.get(access.HEADER) if request else None)


def open_run(runs: Path, run_id: str, action: Action = "read") -> RunDir:
    """Return a run with which the visitor may do something; raises RunError or AccessError."""
    run = store.open_run(runs, run_id)
    return access.check(current_visitor(), action, run)


def restore_run(runs: Path, run_id: str) -> RunDir:
    """Take a run of the visitor's out of the trash; raises RunError or AccessError."""
    access.check(current_visitor(), "restore", trashed_run(runs, run_id))
    return trash.restore_run(runs, run_id)


def check_owner(what: str) -> None:
    """Raise AccessError unless it is the owner who asks."""
    access.check_owner(current_visitor(), what)


def may(action: Action, run: RunDir) -> bool:
    """Return whether the visitor may do something to a run."""
    return access.may(current_visitor(), action, run)


def seen_runs(found: list[RunDir]) -> list[RunDir]:
    """Return those of some runs that the visitor may see."""
    visitor = current_visitor()
    return [run for run in found if access.may(visitor, "read", run)]


def told(text: str) -> str:
    """Return a sentence as the visitor may read it: strangers learn no path of this machine."""
    return text if current_visitor().is_owner else access.without_paths(text)


def told_history(history: History) -> History:
    """Return what happened in a run as the visitor may read it."""
    if not isinstance(history.end, Failed):
        return history
    end = dataclasses.replace(history.end, message=told(history.end.message))
    return dataclasses.replace(history, end=end)

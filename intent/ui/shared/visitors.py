"""Identify the visitor of the current request, and check what they may do and read."""

import dataclasses
from pathlib import Path

from intent.runs import access, store, trash
from intent.runs.access import OWNER, Action, Visitor
from intent.runs.directory import RunDir
from intent.runs.events import Failed, History
from intent.runs.trash import trashed_run
from intent.ui.shared.compat import current_request

# The page keeps a secret in the browser and sends it with each request: in a header, because a
# browser withholds cookies where a Space is embedded in another site's page.
SCRIPT = (
    Path(__file__)
    .with_name("visitor.js")
    .read_text(encoding="utf-8")
    .replace("HEADER", access.HEADER)
)
HEAD = f"<script>{SCRIPT}</script>"


def current_visitor() -> Visitor:
    """Return the visitor of the current request; outside public mode, the owner."""
    if not access.is_public():
        return OWNER
    request = current_request()
    return access.visitor_with(request.headers.get(access.HEADER) if request else None)


def open_run(runs: Path, run_id: str, action: Action = "read") -> RunDir:
    """Return a run if the visitor may take an action on it; raises RunError or AccessError."""
    run = store.open_run(runs, run_id)
    return access.check(current_visitor(), action, run)


def restore_run(runs: Path, run_id: str) -> RunDir:
    """Restore one of the visitor's runs from the trash; raises RunError or AccessError."""
    access.check(current_visitor(), "restore", trashed_run(runs, run_id))
    return trash.restore_run(runs, run_id)


def check_owner(what: str) -> None:
    """Raise AccessError unless the visitor is the owner."""
    access.check_owner(current_visitor(), what)


def may(action: Action, run: RunDir) -> bool:
    """Return whether the visitor may take an action on a run."""
    return access.may(current_visitor(), action, run)


def visible_runs(found: list[RunDir]) -> list[RunDir]:
    """Return the runs that the visitor may see."""
    visitor = current_visitor()
    return [run for run in found if access.may(visitor, "read", run)]


def redacted(text: str) -> str:
    """Return a message as the visitor may read it: without paths of this machine in public mode."""
    return text if current_visitor().is_owner else access.without_paths(text)


def redacted_history(history: History) -> History:
    """Return a run's history as the visitor may read it: without paths in public mode."""
    if not isinstance(history.end, Failed):
        return history
    end = dataclasses.replace(history.end, message=redacted(history.end.message))
    return dataclasses.replace(history, end=end)

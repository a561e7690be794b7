"""Render what an action has done, and the trash, as HTML."""

from collections.abc import Sequence
from html import escape

from intent.paths import folder_bytes
from intent.runs.directory import RunDir
from intent.runs.trash import KEEP_DAYS
from intent.ui.runs.rows import size_in_words
from intent.ui.runs.table import begun_in_words
from intent.ui.shared.visitors import current_visitor

RESTORE_JS = """
element.addEventListener("click", (event) => {
  const restore = event.target.closest("[data-restore]");
  const empty = event.target.closest("[data-empty]");
  if (restore) trigger("restore", {ids: restore.dataset.restore.split(" ")});
  if (empty && window.confirm(empty.dataset.empty)) trigger("empty", {});
});
"""


def done_html(sentence: str) -> str:
    """Return a sentence on what was done, which screen readers announce."""
    return f"<div class='rn-note' role='status'><p>{escape(sentence)}</p></div>"


def removed_html(removed: Sequence[tuple[str, str]]) -> str:
    """Return a note that runs, as (id, name), are in the trash, with an Undo button."""
    what = f"“{escape(removed[0][1])}”" if len(removed) == 1 else f"{len(removed)} runs"
    ids = " ".join(run_id for run_id, _ in removed)
    return (
        f"<div class='rn-note' role='status'><p>Moved {what} to the trash.</p>"
        f"<button type='button' data-restore='{ids}'>Undo</button></div>"
    )


def trash_html(trashed: Sequence[RunDir]) -> str:
    """Return the runs in the trash, each with a button that restores it."""
    if not trashed:
        return "<p class='is-quiet'>The trash is empty.</p>"
    rows = "".join(_trash_row(run) for run in trashed)
    return (
        f"<p class='is-quiet'>Runs are deleted after {KEEP_DAYS} days in the trash.</p>"
        f"<ol class='rn-trash'>{rows}</ol>"
        f"{_empty_button(len(trashed)) if current_visitor().is_owner else ''}"
    )


def _trash_row(run: RunDir) -> str:
    name = escape(run.name)
    return (
        f"<li><span>{name} <small>{begun_in_words(run.id)} · {size_in_words(folder_bytes(run.path))}"
        f"</small></span><button type='button' data-restore='{run.id}'>Restore"
        f"<span class='rn-unseen'> {name}</span></button></li>"
    )


def _empty_button(count: int) -> str:
    runs = f"{count} run{'' if count == 1 else 's'}"
    return (
        "<button type='button' class='rn-empty-trash' data-empty='Permanently delete "
        f"{runs}? This cannot be undone.'>Empty the trash</button>"
    )

"""What the Runs tab shows, as a pure function of the disk and of what a visitor looks at."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from intent.errors import RunError
from intent.paths import folder_bytes
from intent.runs import access
from intent.runs.directory import RunDir, history_of
from intent.runs.report import Report, read_report
from intent.runs.trash import KEEP_DAYS
from intent.ui.finetune.live_view import View, view_of
from intent.ui.runs.clips_list import Filter, clips_html
from intent.ui.runs.compare_view import Compared, compare_html
from intent.ui.runs.confusion import confusion_html
from intent.ui.runs.overlay import COLOURS
from intent.ui.runs.report_figures import figures_html
from intent.ui.runs.rows import RunRow, size_in_words
from intent.ui.runs.table import begun_in_words, table_html
from intent.ui.shared.html import notice_html
from intent.ui.shared.run_notes import others_html
from intent.ui.shared.visitors import current_visitor, open_run, told, told_history

RESTORE_JS = """
element.addEventListener("click", (event) => {
  const back = event.target.closest("[data-restore]");
  const all = event.target.closest("[data-empty]");
  if (back) trigger("restore", {ids: back.dataset.restore.split(" ")});
  if (all && window.confirm(all.dataset.empty)) trigger("empty", {});
});
"""


@dataclass(frozen=True)
class Asked:
    """What a visitor looks at: the runs that are picked, the order, the recordings of a report."""

    picked: tuple[str, ...] = ()
    sort: str = "begun"
    descending: bool = True
    clips: Filter = Filter()
    naming: bool = False  # another name is being typed


@dataclass(frozen=True)
class Page:
    """All that is shown, as HTML by component; a page gets a part only when it has changed."""

    table: str
    trash: str
    summary: str = ""
    curves: str = ""
    confusion: str = ""
    clips: str = ""
    figures: str = ""
    one: str = ""  # the id of the run whose report is shown; "" for none or several
    naming: bool = False
    name: str = ""
    picked: int = 0
    can_use: bool = False
    can_resume: bool = False
    stop_word: str = ""  # what its Stop button says; "" where there is nothing to stop
    can_rename: bool = False
    can_remove: bool = False


def page_of(runs: Path, asked: Asked, rows: Sequence[RunRow], trashed: Sequence[RunDir]) -> Page:
    """Return what is shown of the runs in the list, of those that are picked, and of the trash."""
    picked = [row for row in rows if row.id in asked.picked]
    page = Page(
        table=table_html(rows, asked.picked, asked.sort, asked.descending),
        trash=trash_html(trashed),
        picked=len(picked),
        can_remove=bool(picked) and all(row.is_own and not row.is_live for row in picked),
    )
    if not picked:
        return page
    if len(picked) == 1:
        return _report(page, open_run(runs, picked[0].id), picked[0], asked)
    shown = sorted(picked, key=lambda row: asked.picked.index(row.id))[:COLOURS]
    note = ""
    if len(picked) > COLOURS:
        note = notice_html(
            f"{len(picked)} runs are picked; the first {COLOURS} are compared, since more cannot be "
            "told apart in a chart."
        )
    beside = [compared(open_run(runs, row.id), row) for row in shown]
    return dataclasses.replace(page, summary=note + compare_html(beside))


def trash_html(trashed: Sequence[RunDir]) -> str:
    """Return what lies in the trash, each with a button that takes it out."""
    if not trashed:
        return "<p class='is-quiet'>The trash is empty.</p>"
    rows = "".join(
        f"<li><span>{escape(run.name)} <small>{begun_in_words(run.id)} · "
        f"{size_in_words(folder_bytes(run.path))}</small></span><button type='button' "
        f"data-restore='{run.id}'>Put back<span class='rn-unseen'> {escape(run.name)}</span>"
        "</button></li>"
        for run in trashed
    )
    count = f"{len(trashed)} run{'' if len(trashed) == 1 else 's'}"
    empty = (
        "<button type='button' class='rn-empty-trash' data-empty="
        f"'Delete {count} for good? This cannot be undone.'>Empty the trash</button>"
    )
    return (
        f"<p class='is-quiet'>What lies here for {KEEP_DAYS} days is deleted.</p>"
        f"<ol class='rn-trash'>{rows}</ol>{empty if current_visitor().is_owner else ''}"
    )


def removed_html(removed: Sequence[tuple[str, str]]) -> str:
    """Return that runs, as (id, name), are in the trash now, with a button that undoes it."""
    what = f"“{escape(removed[0][1])}” is" if len(removed) == 1 else f"{len(removed)} runs are"
    ids = " ".join(run_id for run_id, _ in removed)
    return (
        f"<div class='rn-note' role='status'><p>{what} in the trash.</p>"
        f"<button type='button' data-restore='{ids}'>Undo</button></div>"
    )


def said_html(sentence: str) -> str:
    """Return what was done, in a sentence that a screen reader announces."""
    return f"<div class='rn-note' role='status'><p>{escape(sentence)}</p></div>"


def compared(run: RunDir, row: RunRow) -> Compared:
    """Return a run as it is looked at beside others."""
    report, _ = _read(run)
    recipe = access.shown_recipe(current_visitor(), run.recipe())
    return Compared(row, recipe, history_of(run), report)


def _report(page: Page, run: RunDir, row: RunRow, asked: Asked) -> Page:
    view = view_of(
        run.id,
        run.recipe(),
        row.state,
        told_history(history_of(run)),
        row.has_model,
    )
    report, problem = (None, "") if row.is_live else _read(run)
    figures = figures_html(report) if report else ""
    return dataclasses.replace(
        page,
        one=row.id,
        naming=asked.naming and row.is_own,
        can_rename=row.is_own,
        name=row.name,
        summary=_summary(row, view, others_html(run)),
        curves=view.plots,
        confusion=confusion_html(report.labels, report.confusion) if report else "",
        clips=clips_html(report, asked.clips) if report else "",
        figures=figures or (f"<p class='is-quiet'>{escape(problem)}</p>" if problem else ""),
        can_use=row.can_be_used,
        can_resume=row.can_be_resumed,
        stop_word={"running": "Stop", "queued": "Withdraw"}.get(row.state, "")
        if row.is_own
        else "",
    )


def _summary(row: RunRow, view: View, note: str) -> str:
    progress = view.progress if row.is_live else ""
    return (
        f"<h2 tabindex='-1'>{escape(row.name)}</h2><div class='rn-status'>{view.status}</div>"
        f"{progress}{view.result}{note and f'<div class=is-note>{note}</div>'}{view.skipped}"
    )


def _read(run: RunDir) -> tuple[Report | None, str]:
    """The report of a run, or why there is none, in a sentence."""
    try:
        return read_report(run), ""
    except RunError as error:
        return None, told(str(error))

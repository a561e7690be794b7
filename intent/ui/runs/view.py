"""Compute what the Runs tab shows, as a pure function of the disk and a visitor's selection."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from intent.errors import RunError
from intent.runs import access
from intent.runs.directory import RunDir, history_of
from intent.runs.report import Report, read_report
from intent.ui.finetune.live_view import View, view_of
from intent.ui.runs.clips_list import Filter, clips_html
from intent.ui.runs.compare_view import Compared, compare_html
from intent.ui.runs.confusion import confusion_html
from intent.ui.runs.notes import trash_html
from intent.ui.runs.overlay import MAX_RUNS
from intent.ui.runs.report_metrics import metrics_html, rejection_html
from intent.ui.runs.rows import RunRow
from intent.ui.runs.table import table_html
from intent.ui.shared.html import notice_html
from intent.ui.shared.run_notes import others_html
from intent.ui.shared.visitors import current_visitor, open_run, redacted, redacted_history

STOP_WORDS = {"running": "Stop", "queued": "Remove from queue"}  # by state; no button in the others


@dataclass(frozen=True)
class Selection:
    """What a visitor has chosen: the selected runs, the sort order, a report's recordings."""

    selected: tuple[str, ...] = ()  # ids
    sort: str = "begun"
    descending: bool = True
    clips: Filter = Filter()
    naming: bool = False  # the name field is open


@dataclass(frozen=True)
class Page:
    """Everything on the tab: HTML by component, and which buttons are shown."""

    table: str
    trash: str
    summary: str = ""
    curves: str = ""
    confusion: str = ""
    clips: str = ""
    metrics: str = ""
    run_id: str = ""  # of the run whose report is shown; "" for none or several
    naming: bool = False
    name: str = ""
    selected: int = 0
    can_use: bool = False
    can_resume: bool = False
    stop_word: str = ""  # label of the Stop button; "" hides it
    can_rename: bool = False
    can_remove: bool = False


def page_of(
    runs: Path, selection: Selection, rows: Sequence[RunRow], trashed: Sequence[RunDir]
) -> Page:
    """Return the list of runs, the details of the selected ones, and the trash."""
    selected = [row for row in rows if row.id in selection.selected]
    page = Page(
        table=table_html(rows, selection.selected, selection.sort, selection.descending),
        trash=trash_html(trashed),
        selected=len(selected),
        can_remove=bool(selected) and all(row.is_own and not row.is_live for row in selected),
    )
    if not selected:
        return page
    if len(selected) == 1:
        return _report_page(page, open_run(runs, selected[0].id), selected[0], selection)
    return dataclasses.replace(page, summary=_region(_comparison(runs, selected, selection)))


def compared(run: RunDir, row: RunRow) -> Compared:
    """Return what a comparison shows of a run."""
    report, _ = _read(run)
    recipe = access.shown_recipe(current_visitor(), run.recipe())
    return Compared(row, recipe, history_of(run), report)


def _comparison(runs: Path, selected: Sequence[RunRow], selection: Selection) -> str:
    shown = sorted(selected, key=lambda row: selection.selected.index(row.id))[:MAX_RUNS]
    note = ""
    if len(selected) > MAX_RUNS:
        note = notice_html(
            f"{len(selected)} runs are selected. Only the first {MAX_RUNS} are compared: more curves "
            "are hard to distinguish in one chart."
        )
    return note + compare_html([compared(open_run(runs, row.id), row) for row in shown])


def _report_page(page: Page, run: RunDir, row: RunRow, selection: Selection) -> Page:
    history = redacted_history(history_of(run))
    view = view_of(run.id, run.recipe(), row.state, history, row.has_model)
    report, problem = (None, "") if row.is_live else _read(run)
    if report:
        page = dataclasses.replace(
            page,
            confusion=confusion_html(report),
            clips=clips_html(report, selection.clips),
            metrics=metrics_html(report),
        )
    elif problem:
        page = dataclasses.replace(page, metrics=f"<p class='is-quiet'>{escape(problem)}</p>")
    return dataclasses.replace(
        page,
        run_id=row.id,
        naming=selection.naming and row.is_own,
        can_rename=row.is_own,
        name=row.name,
        summary=_summary(row, view, report, others_html(run)),
        curves=view.plots,
        can_use=row.can_be_used,
        can_resume=row.can_be_resumed,
        stop_word=STOP_WORDS.get(row.state, "") if row.is_own else "",
    )


def _summary(row: RunRow, view: View, report: Report | None, note: str) -> str:
    progress = view.progress if row.is_live else ""
    rejection = rejection_html(report.rejection) if report and report.rejection else ""
    return _region(
        f"<h2 tabindex='-1'>{escape(row.name)}</h2><div class='rn-status'>{view.status}</div>"
        f"{progress}{view.result}{rejection}{note and f'<div class=is-note>{note}</div>'}{view.skipped}"
    )


def _region(html: str) -> str:
    return f"<div role='region' aria-label='Selected runs'>{html}</div>"


def _read(run: RunDir) -> tuple[Report | None, str]:
    """Return the report of a run, or None and the reason."""
    try:
        return read_report(run), ""
    except RunError as error:
        return None, redacted(str(error))

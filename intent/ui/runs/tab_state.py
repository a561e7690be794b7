"""Keep what one visitor sees on the Runs tab, and send only what has changed."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from intent.runs.trash import trashed_runs
from intent.ui.runs.report_panel import ReportPanel
from intent.ui.runs.rows import RunRow, rows_of
from intent.ui.runs.view import Page, Selection, page_of
from intent.ui.shared.visitors import may
from intent.ui.shared.wiring import Updates


@dataclass(frozen=True)
class TabState:
    """A visitor's selection, and the page that the browser shows."""

    selection: Selection = Selection()
    rows: tuple[RunRow, ...] = ()
    trashed: tuple[str, ...] = ()  # ids
    page: Page | None = None  # None: nothing was sent yet

    @property
    def run_id(self) -> str:
        """The run whose report is shown; "" for none or several."""
        return self.page.run_id if self.page else ""


@dataclass(frozen=True)
class Panel:
    """The components of the tab; `state` holds a TabState."""

    note: gr.HTML
    table: gr.HTML
    trash: gr.HTML
    report: ReportPanel
    state: gr.State

    def outputs(self) -> list[Block]:
        """Return every component that a handler of the tab may change."""
        return [self.note, self.table, self.trash, *self.report.outputs(), self.state]

    def changes(self, old: Page | None, new: Page) -> Updates:
        """Return the components that show something else on the new page."""
        before = self._contents(old) if old else {}
        changed = {
            component: value
            for component, value in self._contents(new).items()
            if component not in before or before[component] != value
        }
        return changed | self.report.resets(old, new)

    def _contents(self, page: Page) -> Updates:
        return {self.table: page.table, self.trash: page.trash, **self.report.contents(page)}


def refresh(
    runs: Path, panel: Panel, state: TabState, selection: Selection | None = None
) -> Updates:
    """Return the components that have changed since `state`, because of the disk or the selection."""
    rows = rows_of(runs)
    trashed = [run for run in trashed_runs(runs) if may("restore", run)]
    selection = _existing(selection or state.selection, rows)
    now = TabState(selection, rows, tuple(run.id for run in trashed), state.page)
    if now == state and state.page is not None:
        return {panel.state: gr.skip()}
    page = page_of(runs, selection, rows, trashed)
    return {**panel.changes(state.page, page), panel.state: dataclasses.replace(now, page=page)}


def _existing(selection: Selection, rows: tuple[RunRow, ...]) -> Selection:
    """Return the selection without runs that are no longer in the list."""
    ids = {row.id for row in rows}
    return dataclasses.replace(
        selection, selected=tuple(run_id for run_id in selection.selected if run_id in ids)
    )

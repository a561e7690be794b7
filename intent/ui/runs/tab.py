"""The Runs tab: a list, what is picked in it side by side or in full, and a trash with undo."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent.errors import RunError
from intent.runs.report import read_report
from intent.runs.trash import trashed_runs
from intent.ui.runs import actions
from intent.ui.runs.clips_list import Filter
from intent.ui.runs.report_panel import ReportPanel, build_report_panel, changes, hear
from intent.ui.runs.rows import KEYS, RunRow, rows_of
from intent.ui.runs.table import JS as TABLE_JS
from intent.ui.runs.view import RESTORE_JS, Asked, Page, page_of
from intent.ui.shared.compat import event_data
from intent.ui.shared.visitors import may, open_run

TICK_SECONDS = 1.0
IN_TURN = "runs"  # events of the tab are handled one by one, so that none undoes another
LIVE = "element.setAttribute('aria-live', 'polite');"
TO_DETAIL = """() => {
  document.querySelector('#run-detail')?.scrollIntoView({block: 'nearest'});
  document.querySelector('#run-summary h2')?.focus({preventScroll: true});
}"""
TO_CLIPS = """() => {
  const title = document.querySelector('#run-clips h3');
  title?.scrollIntoView({block: 'center'});
  title?.focus({preventScroll: true});
}"""
TO_NAME = "() => document.querySelector('#run-name input, #run-name textarea')?.select()"
Updates = tuple[object, ...]


@dataclass(frozen=True)
class RunsTab:
    """What the rest of the page follows: a checkpoint to listen with; and its timer."""

    chosen_checkpoint: gr.State
    timer: gr.Timer


@dataclass(frozen=True)
class Shown:
    """What a visitor looks at, and what the page was sent of it last."""

    asked: Asked = Asked()
    rows: tuple[RunRow, ...] = ()
    trashed: tuple[str, ...] = ()
    page: Page | None = None


@dataclass(frozen=True)
class Panel:
    """The components of the tab that `updates` feeds."""

    table: gr.HTML
    trash: gr.HTML
    report: ReportPanel
    shown: gr.State

    def outputs(self) -> list[gr.blocks.Block]:
        """Return the components in the order of `updates`."""
        return [self.table, self.trash, *self.report.outputs(), self.shown]


def build_runs_tab(runs: Path, tab: gr.Tab) -> RunsTab:
    """Lay the tab out inside the present Blocks and wire what happens within it."""
    chosen_checkpoint, shown = gr.State(None), gr.State(Shown())
    with gr.Column(elem_id="runs"):
        note = gr.HTML(elem_id="runs-note", js_on_load=LIVE + RESTORE_JS)
        with gr.Column(elem_id="runs-card", elem_classes="card"):
            table = gr.HTML(elem_id="runs-table", js_on_load=TABLE_JS)
        report = build_report_panel(runs)
        with gr.Accordion("Trash", open=False, elem_id="trash"):
            trash = gr.HTML(elem_id="trash-list", js_on_load=RESTORE_JS)
    timer = gr.Timer(TICK_SECONDS, active=False)
    panel = Panel(table, trash, report, shown)
    _wire_list(runs, panel)
    _wire_report(runs, panel)
    _wire_actions(runs, panel, note)
    _wire_naming(runs, panel, note)
    _in_turn(timer.tick, partial(tick, runs), shown, panel.outputs(), trigger_mode="once")
    _in_turn(tab.select, partial(tick, runs), shown, panel.outputs())
    tab.select(
        lambda: gr.Timer(active=True), None, timer, show_progress="hidden", api_visibility="private"
    )
    report.use.click(
        lambda run_id: (actions.checkpoint_of(runs, run_id), gr.Timer(active=False)),
        report.run_id,
        [chosen_checkpoint, timer],
        show_progress="hidden",
        api_visibility="private",
    )
    return RunsTab(chosen_checkpoint, timer)


def tick(runs: Path, shown: Shown) -> Updates:
    """Send what has changed of the runs; nothing at all when the disk says nothing new."""
    return updates(runs, shown, shown.asked)


def updates(runs: Path, before: Shown, asked: Asked) -> Updates:
    """Return what each component gets: gr.skip() for what a page has already."""
    rows = rows_of(runs)
    trashed = [run for run in trashed_runs(runs) if may("restore", run)]
    there = {row.id for row in rows}
    asked = dataclasses.replace(asked, picked=tuple(one for one in asked.picked if one in there))
    now = Shown(asked, rows, tuple(run.id for run in trashed), before.page)
    if now == before and before.page is not None:
        return gr.skip(), gr.skip(), *changes(before.page, before.page), gr.skip()
    page = page_of(runs, asked, rows, trashed)
    old = before.page
    html = (
        gr.skip()
        if old is not None and getattr(old, name) == getattr(page, name)
        else getattr(page, name)
        for name in ("table", "trash")
    )
    return *html, *changes(old, page), dataclasses.replace(now, page=page)


def sent(event: gr.EventData, name: str) -> object:
    """Return what the page sent with an event, None if nothing of that name: anybody may send."""
    data = event_data(event)
    return data.get(name) if isinstance(data, dict) else None


def picked_of(ids: object) -> tuple[str, ...]:
    """Return the ids in what a page sent, each once."""
    found = ids if isinstance(ids, list) else []
    return tuple(dict.fromkeys(one for one in found if isinstance(one, str)))


def _wire_list(runs: Path, panel: Panel) -> None:
    def pick(shown: Shown, event: gr.EventData) -> Updates:
        kept = tuple(one for one in shown.asked.picked if one in picked_of(sent(event, "ids")))
        picked = tuple(dict.fromkeys((*kept, *picked_of(sent(event, "ids")))))
        return updates(runs, shown, _picking(shown.asked, picked))

    def open_one(shown: Shown, event: gr.EventData) -> Updates:
        return updates(runs, shown, _picking(shown.asked, picked_of([sent(event, "id")])))

    def sort(shown: Shown, event: gr.EventData) -> Updates:
        key = sent(event, "key")
        if key not in KEYS:
            return updates(runs, shown, shown.asked)
        again = key == shown.asked.sort
        down = not shown.asked.descending if again else key in ("accuracy", "time", "size", "begun")
        return updates(runs, shown, dataclasses.replace(shown.asked, sort=key, descending=down))

    outputs = panel.outputs()
    _in_turn(panel.table.pick, pick, panel.shown, outputs)
    _in_turn(panel.table.sort, sort, panel.shown, outputs)
    opened = _in_turn(panel.table.open, open_one, panel.shown, outputs)
    opened.then(None, js=TO_DETAIL, api_visibility="private")


def _wire_report(runs: Path, panel: Panel) -> None:
    def show_pair(shown: Shown, event: gr.EventData) -> Updates:
        pair = _pair(runs, shown, sent(event, "row"), sent(event, "column"))
        return updates(runs, shown, dataclasses.replace(shown.asked, clips=pair))

    def show(shown: Shown, event: gr.EventData) -> Updates:
        name = "flawed" if sent(event, "name") == "flawed" else "mistakes"
        return updates(runs, shown, dataclasses.replace(shown.asked, clips=Filter(name)))

    def play(shown: Shown, event: gr.EventData) -> tuple[str, str | None]:
        return hear(runs, shown.page.one if shown.page else "", sent(event, "index"))

    report, outputs = panel.report, panel.outputs()
    _in_turn(report.clips.filter, show, panel.shown, outputs)
    paired = _in_turn(report.confusion.cell, show_pair, panel.shown, outputs)
    paired.then(None, js=TO_CLIPS, api_visibility="private")
    report.clips.play(
        play,
        panel.shown,
        [report.heard, report.player],
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )


def _pair(runs: Path, shown: Shown, row: object, column: object) -> Filter:
    """The recordings of one square of the map; what is shown now where there is no such square."""
    try:
        labels = read_report(open_run(runs, shown.page.one if shown.page else "")).labels
    except RunError:  # gone since: `updates` takes it off the page
        return shown.asked.clips
    if not all(isinstance(at, int) and 0 <= at < len(labels) for at in (row, column)):
        return shown.asked.clips
    return Filter("pair", labels[row], labels[column])


def _wire_actions(runs: Path, panel: Panel, note: gr.HTML) -> None:
    def acting(action: Callable[[Path, Sequence[str]], str]) -> Callable[[Shown], Updates]:
        def act(shown: Shown) -> Updates:
            said = action(runs, shown.asked.picked)
            return said, *updates(runs, shown, shown.asked)

        return act

    def restore(shown: Shown, event: gr.EventData) -> Updates:
        said = actions.restore(runs, picked_of(sent(event, "ids")))
        return said, *updates(runs, shown, shown.asked)

    def empty(shown: Shown) -> Updates:
        return actions.empty(runs), *updates(runs, shown, shown.asked)

    report, outputs = panel.report, [note, *panel.outputs()]
    _in_turn(report.resume.click, acting(actions.resume), panel.shown, outputs)
    _in_turn(report.stop.click, acting(actions.stop), panel.shown, outputs)
    _in_turn(report.remove.click, acting(actions.remove), panel.shown, outputs)
    for listed in (panel.trash, note):
        _in_turn(listed.restore, restore, panel.shown, outputs)
    _in_turn(panel.trash.empty, empty, panel.shown, outputs)


def _wire_naming(runs: Path, panel: Panel, note: gr.HTML) -> None:
    def asking(naming: bool) -> Callable[[Shown], Updates]:
        return lambda shown: updates(runs, shown, dataclasses.replace(shown.asked, naming=naming))

    def rename(shown: Shown, name: str) -> Updates:
        said, done = actions.rename(runs, shown.asked.picked, name)
        return said, *updates(runs, shown, dataclasses.replace(shown.asked, naming=not done))

    naming, outputs = panel.report.naming, panel.outputs()
    begun = _in_turn(panel.report.rename.click, asking(True), panel.shown, outputs)
    begun.then(None, js=TO_NAME, api_visibility="private")
    _in_turn(naming.cancel.click, asking(False), panel.shown, outputs)
    for event in (naming.save.click, naming.name.submit):
        _in_turn(event, rename, [panel.shown, naming.name], [note, *outputs])


def _picking(asked: Asked, picked: tuple[str, ...]) -> Asked:
    if picked == asked.picked:
        return asked
    return dataclasses.replace(asked, picked=picked, clips=Filter(), naming=False)


def _in_turn(
    event: Callable,
    handler: Callable,
    inputs: object,
    outputs: list[gr.blocks.Block],
    trigger_mode: str = "multiple",
) -> gr.events.Dependency:
    return event(
        handler,
        inputs,
        outputs,
        show_progress="hidden",
        concurrency_id=IN_TURN,
        concurrency_limit=1,
        trigger_mode=trigger_mode,
        api_visibility="private",
    )

"""Wire the events of the Runs tab."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import gradio as gr
from gradio.events import Dependency

from intent.errors import RunError
from intent.runs.report import read_report
from intent.ui.runs import actions
from intent.ui.runs.clips_list import Filter
from intent.ui.runs.confusion import shown_labels
from intent.ui.runs.playback import clip_and_sound
from intent.ui.runs.rows import KEYS
from intent.ui.runs.tab_state import Panel, TabState, refresh
from intent.ui.runs.view import Selection
from intent.ui.shared.visitors import open_run
from intent.ui.shared.wiring import Limit, Updates, errors_in, event_value, on

ONE_AT_A_TIME = Limit("runs", 1)  # two handlers at once would overwrite each other's state
LARGEST_FIRST = ("accuracy", "time", "size", "begun")  # columns that sort downwards at first
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


def run_ids_in(value: object) -> tuple[str, ...]:
    """Return the strings in what the browser sent as a list of ids, each once."""
    found = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(one for one in found if isinstance(one, str)))


def wire_refresh(runs: Path, panel: Panel, tab: gr.Tab, timer: gr.Timer) -> None:
    """Refresh the tab when it opens and on each tick of its timer, which runs while it is open."""

    def tick(state: TabState) -> Updates:
        return refresh(runs, panel, state)

    _wire(timer.tick, tick, panel, trigger_mode="once")
    _wire(tab.select, tick, panel)
    on(tab.select, lambda: {timer: gr.Timer(active=True)}, None, timer)


def wire_list(runs: Path, panel: Panel) -> None:
    """Select runs, and sort the list."""

    def pick(state: TabState, event: gr.EventData) -> Updates:
        ids = run_ids_in(event_value(event, "ids"))
        kept = tuple(run_id for run_id in state.selection.selected if run_id in ids)
        selected = tuple(dict.fromkeys((*kept, *ids)))
        return refresh(runs, panel, state, _with_selected(state.selection, selected))

    def open_one(state: TabState, event: gr.EventData) -> Updates:
        selected = run_ids_in([event_value(event, "id")])
        return refresh(runs, panel, state, _with_selected(state.selection, selected))

    def sort(state: TabState, event: gr.EventData) -> Updates:
        selection = _sorted_by(state.selection, event_value(event, "key"))
        return refresh(runs, panel, state, selection)

    _wire(panel.table.pick, pick, panel)
    _wire(panel.table.sort, sort, panel)
    opened = _wire(panel.table.open, open_one, panel)
    on(opened.then, None, js=TO_DETAIL)


def wire_report(runs: Path, panel: Panel) -> None:
    """Filter and play the recordings of a report."""
    confusion = panel.report.confusion

    def show_pair(state: TabState, event: gr.EventData) -> Updates:
        row, column = event_value(event, "row"), event_value(event, "column")
        clips = _pair(runs, state, row, column)
        return refresh(runs, panel, state, dataclasses.replace(state.selection, clips=clips))

    def show(state: TabState, event: gr.EventData) -> Updates:
        name = "flawed" if event_value(event, "name") == "flawed" else "mistakes"
        clips = Filter(name)
        return refresh(runs, panel, state, dataclasses.replace(state.selection, clips=clips))

    @errors_in(confusion.clip)
    def play(state: TabState, event: gr.EventData) -> Updates:
        html, file = clip_and_sound(runs, state.run_id, event_value(event, "index"))
        return {confusion.clip: html, confusion.player: file}

    _wire(confusion.clips.filter, show, panel)
    paired = _wire(confusion.matrix.cell, show_pair, panel)
    on(paired.then, None, js=TO_CLIPS)
    on(
        confusion.clips.play,
        play,
        panel.state,
        [confusion.clip, confusion.player],
        trigger_mode="always_last",
    )


def wire_actions(runs: Path, panel: Panel) -> None:
    """Resume, stop, remove and restore runs, and empty the trash."""

    def acting(action: Callable[[Path, Sequence[str]], str]) -> Callable[[TabState], Updates]:
        def act(state: TabState) -> Updates:
            note = action(runs, state.selection.selected)
            return {panel.note: note, **refresh(runs, panel, state)}

        return act

    def restore(state: TabState, event: gr.EventData) -> Updates:
        note = actions.restore(runs, run_ids_in(event_value(event, "ids")))
        return {panel.note: note, **refresh(runs, panel, state)}

    def empty(state: TabState) -> Updates:
        return {panel.note: actions.empty(runs), **refresh(runs, panel, state)}

    buttons = panel.report.actions
    _wire(buttons.resume.click, acting(actions.resume), panel)
    _wire(buttons.stop.click, acting(actions.stop), panel)
    _wire(buttons.remove.click, acting(actions.remove), panel)
    for place in (panel.trash, panel.note):
        _wire(place.restore, restore, panel)
    _wire(panel.trash.empty, empty, panel)


def wire_naming(runs: Path, panel: Panel) -> None:
    """Open the name field, and save or discard what is typed there."""
    naming = panel.report.naming

    def opening(is_open: bool) -> Callable[[TabState], Updates]:
        def open_name(state: TabState) -> Updates:
            selection = dataclasses.replace(state.selection, naming=is_open)
            return refresh(runs, panel, state, selection)

        return open_name

    @errors_in(panel.note)
    def rename(state: TabState, name: str) -> Updates:
        note = actions.rename(runs, state.selection.selected, name)
        selection = dataclasses.replace(state.selection, naming=False)
        return {panel.note: note, **refresh(runs, panel, state, selection)}

    opened = _wire(panel.report.actions.rename.click, opening(True), panel)
    on(opened.then, None, js=TO_NAME)
    _wire(naming.cancel.click, opening(False), panel)
    for trigger in (naming.save.click, naming.name.submit):
        on(
            trigger,
            rename,
            [panel.state, naming.name],
            panel.outputs(),
            limit=ONE_AT_A_TIME,
            trigger_mode="multiple",
        )


def _wire(
    trigger: Callable[..., Dependency],
    handler: Callable[..., Updates],
    panel: Panel,
    trigger_mode: Literal["once", "multiple"] = "multiple",
) -> Dependency:
    """Run a handler of the tab's state, one at a time; errors are shown in the note."""
    return on(
        trigger,
        errors_in(panel.note)(handler),
        panel.state,
        panel.outputs(),
        limit=ONE_AT_A_TIME,
        trigger_mode=trigger_mode,
    )


def _with_selected(selection: Selection, selected: tuple[str, ...]) -> Selection:
    if selected == selection.selected:
        return selection
    return dataclasses.replace(selection, selected=selected, clips=Filter(), naming=False)


def _sorted_by(selection: Selection, key: object) -> Selection:
    """Return the selection sorted by a column; the same column once more reverses the order."""
    if not isinstance(key, str) or key not in KEYS:
        return selection
    again = key == selection.sort
    descending = not selection.descending if again else key in LARGEST_FIRST
    return dataclasses.replace(selection, sort=key, descending=descending)


def _pair(runs: Path, state: TabState, row: object, column: object) -> Filter:
    """Return the filter for one cell of the confusion matrix, or the current one without a cell."""
    try:
        labels = shown_labels(read_report(open_run(runs, state.run_id)))
    except RunError:  # removed in the meantime: the refresh takes it off the page
        return state.selection.clips
    match row, column:
        case int(), int() if 0 <= row < len(labels) and 0 <= column < len(labels):
            return Filter("pair", labels[row], labels[column])
    return state.selection.clips

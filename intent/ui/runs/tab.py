"""Build the Runs tab: the list of runs, the details of the selected ones, and the trash."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from intent.ui.runs import actions, events
from intent.ui.runs.notes import RESTORE_JS
from intent.ui.runs.report_panel import build_report_panel
from intent.ui.runs.tab_state import Panel, TabState
from intent.ui.runs.table import JS as TABLE_JS
from intent.ui.shared.wiring import POLITE, Updates, errors_in, on

TICK_SECONDS = 1.0


@dataclass(frozen=True)
class RunsTab:
    """What the rest of the page uses of the tab: its timer, and the checkpoint to classify with."""

    chosen_checkpoint: gr.State
    timer: gr.Timer


def build_runs_tab(runs: Path, tab: gr.Tab) -> RunsTab:
    """Lay out the tab inside the current Blocks, and wire its events."""
    chosen_checkpoint = gr.State(None)
    panel = _build_panel(runs)
    timer = gr.Timer(TICK_SECONDS, active=False)
    events.wire_list(runs, panel)
    events.wire_report(runs, panel)
    events.wire_actions(runs, panel)
    events.wire_naming(runs, panel)
    events.wire_refresh(runs, panel, tab, timer)

    @errors_in(panel.note)
    def use_model(run_id: str) -> Updates:
        checkpoint = actions.checkpoint_of(runs, run_id)
        return {chosen_checkpoint: checkpoint, timer: gr.Timer(active=False)}

    report = panel.report
    on(report.actions.use.click, use_model, report.run_id, [panel.note, chosen_checkpoint, timer])
    return RunsTab(chosen_checkpoint, timer)


def _build_panel(runs: Path) -> Panel:
    state = gr.State(TabState())
    with gr.Column(elem_id="runs"):
        note = gr.HTML(elem_id="runs-note", js_on_load=POLITE + RESTORE_JS)
        with gr.Column(elem_id="runs-card", elem_classes="card"):
            table = gr.HTML(elem_id="runs-table", js_on_load=TABLE_JS)
        report = build_report_panel(runs)
        with gr.Accordion("Trash", open=False, elem_id="trash"):
            trash = gr.HTML(elem_id="trash-list", js_on_load=RESTORE_JS)
    return Panel(note, table, trash, report, state)

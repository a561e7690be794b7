"""The Fine-tune tab: choose data, base model and recipe; start; follow the run; use its model."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent.errors import IntentError
from intent.jobs.processes import prepare_worker
from intent.paths import MINDS14, SAMPLE
from intent.runs.live import live_run
from intent.ui.finetune.api import offer_api
from intent.ui.finetune.data_choice import DataChoice, build_data_choice
from intent.ui.finetune.data_view import build_data_view, wire_data_view
from intent.ui.finetune.expectations import first_expectation, wire_expectations
from intent.ui.finetune.form_values import FormValues, form_inputs
from intent.ui.finetune.live_panel import (
    LivePanel,
    Shown,
    build_live_panel,
    checkpoint_of,
    resume_run,
    show_run,
    stop_run,
    tick,
)
from intent.ui.finetune.recipe_form import RecipeForm, build_recipe_form
from intent.ui.shared.html import alert_html
from intent.ui.shared.requests import shown_run, start_new
from intent.ui.shared.wiring import (
    NO_LIMIT,
    POLITE,
    Updates,
    errors_in,
    on,
    sentence_of,
)

# On a phone the run lies below the form: scroll to it, or to the reason why none was started.
SHOW_RUN = """() => {
  const refusal = document.querySelector('#refusal [role=alert]');
  (refusal || document.querySelector('#live')).scrollIntoView({block: 'nearest'});
}"""


@dataclass(frozen=True)
class FinetuneTab:
    """The states that the rest of the page follows: a model to use, and a clip to classify."""

    chosen_checkpoint: gr.State
    clip_to_classify: gr.State


def build_finetune_tab(runs: Path, page: gr.Blocks, tab: gr.Tab) -> FinetuneTab:
    """Lay out the tab inside the current Blocks and wire its events."""
    offer_api(runs)
    chosen_checkpoint, clip_to_classify = gr.State(None), gr.State(None)
    with gr.Column(elem_id="finetune"):
        with gr.Column(elem_id="setup", elem_classes="card"):
            source = SAMPLE if _offline() else MINDS14
            first = first_expectation(source)
            data, form = build_data_choice(source), build_recipe_form(first.cards, first.origin)
            estimate = gr.HTML(first.estimate, elem_id="estimate", js_on_load=POLITE)
            start = gr.Button("Fine-tune", variant="primary", size="lg", elem_id="start")
            refusal = gr.HTML(elem_id="refusal", elem_classes="is-note")
        with gr.Column(elem_id="live", elem_classes="card"):
            panel = build_live_panel()
        with gr.Column(elem_id="look-card", elem_classes="card"):
            view = build_data_view()
    wire_data_view(view, data, clip_to_classify, tab)
    wire_expectations(data, form, estimate, view, panel.result, tab)
    _wire_start(runs, data, form, start, refusal, panel)
    _wire_panel(panel, refusal, chosen_checkpoint)
    # Here and not when the app starts: it takes as much memory as the app, and a few seconds.
    on(tab.select, prepare_worker, limit=NO_LIMIT)
    on(page.load, partial(attach, runs, panel), None, panel.outputs())
    return FinetuneTab(chosen_checkpoint, clip_to_classify)


def attach(runs: Path, panel: LivePanel) -> Updates:
    """Show the live run of the folder, else its newest, on a page that opens."""
    return show_run(panel, Shown(), shown_run(runs))


def start_run(
    runs: Path, panel: LivePanel, refusal: gr.HTML, shown: Shown, form: FormValues
) -> Updates:
    """Start the run that the form describes and show it, or show in `refusal` why it cannot start."""
    try:
        started = start_new(runs, form.request())
    except IntentError as error:
        # Show the live run instead, even another visitor's: it may be the reason for the refusal.
        run = live_run(runs) or shown.run
        return {refusal: alert_html(sentence_of(error)), **show_run(panel, shown, run)}
    return {refusal: "", **show_run(panel, shown, started)}


def _wire_start(
    runs: Path,
    data: DataChoice,
    form: RecipeForm,
    start: gr.Button,
    refusal: gr.HTML,
    panel: LivePanel,
) -> None:
    @errors_in(refusal)
    def start_from_form(shown: Shown, *values: object) -> Updates:
        return start_run(runs, panel, refusal, shown, FormValues.of(values))

    inputs = [panel.shown, *form_inputs(data, form)]
    started = on(start.click, start_from_form, inputs, [refusal, *panel.outputs()], limit=NO_LIMIT)
    on(started.then, None, js=SHOW_RUN)


def _wire_panel(panel: LivePanel, refusal: gr.HTML, chosen_checkpoint: gr.State) -> None:
    outputs = [refusal, *panel.outputs()]
    stop = errors_in(refusal)(partial(stop_run, panel))
    resume = errors_in(refusal)(partial(resume_run, panel, refusal))
    on(panel.stop.click, stop, panel.shown, outputs, limit=NO_LIMIT)
    on(panel.resume.click, resume, panel.shown, outputs, limit=NO_LIMIT)
    on(
        panel.timer.tick,
        partial(tick, panel),
        panel.shown,
        panel.outputs(),
        limit=NO_LIMIT,
        trigger_mode="once",
    )

    def use_model(shown: Shown) -> Updates:
        return {chosen_checkpoint: checkpoint_of(shown)}

    on(panel.use.click, use_model, panel.shown, chosen_checkpoint)


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")

"""The Fine-tune tab: choose data, base and recipe; click; watch the run; use its result."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent.paths import MINDS14, SAMPLE
from intent.runs.live import live_run
from intent.ui.finetune.api import offer_api
from intent.ui.finetune.data_view import DataChoice, build_data_choice, build_data_view
from intent.ui.finetune.expectations import MEASURING, first_cards, wire_expectations
from intent.ui.finetune.live_panel import (
    LIVE,
    LivePanel,
    Shown,
    Updates,
    build_live_panel,
    resume_run,
    stop_run,
    tick,
    updates,
    use_model,
)
from intent.ui.finetune.recipe_form import (
    RecipeForm,
    build_recipe_form,
    notice,
    values_of,
)
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.requests import request_of, shown_run, start_new

SHOW_RUN = """() => {
  const refusal = document.querySelector('#refusal [role=alert]');
  (refusal || document.querySelector('#live')).scrollIntoView({block: 'nearest'});
}"""


@dataclass(frozen=True)
class FinetuneTab:
    """What the rest of the page follows: a checkpoint to listen with, a clip to classify."""

    chosen_checkpoint: gr.State
    clip_to_classify: gr.State


def build_finetune_tab(runs: Path) -> FinetuneTab:
    """Lay the tab out inside the present Blocks and wire what happens within it."""
    chosen_checkpoint, clip_to_classify = gr.State(None), gr.State(None)
    with gr.Column(elem_id="finetune") as everything:
        with gr.Column(elem_id="setup", elem_classes="card"):
            source = SAMPLE if _offline() else MINDS14
            data, form = build_data_choice(source), build_recipe_form(*first_cards(source))
            estimate = gr.HTML(f"<p>{MEASURING}</p>", elem_id="estimate", js_on_load=LIVE)
            start = gr.Button("Fine-tune", variant="primary", size="lg", elem_id="start")
            refusal = gr.HTML(elem_id="refusal", elem_classes="is-note")
        with gr.Column(elem_id="live", elem_classes="card"):
            panel = build_live_panel()
        with gr.Column(elem_id="look-card", elem_classes="card"):
            view = build_data_view(data, clip_to_classify, _around(everything, gr.Tab))
    tab = _around(everything, gr.Tab)
    wire_expectations(runs, data, form, estimate, view, panel.result, tab)
    _wire(runs, data, form, start, refusal, panel)
    panel.use.click(
        use_model, panel.shown, chosen_checkpoint, show_progress="hidden", api_visibility="private"
    )
    page = _around(everything, gr.Blocks)
    page.load(
        partial(attach, runs),
        None,
        panel.outputs(),
        show_progress="hidden",
        api_visibility="private",
    )
    offer_api(runs)
    return FinetuneTab(chosen_checkpoint, clip_to_classify)


def attach(runs: Path) -> Updates:
    """Show the live run of the folder, else its newest, to a page that opens."""
    return updates(Shown(), Shown(run=shown_run(runs)))


def start_run(
    runs: Path,
    shown: Shown,
    source: str,
    locales: list[str],
    folder: str,
    base: str,
    preset: str,
    filled: tuple[str | None, str],
    *values: object,
) -> Updates:
    """Start what the form asks for and show it; or say in a sentence why nothing was started."""
    try:
        changes = values_of(base, preset, filled, values)
        run = start_new(runs, request_of(source, locales, folder, base, preset, changes))
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        live = live_run(runs)  # of another visitor, perhaps: worth seeing
        return notice(in_words(error)), *updates(shown, Shown(run=live) if live else shown)
    return "", *updates(shown, Shown(run=run))


def _wire(
    runs: Path,
    data: DataChoice,
    form: RecipeForm,
    start: gr.Button,
    refusal: gr.HTML,
    panel: LivePanel,
) -> None:
    asked = [panel.shown, data.source, data.locales, data.folder, form.base, form.preset]
    started = start.click(
        partial(start_run, runs),
        [*asked, form.filled, *form.fields],
        [refusal, *panel.outputs()],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    started.then(None, js=SHOW_RUN, api_visibility="private")  # on a phone it lies below
    panel.stop.click(
        stop_run,
        panel.shown,
        panel.outputs(),
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    panel.resume.click(
        resume_run,
        panel.shown,
        [refusal, *panel.outputs()],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    panel.timer.tick(
        tick,
        panel.shown,
        panel.outputs(),
        show_progress="hidden",
        concurrency_limit=None,
        trigger_mode="once",
        api_visibility="private",
    )


def _around(block: gr.blocks.Block, kind: type) -> gr.blocks.Block | None:
    """The nearest block of a kind around this one."""
    while block is not None and not isinstance(block, kind):
        block = block.parent
    return block


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")

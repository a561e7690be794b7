"""The Fine-tune tab: choose data, base and recipe; click; watch the run; use its result."""

import dataclasses
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent import runs as all_runs
from intent.paths import SAMPLE
from intent.recipes import preset as recipe_preset
from intent.rundir import RunDir
from intent.ui.ask import MINDS14, data_name, recipe_of, shown_run, start_new
from intent.ui.checkpoint_menu import in_words
from intent.ui.data_view import DataChoice, build_data_choice, build_data_view
from intent.ui.expectations import MEASURING, first_cards, wire_expectations
from intent.ui.finetune_api import offer_api
from intent.ui.live_view import View, empty_view, view_of
from intent.ui.recipe_form import (
    RecipeForm,
    build_recipe_form,
    default_preset,
    notice,
    values_of,
)

TICK_SECONDS = 0.5
HEED_SECONDS = 20  # after which a run that was asked to stop may be ended by force
LIVE = "element.setAttribute('aria-live', 'polite')"
SHOW_RUN = """() => {
  const refusal = document.querySelector('#refusal [role=alert]');
  (refusal || document.querySelector('#live')).scrollIntoView({block: 'nearest'});
}"""
Updates = tuple[object, ...]


@dataclass(frozen=True)
class FinetuneTab:
    """What the rest of the page follows: a checkpoint to listen with, a clip to classify."""

    chosen_checkpoint: gr.State
    clip_to_classify: gr.State


@dataclass(frozen=True)
class Shown:
    """The run that a page shows, and what it was sent of it last."""

    run: RunDir | None = None
    state: str = ""
    history: object = None
    view: View | None = None


@dataclass(frozen=True)
class LivePanel:
    """The components that show a run."""

    status: gr.HTML
    progress: gr.HTML
    result: gr.HTML
    plots: gr.HTML
    skipped: gr.HTML
    stop: gr.Button
    use: gr.Button
    timer: gr.Timer
    shown: gr.State

    def outputs(self) -> list[gr.components.Component]:
        """Return the components in the order of `updates`."""
        return [getattr(self, field.name) for field in dataclasses.fields(self)]


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
            panel = _build_live_panel()
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
        partial(attach, runs), None, panel.outputs(), show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    offer_api(runs)
    return FinetuneTab(chosen_checkpoint, clip_to_classify)


def attach(runs: Path) -> Updates:
    """Show the live run of the folder, else its newest, to a page that opens."""
    return updates(Shown(), Shown(run=shown_run(runs)))


def start_run(
    runs: Path, shown: Shown, source: str, locales: list[str], folder: str, base: str,
    preset: str, filled: tuple[str | None, str], *values: object,
) -> Updates:  # fmt: skip
    """Start what the form asks for and show it; or say in a sentence why nothing was started."""
    try:
        recipe = recipe_of(
            data_name(source, folder), locales, base, preset, recipe_preset(preset),
            values_of(base, preset, filled, values),
        )
        run = start_new(runs, recipe)
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        live = all_runs.live_run(runs)  # of another visitor, perhaps: worth seeing
        return notice(in_words(error)), *updates(shown, Shown(run=live) if live else shown)
    return "", *updates(shown, Shown(run=run))


def stop_run(shown: Shown) -> Updates:
    """Ask the run to stop; one that did not heed it for a while is ended by force."""
    if shown.run is None:
        return updates(shown, shown)
    if all_runs.state(shown.run) == "running":
        all_runs.request_stop(shown.run)
    elif _unheeded(shown.run):
        all_runs.kill_run(shown.run)
    return updates(shown, Shown(run=shown.run))


def tick(shown: Shown) -> Updates:
    """Send what has changed of a run; nothing at all when its files say nothing new."""
    return updates(shown, Shown(run=shown.run))


def use_model(shown: Shown) -> str | None:
    """Return the checkpoint of the run, by its folder."""
    has_model = shown.run is not None and shown.run.model.is_dir()
    return str(shown.run.model) if has_model else None


def updates(before: Shown, now: Shown) -> Updates:
    """Return what each component of the live panel gets: gr.skip() for what a page has already."""
    run = now.run
    if run is None or not run.recipe_file.is_file():  # there is none, or it was removed
        view, now = empty_view(recipe_preset(default_preset())), Shown()
    else:
        state, history = all_runs.state(run), all_runs.history_of(run)
        if (before.run, before.state) == (run, state) and before.history is history:
            if state != "stopping":
                return (gr.skip(),) * len(dataclasses.fields(LivePanel))
        has_model = run.model.is_dir()
        view = view_of(run.id, run.recipe(), state, history, has_model, _unheeded(run))
        now = Shown(run, state, history, view)
    now = dataclasses.replace(now, view=view)
    return *_changes(before.view, view), now


def _changes(old: View | None, new: View) -> Updates:
    def part(name: str) -> object:
        value = getattr(new, name)
        return gr.skip() if old is not None and getattr(old, name) == value else value

    same_buttons = old is not None and _buttons(old) == _buttons(new)
    stop, use, timer = (
        (gr.skip(),) * 3
        if same_buttons
        else (
            gr.update(
                interactive=new.is_live and (not new.is_stopping or new.can_end_now),
                value="End now" if new.can_end_now else "Stop",
            ),
            gr.update(interactive=new.has_model),
            gr.Timer(active=new.is_live),
        )
    )
    html = (part(name) for name in ("status", "progress", "result", "plots", "skipped"))
    return *html, stop, use, timer


def _buttons(view: View) -> tuple[bool, ...]:
    return view.is_live, view.is_stopping, view.has_model, view.can_end_now


def _unheeded(run: RunDir) -> bool:
    try:
        return time.time() - run.stop_file.stat().st_mtime > HEED_SECONDS
    except OSError:
        return False


def _build_live_panel() -> LivePanel:
    status = gr.HTML(elem_id="status", js_on_load=LIVE)
    progress = gr.HTML(elem_id="progress")
    result = gr.HTML(elem_id="result", js_on_load=LIVE)
    with gr.Row(elem_id="actions"):
        stop = gr.Button("Stop", interactive=False, elem_id="stop")
        use = gr.Button("Use this model", interactive=False, variant="primary", elem_id="use")
    plots = gr.HTML(elem_id="plots")
    skipped = gr.HTML(elem_id="skipped")
    timer = gr.Timer(TICK_SECONDS, active=False)
    return LivePanel(status, progress, result, plots, skipped, stop, use, timer, gr.State(Shown()))


def _wire(
    runs: Path, data: DataChoice, form: RecipeForm, start: gr.Button, refusal: gr.HTML,
    panel: LivePanel,
) -> None:  # fmt: skip
    asked = [panel.shown, data.source, data.locales, data.folder, form.base, form.preset]
    started = start.click(
        partial(start_run, runs), [*asked, form.filled, *form.fields], [refusal, *panel.outputs()],
        show_progress="hidden", concurrency_limit=None, api_visibility="private",
    )  # fmt: skip
    started.then(None, js=SHOW_RUN, api_visibility="private")  # on a phone it lies below
    panel.stop.click(
        stop_run, panel.shown, panel.outputs(), show_progress="hidden", concurrency_limit=None,
        api_visibility="private",
    )  # fmt: skip
    panel.timer.tick(
        tick, panel.shown, panel.outputs(), show_progress="hidden", concurrency_limit=None,
        trigger_mode="once", api_visibility="private",
    )  # fmt: skip


def _around(block: gr.blocks.Block, kind: type) -> gr.blocks.Block | None:
    """The nearest block of a kind around this one."""
    while block is not None and not isinstance(block, kind):
        block = block.parent
    return block


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")

"""The page: a header, three tabs, and the events of one tab that change another."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from intent.hub_http import be_anonymous
from intent.runs.access import is_public
from intent.ui.chunk_order import ChunkOrder
from intent.ui.classify.api import offer_api as offer_classify_api
from intent.ui.classify.tab import (
    CLASSIFYING,
    ClassifyTab,
    build_classify_tab,
    choose_after,
    restore_on_load,
)
from intent.ui.classify.timeline_panel import TIMELINES
from intent.ui.finetune.tab import FinetuneTab, build_finetune_tab
from intent.ui.gate import Gate
from intent.ui.runs.api import offer_api as offer_runs_api
from intent.ui.runs.tab import RunsTab, build_runs_tab
from intent.ui.shared.checkpoint_menu import choices
from intent.ui.shared.visitors import HEAD as VISITOR_HEAD
from intent.ui.shared.wiring import Updates, no_change, on
from intent.ui.theme import CSS, HEAD, build_theme

SWEEP_SECONDS = 600  # between two deletions of old recordings
KEEP_SECONDS = 3600  # age at which a recording is deleted
MAX_UPLOAD = "200mb"
MASTHEAD = """
<header class="masthead">
  <svg viewBox="0 0 44 44" aria-hidden="true"><rect width="44" height="44" rx="12" fill="#0f7460"/>
    <g stroke="#fff" stroke-width="3" stroke-linecap="round">
      <path d="M11 19v6M18 14v16M25 9.500v25M32 17v10"/></g></svg>
  <div><h1>Intent Studio</h1><p>Predict the intent of spoken banking requests.</p></div>
</header>
"""


def build_app(runs: Path) -> gr.Blocks:
    """Build the page for a folder of runs; `launch` serves it.

    In public mode this process stops using the owner's tokens.
    """
    if is_public():
        be_anonymous()
    with gr.Blocks(
        title="Intent Studio", analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        gr.HTML(MASTHEAD)
        with gr.Tabs() as tabs:
            with gr.Tab("Classify", id="classify") as first:
                offer_classify_api(CLASSIFYING, TIMELINES)
                classify = build_classify_tab(runs)
            with gr.Tab("Fine-tune", id="fine-tune") as second:
                finetune = build_finetune_tab(runs, page, second)
            with gr.Tab("Runs", id="runs") as third:
                # First: Gradio gives a name to the first endpoint that claims it, even if hidden.
                offer_runs_api(runs)
                runs_tab = build_runs_tab(runs, third)
        restore_on_load(page, classify, runs)
        _wire(tabs, classify, finetune, runs_tab, runs)
        for other in (first, second):
            on(other.select, lambda: {runs_tab.timer: gr.Timer(active=False)}, None, runs_tab.timer)
    return page


def launch(page: gr.Blocks, when_served: Callable[[], None] = lambda: None) -> None:
    """Serve the page until stopped, at the address in GRADIO_SERVER_NAME and GRADIO_SERVER_PORT.

    Calls `when_served` once the page answers.
    """
    page.launch(**launch_options(), prevent_thread_lock=True)
    when_served()
    page.block_thread()


def launch_options() -> dict[str, Any]:
    """Return the options of `launch` that do not depend on where the page is served."""
    return {
        "theme": build_theme(),
        "css_paths": list(CSS),
        "head": HEAD + VISITOR_HEAD,
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": MAX_UPLOAD,
        "ssr_mode": False,
        "app_kwargs": {"middleware": [Middleware(Gate), Middleware(ChunkOrder)]},
    }


def _wire(
    tabs: gr.Tabs, classify: ClassifyTab, finetune: FinetuneTab, runs_tab: RunsTab, runs: Path
) -> None:
    """Open the Classify tab with a checkpoint or a clip that another tab puts into its state.

    The state is emptied afterwards, so that choosing the same one again is a change.
    """
    menu = classify.menu.checkpoint

    def use_checkpoint(state: gr.State, checkpoint: str | None) -> Updates:
        if not checkpoint:
            return no_change()
        chosen = gr.update(choices=choices(runs), value=checkpoint)
        return {menu: chosen, state: None, tabs: gr.Tabs(selected="classify")}

    def use_clip(clip: str | None) -> Updates:
        if not clip:
            return no_change()
        return {
            classify.recording: clip,
            finetune.clip_to_classify: None,
            tabs: gr.Tabs(selected="classify"),
        }

    for state in (finetune.chosen_checkpoint, runs_tab.chosen_checkpoint):
        chosen = on(state.change, partial(use_checkpoint, state), state, [menu, state, tabs])
        choose_after(chosen, classify)
    clip = finetune.clip_to_classify
    on(clip.change, use_clip, clip, [classify.recording, clip, tabs])

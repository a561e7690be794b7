"""The page: a header, three tabs, and what one tab does in the others."""

from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from intent.hub_http import be_anonymous
from intent.runs.access import is_public
from intent.ui.classify.api import offer_api
from intent.ui.classify.tab import (
    HEARING,
    LISTENERS,
    ClassifyTab,
    build_classify_tab,
    choose_on,
    restore_on_load,
)
from intent.ui.finetune.tab import FinetuneTab, build_finetune_tab
from intent.ui.gate import Gate
from intent.ui.runs.api import offer_api as offer_runs_api
from intent.ui.runs.tab import RunsTab, build_runs_tab
from intent.ui.shared.checkpoint_menu import choices
from intent.ui.shared.visitors import HEAD as VISITOR_HEAD
from intent.ui.theme import CSS, HEAD, build_theme

SWEEP_SECONDS = 600  # how often recordings are looked through
KEEP_SECONDS = 3600  # how old a recording gets
MAX_UPLOAD = "200mb"
MASTHEAD = """
<header class="masthead">
  <svg viewBox="0 0 44 44" aria-hidden="true"><rect width="44" height="44" rx="12" fill="#0f7460"/>
    <g stroke="#fff" stroke-width="3" stroke-linecap="round">
      <path d="M11 19v6M18 14v16M25 9.500v25M32 17v10"/></g></svg>
  <div><h1>Intent Studio</h1><p>Say it in your own words. See what a bank’s caller wants.</p></div>
</header>
"""


def build_app(runs: Path) -> gr.Blocks:
    """Return the page over a folder of runs; `launch` serves it.

    Where strangers can reach it, this process uses none of the owner's tokens from now on.
    """
    if is_public():
        be_anonymous()
    with gr.Blocks(
        title="Intent Studio", analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEEP_SECONDS)
    ) as page:
        gr.HTML(MASTHEAD)
        with gr.Tabs() as tabs:
            with gr.Tab("Classify", id="classify") as first:
                classify = build_classify_tab(runs)
                offer_api(LISTENERS, HEARING)
            with gr.Tab("Fine-tune", id="fine-tune") as second:
                finetune = build_finetune_tab(runs)
            with gr.Tab("Runs", id="runs") as third:
                offer_runs_api(runs)  # first: a name goes to whoever asks first, hidden or not
                made = build_runs_tab(runs, third)
        restore_on_load(page, classify, runs)
        _wire(tabs, classify, finetune, made, runs)
        for other in (first, second):
            other.select(
                lambda: gr.Timer(active=False),
                None,
                made.timer,
                show_progress="hidden",
                api_visibility="private",
            )
    return page


def launch(page: gr.Blocks) -> None:
    """Serve the page until stopped; its address comes from GRADIO_SERVER_NAME and _PORT."""
    page.launch(**launch_options())


def launch_options() -> dict[str, object]:
    """Return how the page is served, wherever that is."""
    return {
        "theme": build_theme(),
        "css_paths": list(CSS),
        "head": HEAD + VISITOR_HEAD,
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": MAX_UPLOAD,
        "ssr_mode": False,
        "app_kwargs": {"middleware": [Middleware(Gate)]},
    }


def _wire(
    tabs: gr.Tabs, classify: ClassifyTab, finetune: FinetuneTab, made: RunsTab, runs: Path
) -> None:
    """Each state is emptied once it is taken, so that the same choice counts the next time."""

    def listen_with(checkpoint: str | None) -> tuple[object, ...]:
        if not checkpoint:
            return gr.skip(), gr.skip(), gr.skip()
        menu = gr.update(choices=choices(runs), value=checkpoint)
        return menu, None, gr.Tabs(selected="classify")

    def hear(clip: str | None) -> tuple[object, ...]:
        if not clip:
            return gr.skip(), gr.skip(), gr.skip()
        return clip, None, gr.Tabs(selected="classify")

    for state in (finetune.chosen_checkpoint, made.chosen_checkpoint):
        chosen = state.change(
            listen_with,
            state,
            [classify.checkpoint, state, tabs],
            show_progress="hidden",
            api_visibility="private",
        )
        choose_on(chosen, classify)
    finetune.clip_to_classify.change(
        hear,
        finetune.clip_to_classify,
        [classify.recording, finetune.clip_to_classify, tabs],
        show_progress="hidden",
        api_visibility="private",
    )

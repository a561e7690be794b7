"""A page with only the share panel, for its tests."""

import gradio as gr

from intent.library_output import quiet_libraries
from intent.paths import runs_dir
from intent.runs.store import list_runs
from intent.ui.app import launch
from intent.ui.runs.share_panel import build_share_panel


def build_page() -> gr.Blocks:
    """Return the page over the folder of runs, with the newest one selected."""
    ids = [run.id for run in list_runs(runs_dir())]
    with gr.Blocks(title="Share", analytics_enabled=False) as page:
        gr.HTML("<h1>Share a run</h1>")
        run_id = gr.State(ids[0])
        choice = gr.Radio([*ids, "none of these"], value=ids[0], label="Run")
        with gr.Column(elem_classes="card"):
            build_share_panel(runs_dir(), run_id)
        choice.change(lambda run: run, choice, run_id)
    return page


if __name__ == "__main__":
    quiet_libraries()
    launch(build_page())

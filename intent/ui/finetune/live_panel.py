"""The panel that follows a run: its components, their updates, and its buttons."""

import dataclasses
import time
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from intent.errors import IntentError
from intent.jobs import control
from intent.jobs.processes import kill_run
from intent.recipes import preset as recipe_preset
from intent.runs import access, store
from intent.runs.directory import RunDir, history_of
from intent.runs.events import History
from intent.ui.finetune.live_view import View, empty_view, view_of
from intent.ui.finetune.recipe_form import default_preset
from intent.ui.shared.html import alert_html
from intent.ui.shared.run_notes import notes_html
from intent.ui.shared.visitors import current_visitor, may, redacted_history
from intent.ui.shared.wiring import POLITE, Updates, no_change, sentence_of

TICK_SECONDS = 0.5
STOP_GRACE_SECONDS = 20  # after a request to stop; then the run may be killed
HTML_PARTS = ("status", "progress", "result", "plots", "skipped")  # of a View and of the panel


@dataclass(frozen=True)
class Shown:
    """The run that a page shows, and what the page last received of it."""

    run: RunDir | None = None
    state: str = ""
    history: History | None = None
    view: View | None = None
    notes: str = ""


@dataclass(frozen=True)
class LivePanel:
    """The components that show a run."""

    status: gr.HTML
    progress: gr.HTML
    result: gr.HTML
    plots: gr.HTML
    skipped: gr.HTML
    stop: gr.Button
    resume: gr.Button
    use: gr.Button
    timer: gr.Timer
    shown: gr.State

    def outputs(self) -> list[Block]:
        """Return all components of the panel."""
        return [getattr(self, field.name) for field in dataclasses.fields(self)]


def build_live_panel() -> LivePanel:
    """Lay out the panel inside the current Blocks."""
    status = gr.HTML(elem_id="status", js_on_load=POLITE)
    progress = gr.HTML(elem_id="progress")
    result = gr.HTML(elem_id="result", js_on_load=POLITE)
    with gr.Row(elem_id="actions"):
        stop = gr.Button("Stop", interactive=False, elem_id="stop")
        resume = gr.Button("Resume", interactive=False, elem_id="resume")
        use = gr.Button("Use this model", interactive=False, variant="primary", elem_id="use")
    plots = gr.HTML(elem_id="plots")
    skipped = gr.HTML(elem_id="skipped")
    timer = gr.Timer(TICK_SECONDS, active=False)
    shown = gr.State(Shown())
    return LivePanel(status, progress, result, plots, skipped, stop, resume, use, timer, shown)


def stop_run(panel: LivePanel, shown: Shown) -> Updates:
    """Request the run to stop, or remove it from the queue; kill it if its stop is overdue."""
    if shown.run is None or not may("stop", shown.run):
        return tick(panel, shown)
    if control.stop_run(shown.run) == "stopping" and _stop_is_overdue(shown.run):
        kill_run(shown.run)
    return tick(panel, shown)


def resume_run(panel: LivePanel, refusal: gr.HTML, shown: Shown) -> Updates:
    """Resume the run from its last checkpoint, or show in `refusal` why that is not possible."""
    message = ""
    if shown.run is not None:
        try:
            access.check(current_visitor(), "resume", shown.run)
            control.resume_run(shown.run)
        except IntentError as error:
            message = alert_html(sentence_of(error))
    return {refusal: message, **show_run(panel, shown, shown.run)}


def show_run(panel: LivePanel, before: Shown, run: RunDir | None) -> Updates:
    """Return the updates that show a run: only what changed since the last ones."""
    if run is None or not run.recipe_file.is_file() or not may("read", run):  # or it was removed
        empty = empty_view(recipe_preset(default_preset()))
        return _changes(panel, before.view, Shown(view=empty), empty)
    state, history = store.state(run), history_of(run)
    notes = notes_html(run, state, history)
    same = (before.run, before.state, before.notes) == (run, state, notes)
    if same and before.history is history and state != "stopping":
        return {}
    view = view_of(
        run.id,
        run.recipe(),
        state,
        redacted_history(history),
        run.model.is_dir(),
        _stop_is_overdue(run),
        notes,
        is_own=may("stop", run),
    )
    return _changes(panel, before.view, Shown(run, state, history, view, notes), view)


def tick(panel: LivePanel, shown: Shown) -> Updates:
    """Return what has changed of the run that the page shows."""
    return show_run(panel, shown, shown.run) or no_change()


def checkpoint_of(shown: Shown) -> str | None:
    """Return the id of the run as the name of its checkpoint; None if it has no model."""
    return shown.run.id if shown.run is not None and shown.run.model.is_dir() else None


def _changes(panel: LivePanel, old: View | None, now: Shown, new: View) -> Updates:
    html: Updates = {
        getattr(panel, part): getattr(new, part)
        for part in HTML_PARTS
        if old is None or getattr(old, part) != getattr(new, part)
    }
    buttons = {} if old is not None and _controls(old) == _controls(new) else _buttons(panel, new)
    return {panel.shown: now, **html, **buttons}


def _buttons(panel: LivePanel, view: View) -> Updates:
    can_stop = view.is_live and view.is_own and (not view.is_stopping or view.can_end_now)
    return {
        panel.stop: gr.update(interactive=can_stop, value=view.stop_word),
        panel.resume: gr.update(interactive=view.can_resume),
        panel.use: gr.update(interactive=view.has_model),
        panel.timer: gr.Timer(active=view.is_live),
    }


def _controls(view: View) -> tuple[bool | str, ...]:
    """Return all that the buttons and the timer depend on."""
    return (
        view.is_live,
        view.is_own,
        view.is_stopping,
        view.can_end_now,
        view.can_resume,
        view.has_model,
        view.stop_word,
    )


def _stop_is_overdue(run: RunDir) -> bool:
    try:
        return time.time() - run.stop_file.stat().st_mtime > STOP_GRACE_SECONDS
    except OSError:
        return False

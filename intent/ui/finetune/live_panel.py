"""The panel that shows a run: its components, what each is sent, and what its buttons do."""

import dataclasses
import time
from dataclasses import dataclass

import gradio as gr

from intent.jobs import control
from intent.jobs.processes import kill_run
from intent.recipes import preset as recipe_preset
from intent.runs import access, store
from intent.runs.directory import RunDir, history_of
from intent.ui.finetune.live_view import View, empty_view, view_of
from intent.ui.finetune.recipe_form import default_preset, notice
from intent.ui.shared.checkpoint_menu import in_words
from intent.ui.shared.run_notes import notes_html
from intent.ui.shared.visitors import current_visitor, may, told_history

TICK_SECONDS = 0.5
HEED_SECONDS = 20  # after which a run that was asked to stop may be ended by force
LIVE = "element.setAttribute('aria-live', 'polite')"
Updates = tuple[object, ...]


@dataclass(frozen=True)
class Shown:
    """The run that a page shows, and what it was sent of it last."""

    run: RunDir | None = None
    state: str = ""
    history: object = None
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

    def outputs(self) -> list[gr.components.Component]:
        """Return the components in the order of `updates`."""
        return [getattr(self, field.name) for field in dataclasses.fields(self)]


def build_live_panel() -> LivePanel:
    """Lay out what shows a run inside the present Blocks."""
    status = gr.HTML(elem_id="status", js_on_load=LIVE)
    progress = gr.HTML(elem_id="progress")
    result = gr.HTML(elem_id="result", js_on_load=LIVE)
    with gr.Row(elem_id="actions"):
        stop = gr.Button("Stop", interactive=False, elem_id="stop")
        resume = gr.Button("Resume", interactive=False, elem_id="resume")
        use = gr.Button("Use this model", interactive=False, variant="primary", elem_id="use")
    plots = gr.HTML(elem_id="plots")
    skipped = gr.HTML(elem_id="skipped")
    timer = gr.Timer(TICK_SECONDS, active=False)
    shown = gr.State(Shown())
    return LivePanel(status, progress, result, plots, skipped, stop, resume, use, timer, shown)


def stop_run(shown: Shown) -> Updates:
    """Ask the run to stop, or withdraw it; what has not heeded it for a while is ended by force."""
    if shown.run is None or not may("stop", shown.run):
        return updates(shown, shown)
    if control.stop_run(shown.run) == "stopping" and _unheeded(shown.run):
        kill_run(shown.run)
    return updates(shown, Shown(run=shown.run))


def resume_run(shown: Shown) -> Updates:
    """Go on with a run that ended before it was done; returns a refusal in words besides."""
    if shown.run is None:
        return "", *updates(shown, shown)
    try:
        access.check(current_visitor(), "resume", shown.run)
        control.resume_run(shown.run)
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        return notice(in_words(error)), *updates(shown, Shown(run=shown.run))
    return "", *updates(shown, Shown(run=shown.run))


def tick(shown: Shown) -> Updates:
    """Send what has changed of a run; nothing at all when its files say nothing new."""
    return updates(shown, Shown(run=shown.run))


def use_model(shown: Shown) -> str | None:
    """Return the checkpoint of the run, by its id."""
    has_model = shown.run is not None and shown.run.model.is_dir()
    return shown.run.id if has_model else None


def updates(before: Shown, now: Shown) -> Updates:
    """Return what each component of the live panel gets: gr.skip() for what a page has already."""
    run = now.run
    if run is None or not run.recipe_file.is_file() or not may("read", run):  # or it was removed
        view, now = empty_view(recipe_preset(default_preset())), Shown()
    else:
        state, history = store.state(run), history_of(run)
        notes = notes_html(run, state, history)
        same = (before.run, before.state, before.notes) == (run, state, notes)
        if same and before.history is history and state != "stopping":
            return (gr.skip(),) * len(dataclasses.fields(LivePanel))
        has_model = run.model.is_dir()
        view = view_of(
            run.id,
            run.recipe(),
            state,
            told_history(history),
            has_model,
            _unheeded(run),
            notes,
            is_own=may("stop", run),
        )
        now = Shown(run, state, history, view, notes)
    now = dataclasses.replace(now, view=view)
    return *_changes(before.view, view), now


def _changes(old: View | None, new: View) -> Updates:
    def part(name: str) -> object:
        value = getattr(new, name)
        return gr.skip() if old is not None and getattr(old, name) == value else value

    same_buttons = old is not None and _buttons(old) == _buttons(new)
    stop, resume, use, timer = (
        (gr.skip(),) * 4
        if same_buttons
        else (
            gr.update(
                interactive=new.is_live and new.is_own and (not new.is_stopping or new.can_end_now),
                value=new.stop_word,
            ),
            gr.update(interactive=new.can_resume),
            gr.update(interactive=new.has_model),
            gr.Timer(active=new.is_live),
        )
    )
    html = (part(name) for name in ("status", "progress", "result", "plots", "skipped"))
    return *html, stop, resume, use, timer


def _buttons(view: View) -> tuple[bool | str, ...]:
    return (
        view.is_live,
        view.is_own,
        view.is_stopping,
        view.can_resume,
        view.has_model,
        view.stop_word,
    )


def _unheeded(run: RunDir) -> bool:
    try:
        return time.time() - run.stop_file.stat().st_mtime > HEED_SECONDS
    except OSError:
        return False

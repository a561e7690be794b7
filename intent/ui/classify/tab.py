"""The Classify tab: classifies a recording and shows the five most likely intents."""

import functools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from intent.audio.clip import MAX_SECONDS, read_clip
from intent.errors import AudioError, TooLongError
from intent.models.classifier import classify
from intent.paths import BUNDLED, EXAMPLES
from intent.runs.access import is_public
from intent.ui.classify import timeline_panel
from intent.ui.classify.live import build_live_panel
from intent.ui.classify.timeline_panel import Latest, TimelinePanel
from intent.ui.shared import checkpoint_menu as menus
from intent.ui.shared import html
from intent.ui.shared.checkpoint_menu import CheckpointMenu
from intent.ui.shared.recordings import served_folder, sound_for_player
from intent.ui.shared.requests import usable_checkpoint
from intent.ui.shared.wiring import POLITE, Handler, Limit, Updates, errors_in, no_change, on

CLASSIFYING = Limit("classifying", 3)  # clips at the same time, for the page and the API together
DESCRIBING = Limit("describing", 16)  # checkpoints at the same time; the Hub may be slow
TOO_LONG = (
    f"This recording is longer than a single answer takes ({MAX_SECONDS // 60} min): its timeline shows "
    "the intent of each utterance."
)
BROWSER_KEY = "intent-studio-checkpoint"  # in the visitor's local storage
# On a phone the predictions are below the examples: scroll to new ones.
SHOW_ANSWER = f"""{POLITE} watch('value', () => {{
  if (!element.querySelector('.empty')) element.scrollIntoView({{block: 'nearest'}});
}});"""
RECORDER_JS = Path(__file__).with_name("recorder.js").read_text(encoding="utf-8")
MICROPHONE_NOTE = "<p role='status' aria-label='Microphone'></p>"


@dataclass(frozen=True)
class ClassifyTab:
    """The components of the tab; the rest of the page may set the recording and the checkpoint."""

    recording: gr.Audio
    answer: gr.HTML
    menu: CheckpointMenu
    timeline: TimelinePanel


def build_classify_tab(runs: Path) -> ClassifyTab:
    """Lay out the tab inside the current Blocks and wire its events."""
    with gr.Column(elem_id="classify"):
        with gr.Column(elem_id="speak"):
            recording = _build_recorder()
            strip = timeline_panel.build_strip()
        with gr.Column(elem_id="answer-card", elem_classes="card"):
            answer = gr.HTML(html.empty_html(), elem_id="answer", js_on_load=SHOW_ANSWER)
        with gr.Column(elem_id="examples"):
            _build_examples(recording)
        with gr.Column(elem_id="timeline-card", elem_classes="card"):
            timeline = timeline_panel.build_panel(strip)
        live_card = gr.Column(elem_id="live-card", elem_classes="card")
        with gr.Column(elem_id="checkpoint-card", elem_classes="card"):
            menu = _build_menu(runs)
        with live_card:
            build_live_panel(menu.checkpoint, DESCRIBING)
    tab = ClassifyTab(recording, answer, menu, timeline)
    _wire(tab, runs)
    return tab


def show_answer(
    tab: ClassifyTab, recording: str | None, checkpoint: str | None, latest: Latest
) -> Iterator[Updates]:
    """Yield the busy panel, then the answer; the empty panel if there is no recording.

    A recording over a minute gets a timeline too, and one too long for an answer gets only that.
    """
    without_timeline = timeline_panel.cleared(tab.timeline, latest)
    if not recording:
        yield {tab.answer: html.empty_html(), **without_timeline}
        return
    yield {tab.answer: html.busy_html(), **without_timeline}
    name = usable_checkpoint(checkpoint)
    try:
        clip = read_clip(recording)
    except TooLongError:
        timeline_panel.check_start(recording)
        yield {tab.answer: html.error_html(TOO_LONG), **timeline_panel.asked(tab.timeline, latest)}
        return
    found = html.answer_html(classify(clip, name), menus.title(name))
    yield {tab.answer: found, **timeline_panel.offered(tab.timeline, latest, clip.seconds)}


def make_playable(recording: gr.Audio, path: str | None) -> Updates:
    """Replace an uploaded recording with a WAV copy if browsers cannot play it.

    An unreadable recording is not replaced; the error is shown in place of the prediction.
    """
    try:
        sound = sound_for_player(path) if path else None
    except AudioError:
        sound = None
    return no_change() if sound is None else {recording: sound}


def choose_after(event: Dependency, tab: ClassifyTab) -> None:
    """After an event that set the checkpoint, describe it and classify the recording with it."""
    described = on(
        event.then, _describe(tab.menu), tab.menu.checkpoint, _described(tab.menu), limit=DESCRIBING
    )
    _classify_after(described, tab)


def restore_on_load(page: gr.Blocks, tab: ClassifyTab, runs: Path) -> None:
    """When the page opens, select the checkpoint that the visitor's browser has stored."""
    menu = tab.menu
    restore = errors_in(menu.about, html.about_error_html)(partial(menus.restore, menu, runs))
    outputs = [menu.checkpoint, menu.about, menu.remembered]
    on(page.load, restore, menu.remembered, outputs, limit=Limit(None, DESCRIBING.count))


@functools.cache
def served_examples() -> Path:
    """Copy the example clips to a folder that exists as long as this process; return it.

    The URL of a served clip contains its path, and the path of this folder reveals nothing.
    """
    folder = served_folder() / "examples"
    shutil.copytree(EXAMPLES, folder)
    gr.set_static_paths(folder)  # served from there, not copied into the cache
    return folder


def _build_recorder() -> gr.Audio:
    recording = gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",
        format=None,
        editable=False,
        label="Your recording",
        buttons=[],
        elem_id="recording",
    )
    gr.HTML(MICROPHONE_NOTE, elem_id="microphone-note", js_on_load=RECORDER_JS)
    return recording


def _build_examples(recording: gr.Audio) -> None:
    gr.HTML("<h2 class='section-title'>Or try an example</h2>")
    with gr.Row(elem_classes="example-row"):
        for clip in sorted(served_examples().glob("*.wav")):
            sentence = clip.stem.replace("-", " ").capitalize()
            on(gr.Button(sentence, size="sm").click, partial(str, clip), None, recording)


def _build_menu(runs: Path) -> CheckpointMenu:
    typed = "a Hub id" if is_public() else "a Hub id or the path of a folder"
    checkpoint = gr.Dropdown(
        menus.choices(runs),
        value=BUNDLED,
        allow_custom_value=True,
        label="Checkpoint",
        info=f"Choose the bundled checkpoint or a finished run, or type {typed}.",
    )
    about = gr.HTML(html.about_busy_html(), elem_id="about", js_on_load=POLITE)
    remembered = gr.BrowserState(BUNDLED, storage_key=BROWSER_KEY, secret=BROWSER_KEY)
    return CheckpointMenu(checkpoint, about, remembered)


def _wire(tab: ClassifyTab, runs: Path) -> None:
    menu = tab.menu
    playable = partial(make_playable, tab.recording)
    on(tab.recording.upload, playable, tab.recording, tab.recording, limit=CLASSIFYING)
    on(
        tab.recording.change,
        _show_answer(tab),
        _asked_about(tab),
        _answered(tab),
        trigger_mode="always_last",
        limit=CLASSIFYING,
    )
    timeline_panel.wire(tab.timeline, tab.recording, menu)
    chosen = on(
        menu.checkpoint.input,
        _describe(menu),
        menu.checkpoint,
        _described(menu),
        trigger_mode="always_last",
        limit=DESCRIBING,
    )
    _classify_after(chosen, tab)
    refresh = partial(_refresh_choices, menu, runs)
    on(menu.checkpoint.focus, refresh, None, menu.checkpoint)


def _classify_after(event: Dependency, tab: ClassifyTab) -> None:
    on(event.then, _show_answer(tab), _asked_about(tab), _answered(tab), limit=CLASSIFYING)


def _show_answer(tab: ClassifyTab) -> Handler:
    return errors_in(tab.answer, html.error_html)(partial(show_answer, tab))


def _asked_about(tab: ClassifyTab) -> list[Block]:
    return [tab.recording, tab.menu.checkpoint, tab.timeline.latest]


def _answered(tab: ClassifyTab) -> list[Block]:
    return [tab.answer, tab.timeline.strip, tab.timeline.details, tab.timeline.wanted]


def _describe(menu: CheckpointMenu) -> Handler:
    return errors_in(menu.about, html.about_error_html)(partial(menus.describe_chosen, menu))


def _described(menu: CheckpointMenu) -> list[Block]:
    return [menu.about, menu.remembered]


def _refresh_choices(menu: CheckpointMenu, runs: Path) -> Updates:
    return {menu.checkpoint: gr.update(choices=menus.choices(runs))}

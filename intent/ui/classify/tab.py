"""The Classify tab: a recording in, the five likeliest intents out."""

import functools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent.audio.clip import read_clip
from intent.models.classifier import classify
from intent.paths import BUNDLED, EXAMPLES
from intent.runs.access import is_public
from intent.ui.shared import html as bars
from intent.ui.shared.checkpoint_menu import choices, choose, in_words, restore, title
from intent.ui.shared.recordings import served_folder
from intent.ui.shared.requests import usable_checkpoint

LISTENERS = 3  # clips heard at the same time, over all visitors of the page and the API
HEARING = "hearing"  # Gradio's name for those that share this limit
DESCRIBERS = 16  # checkpoints read about at the same time: the Hub may keep one waiting
DESCRIBING = "describing"
STORE = "intent-studio-checkpoint"  # the key in the visitor's own browser
LIVE = "element.setAttribute('aria-live', 'polite');"
# On a phone the answer lies below the examples: a new one is brought into view.
SHOW = f"""{LIVE} watch('value', () => {{
  if (!element.querySelector('.empty')) element.scrollIntoView({{block: 'nearest'}});
}});"""
RECORDER_JS = Path(__file__).with_name("recorder.js").read_text(encoding="utf-8")
MICROPHONE_NOTE = "<p role='status'></p>"


@dataclass(frozen=True)
class ClassifyTab:
    """What the rest of the page may set: the clip, and the checkpoint that hears it."""

    recording: gr.Audio
    answer: gr.HTML
    checkpoint: gr.Dropdown
    about: gr.HTML
    remembered: gr.BrowserState


def build_classify_tab(runs: Path) -> ClassifyTab:
    """Lay out the tab inside the present Blocks and wire what happens within it."""
    folder = "" if is_public() else " or local folder"
    with gr.Column(elem_id="classify"):
        with gr.Column(elem_id="speak"):
            recording = gr.Audio(
                sources=["microphone", "upload"],
                type="filepath",
                format=None,
                editable=False,
                label="Your sentence",
                buttons=[],
                elem_id="recording",
            )
            gr.HTML(MICROPHONE_NOTE, elem_id="microphone-note", js_on_load=RECORDER_JS)
        with gr.Column(elem_id="answer-card", elem_classes="card"):
            answer = gr.HTML(bars.empty_html(), elem_id="answer", js_on_load=SHOW)
        with gr.Column(elem_id="examples"):
            _build_examples(recording)
        with gr.Column(elem_id="checkpoint-card", elem_classes="card"):
            checkpoint = gr.Dropdown(
                choices(runs),
                value=BUNDLED,
                allow_custom_value=True,
                label="Checkpoint",
                info=f"The bundled one, a finished run, or any Hub id{folder}.",
            )
            about = gr.HTML(bars.about_busy_html(), elem_id="about", js_on_load=LIVE)
    remembered = gr.BrowserState(BUNDLED, storage_key=STORE, secret=STORE)
    tab = ClassifyTab(recording, answer, checkpoint, about, remembered)
    _wire(tab, runs)
    return tab


def show_answer(recording: str | None, checkpoint: str | None) -> Iterator[str]:
    """Yield the answer's place: that the clip is being heard, then the answer or a sentence."""
    if not recording:
        yield bars.empty_html()
        return
    yield bars.busy_html()
    try:
        name = usable_checkpoint(checkpoint)
        clip = read_clip(recording)
        yield bars.answer_html(classify(clip, name), title(name), clip.seconds)
    except Exception as error:  # noqa: BLE001 - the page says every failure in words
        yield bars.error_html(in_words(error))


def hear_on(event: gr.events.Dependency, tab: ClassifyTab) -> None:
    """Hear the clip again once an event that set the clip or the checkpoint is through."""
    event.then(
        show_answer,
        [tab.recording, tab.checkpoint],
        tab.answer,
        show_progress="hidden",
        concurrency_limit=LISTENERS,
        concurrency_id=HEARING,
        api_visibility="private",
    )


def choose_on(event: gr.events.Dependency, tab: ClassifyTab) -> None:
    """Describe and remember the checkpoint that an event chose, and let it hear the clip."""
    described = event.then(
        choose,
        tab.checkpoint,
        [tab.about, tab.remembered],
        show_progress="hidden",
        concurrency_limit=DESCRIBERS,
        concurrency_id=DESCRIBING,
        api_visibility="private",
    )
    hear_on(described, tab)


def _build_examples(recording: gr.Audio) -> None:
    gr.HTML("<h2 class='section-title'>Or try one of these</h2>")
    with gr.Row(elem_classes="example-row"):
        for clip in sorted(served_examples().glob("*.wav")):
            spoken = clip.stem.replace("-", " ").capitalize()
            gr.Button(spoken, size="sm").click(
                partial(str, clip),
                None,
                recording,
                show_progress="hidden",
                api_visibility="private",
            )


@functools.cache
def served_examples() -> Path:
    """Return a folder with the example clips that lives as long as this process.

    The address of a clip that is served holds its path: this one tells nothing of the machine.
    """
    folder = served_folder() / "examples"
    shutil.copytree(EXAMPLES, folder)
    gr.set_static_paths(folder)  # served as they are, not copied into the cache
    return folder


def _wire(tab: ClassifyTab, runs: Path) -> None:
    tab.recording.change(
        show_answer,
        [tab.recording, tab.checkpoint],
        tab.answer,
        show_progress="hidden",
        trigger_mode="always_last",
        concurrency_limit=LISTENERS,
        concurrency_id=HEARING,
        api_visibility="private",
    )
    chosen = tab.checkpoint.input(
        choose,
        tab.checkpoint,
        [tab.about, tab.remembered],
        show_progress="hidden",
        trigger_mode="always_last",
        concurrency_limit=DESCRIBERS,
        concurrency_id=DESCRIBING,
        api_visibility="private",
    )
    hear_on(chosen, tab)
    tab.checkpoint.focus(
        lambda: gr.update(choices=choices(runs)),
        None,
        tab.checkpoint,
        show_progress="hidden",
        api_visibility="private",
    )


def restore_on_load(page: gr.Blocks, tab: ClassifyTab, runs: Path) -> None:
    """Give each visitor back the checkpoint that their browser remembers."""
    page.load(
        partial(restore, runs=runs),
        tab.remembered,
        [tab.checkpoint, tab.about, tab.remembered],
        show_progress="hidden",
        concurrency_limit=DESCRIBERS,
        api_visibility="private",
    )

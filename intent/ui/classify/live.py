"""Live, on the Classify tab: the microphone as a stream, classified while one speaks."""

import contextlib
import functools
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent.audio.clip import Clip, read_clip
from intent.models.live import Live, hear
from intent.models.loading import loaded
from intent.runs.access import is_public
from intent.ui.classify.live_seats import MAX_LIVE, Seats
from intent.ui.classify.live_view import live_html
from intent.ui.shared.compat import current_request, upload_folder
from intent.ui.shared.html import alert_html
from intent.ui.shared.requests import usable_checkpoint
from intent.ui.shared.wiring import NO_LIMIT, Limit, Updates, errors_in, no_change, on

CHUNK_SECONDS = 0.2  # of sound in a request; half of what settling an answer may take
MAX_CHUNK_SECONDS = 30  # a browser that was busy sends what it missed at once
CHUNK_NAME = "audio.wav"  # what Gradio's recorder calls each chunk
ENDED = "Live has ended, because no sound arrived for a while: switch it off and on again."
ABOUT = "Intents follow while you speak; a pause of half a second settles the answer."

START_JS = Path(__file__).with_name("live.js").read_text(encoding="utf-8")
# The microphone is released at once, whatever the server does.
STOP_JS = """(on, ...others) => {
  if (!on) document.querySelector("#live-sound .stop-button, #live-sound .spinner-button")?.click();
  return [on, ...others];
}"""

# A screen reader hears of settled answers only: the panel changes twice a second.
SAY_JS = """watch('value', () => {
  const place = document.querySelector('#live-said [role=status]');
  const sentence = element.querySelector('[data-said]')?.dataset.said || '';
  if (place && place.textContent !== sentence) place.textContent = sentence;
});"""
SAID = "<p role='status' aria-label='Settled answer'></p>"

SEATS = Seats()
_ONE_STEP = threading.Lock()  # live answers take one core at most, however many visitors listen


@dataclass(frozen=True)
class LivePanel:
    """The components of Live; the recorder is in the page only while it is on."""

    switch: gr.Checkbox
    sound: gr.Audio
    view: gr.HTML


def build_live_panel(checkpoint: gr.Dropdown, limit: Limit) -> LivePanel:
    """Lay out the switch and its panel inside the current Blocks, and wire their events.

    limit: of visitors who switch it on, which may load a checkpoint.
    """
    panel = LivePanel(
        gr.Checkbox(False, label="Live", info=ABOUT, elem_id="live-switch"),
        gr.Audio(
            sources=["microphone"],
            streaming=True,
            type="filepath",
            format=None,
            label="Live",
            visible=False,
            waveform_options=gr.WaveformOptions(show_recording_waveform=False),
            elem_id="live-sound",
        ),
        gr.HTML("", elem_id="live-view", js_on_load=SAY_JS),
    )
    gr.HTML(SAID, elem_id="live-said")
    _wire(panel, checkpoint, limit)
    return panel


def switch(panel: LivePanel, is_on: bool, checkpoint: str | None) -> Updates:
    """Give the visitor a seat and show the panel, or take both away; raises IntentError."""
    SEATS.leave(_session())
    if not is_on:
        return {panel.sound: gr.update(visible=False), panel.view: ""}
    name = usable_checkpoint(checkpoint)
    loaded(name)  # before the microphone is on: it may take a while
    live = Live(name)
    SEATS.take(_session(), live, MAX_LIVE if is_public() else None)
    return {panel.sound: gr.update(visible=True), panel.view: live_html(live)}


def hear_chunk(panel: LivePanel, path: str | None, is_on: bool, checkpoint: str | None) -> Updates:
    """Add a chunk of sound to the visitor's utterance, and show what changed; raises IntentError."""
    chunk = _read_chunk(path) if path else None
    before = SEATS.live(_session())
    if before is None:
        return {panel.view: alert_html(ENDED)} if is_on else no_change()
    if chunk is None:
        return no_change()
    name = usable_checkpoint(checkpoint)
    same = name == before.checkpoint
    if not same:
        loaded(name)
    with _ONE_STEP:
        state = before if same else Live(name, settled=before.settled)
        after = hear(state, chunk.samples, chunk.sample_rate)
    if not SEATS.keep(_session(), before, after):
        return no_change()
    shown = live_html(after)
    return {panel.view: shown} if shown != live_html(before) else no_change()


def _read_chunk(path: str) -> Clip:
    """Read a chunk of sound and delete its file."""
    clip = _sound(path)
    file = Path(path)
    if file.name == CHUNK_NAME and file.is_relative_to(upload_folder()):
        file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another chunk with the same content is there
            file.parent.rmdir()
    return clip


# Gradio names the folder of an upload by its content: two chunks of a muted microphone are one file,
# which is gone when the second is read.
@functools.lru_cache(maxsize=16)
def _sound(path: str) -> Clip:
    return read_clip(path, MAX_CHUNK_SECONDS)


def _session() -> str:
    request = current_request()
    return (request.session_hash if request else None) or ""


def _wire(panel: LivePanel, checkpoint: gr.Dropdown, limit: Limit) -> None:
    off: Updates = {panel.switch: False, panel.sound: gr.update(visible=False)}
    switched = on(
        panel.switch.input,
        errors_in(panel.view, alert_html, also=off)(partial(switch, panel)),
        [panel.switch, checkpoint],
        [panel.switch, panel.sound, panel.view],
        js=STOP_JS,
        trigger_mode="always_last",
        limit=limit,
    )
    on(switched.then, None, panel.switch, None, js=START_JS)
    on(
        partial(panel.sound.stream, stream_every=CHUNK_SECONDS),
        errors_in(panel.view)(partial(hear_chunk, panel)),
        [panel.sound, panel.switch, checkpoint],
        panel.view,
        limit=NO_LIMIT,
    )

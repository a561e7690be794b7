"""The timeline under the recorder: computed for long recordings and on request; a click plays."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from intent.audio.stream import RecordingStream
from intent.models.timeline import Utterance, steps
from intent.ui.classify import timeline_html as html
from intent.ui.shared.checkpoint_menu import CheckpointMenu
from intent.ui.shared.requests import usable_checkpoint
from intent.ui.shared.wiring import (
    POLITE,
    Limit,
    Updates,
    errors_in,
    event_value,
    no_change,
    on,
)

TIMELINES = Limit(
    "timelines", 2
)  # at the same time, for the page and the API: not in the way of clips
AUTOMATIC_SECONDS = 60  # a longer recording gets a timeline without being asked
UPDATE_SECONDS = 0.5  # between two updates of the progress
CLICKS_JS = Path(__file__).with_name("timeline.js").read_text(encoding="utf-8")
# Gradio's player has no event to start it; its button shows a triangle while it is paused.
PLAY = """() => {
  const button = document.querySelector('#recording .play-pause-button');
  if (button && button.querySelector('polygon')) button.click();
  const plain = document.querySelector('#recording audio.standard-player:not(.hidden)');
  if (plain && plain.paused) plain.play();
}"""


@dataclass
class Latest:
    """The number of a visitor's latest recording or request: a timeline of an earlier one stops.

    Gradio hands a session's object to all of its events, so that a running one sees the change; its
    own way to cancel an event from the browser also cancels some that have just begun.
    """

    number: int = 0


@dataclass(frozen=True)
class TimelinePanel:
    """The components of the timeline."""

    strip: gr.HTML
    details: gr.HTML
    latest: gr.State  # of a Latest
    wanted: gr.State  # the number of the latest one whose timeline is wanted


def build_strip() -> gr.HTML:
    """Lay out the strip under the recorder."""
    return gr.HTML(html.empty_html(), elem_id="timeline-strip", js_on_load=POLITE + CLICKS_JS)


def build_panel(strip: gr.HTML) -> TimelinePanel:
    """Lay out the summary and the table, and return them with the strip."""
    details = gr.HTML("", elem_id="timeline-details", js_on_load=CLICKS_JS)
    return TimelinePanel(strip, details, gr.State(Latest()), gr.State(0))


def cleared(panel: TimelinePanel, latest: Latest) -> Updates:
    """Stop the timeline that is being computed, and return updates that remove it."""
    latest.number += 1
    return {panel.strip: html.empty_html(), panel.details: ""}


def offered(panel: TimelinePanel, latest: Latest, seconds: float) -> Updates:
    """Return updates that start the timeline of a long recording, or offer that of a short one."""
    if seconds > AUTOMATIC_SECONDS:
        return asked(panel, latest)
    return {panel.strip: html.offer_html()}


def asked(panel: TimelinePanel, latest: Latest) -> Updates:
    """Return updates that start the timeline of the current recording."""
    latest.number += 1
    return {panel.strip: html.waiting_html(), panel.wanted: latest.number}


def check_start(recording: str) -> None:
    """Raise AudioError for a recording that is too long, by its header, even for a timeline."""
    next(iter(RecordingStream(recording)), None)


def show_timeline(
    panel: TimelinePanel,
    recording: str | None,
    checkpoint: str | None,
    latest: Latest,
    wanted: int,
) -> Iterator[Updates]:
    """Yield the progress, then the timeline of a recording, while it is still wanted."""
    if not recording or latest.number != wanted:
        yield no_change()
        return
    found: list[Utterance] = []
    started = updated = time.monotonic()
    seconds = 0.0
    yield {panel.strip: html.progress_html(0.0, 0.0, 0, 0.0)}
    for step in steps(recording, usable_checkpoint(checkpoint)):
        if latest.number != wanted:
            return
        found += step.utterances
        seconds = step.seconds
        now = time.monotonic()
        if now - updated >= UPDATE_SECONDS:
            updated = now
            yield {panel.strip: html.progress_html(step.share, seconds, len(found), now - started)}
    yield {
        panel.strip: html.strip_html(found, seconds),
        panel.details: html.details_html(found, seconds),
    }


def wire(panel: TimelinePanel, recording: gr.Audio, menu: CheckpointMenu) -> None:
    """Compute the timeline of the recording when it is wanted, and play it from a part."""

    def seek(event: gr.EventData) -> Updates:
        seconds = event_value(event, "seconds")
        if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            return no_change()
        return {recording: gr.update(playback_position=seconds)}

    handler = errors_in(panel.strip, html.failed_html)(partial(show_timeline, panel))
    on(
        panel.wanted.change,
        handler,
        [recording, menu.checkpoint, panel.latest, panel.wanted],
        [panel.strip, panel.details],
        limit=TIMELINES,
        trigger_mode="multiple",
    )
    on(panel.strip.ask, partial(asked, panel), panel.latest, [panel.strip, panel.wanted])
    for clicked in (panel.strip.seek, panel.details.seek):
        on(on(clicked, seek, None, recording).then, None, js=PLAY)

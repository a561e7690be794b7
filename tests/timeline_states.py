"""States of the timeline on the Classify tab, for pictures."""

import io
import re

import soundfile
from playwright.sync_api import Page, expect

from intent.ui.classify.timeline_html import progress_html
from tests.hostile.sounds import silent_flac
from tests.long_recordings import LABELS, five_minutes

TOO_LONG_SECONDS = 5_460


def upload(page: Page, name: str, content: bytes) -> None:
    """Choose a file in the recorder."""
    recorder = page.locator("#recording")
    recorder.get_by_role("button", name="Upload file").click()
    with page.expect_file_chooser() as chooser:
        recorder.get_by_role("button", name=re.compile("drop", re.IGNORECASE)).click()
    chooser.value.set_files({"name": name, "mimeType": "audio/wav", "buffer": content})


def timeline_done(page: Page) -> None:
    """Six utterances in five minutes."""
    clip, _ = five_minutes()
    file = io.BytesIO()
    soundfile.write(file, clip.samples, clip.sample_rate, format="WAV")
    upload(page, "call.wav", file.getvalue())
    parts = page.get_by_role("group", name="Timeline").get_by_role("button")
    expect(parts).to_have_count(len(LABELS))
    expect(page.locator("#recording #duration")).not_to_have_text("0:00")
    page.mouse.move(0, 0)


def timeline_busy(page: Page) -> None:
    """A timeline that is being computed, put there to stay."""
    timeline_done(page)
    bar = page.locator("#timeline-strip .tl-bar")
    html = progress_html(0.4, 720.0, 31, elapsed=14.0)
    bar.evaluate("(element, html) => { element.outerHTML = html; }", html)
    page.locator("#timeline-details section").evaluate("element => element.remove()")


def timeline_error(page: Page) -> None:
    """A recording that is too long for a timeline as well."""
    upload(page, "call.flac", silent_flac(8_000, 1, TOO_LONG_SECONDS))
    expect(page.locator("#answer")).to_contain_text("at most 90 min are supported")


TIMELINE = {
    "timeline-done": timeline_done,
    "timeline-busy": timeline_busy,
    "timeline-error": timeline_error,
}

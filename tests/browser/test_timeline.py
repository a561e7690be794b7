"""A long recording becomes a timeline, in Chromium: a strip, a table and a summary; a click plays."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from intent.audio.clip import Clip, write_wav
from intent.labels import human_name
from tests.browser.harness import PHONE, problems
from tests.browser.test_classify import headline, upload
from tests.long_recordings import LABELS, five_minutes
from tests.timeline_states import timeline_error

# The player's sound is in no document until it plays: keep what the page creates.
KEEP_SOUNDS = """
window.sounds = [];
const create = document.createElement.bind(document);
document.createElement = (name, ...rest) => {
  const made = create(name, ...rest);
  if (String(name).toLowerCase() === "audio") window.sounds.push(made);
  return made;
};"""
PLAYING = "window.sounds.filter((sound) => !sound.paused).map((sound) => sound.currentTime)"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "call.wav"
    write_wav(five_minutes()[0], path)
    return path


def parts(page: Page) -> Locator:
    return page.get_by_role("group", name="Timeline").get_by_role("button")


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Utterances").get_by_role("row")


def plays_between(page: Page, start: float, end: float) -> None:
    page.wait_for_function(f"{PLAYING}.some((time) => time > {start} && time < {end})")
    assert len(page.evaluate(PLAYING)) == 1


def test_five_minutes_become_six_utterances_and_a_click_plays_the_right_place(
    visit: Callable[..., Page], recording: Path
) -> None:
    page = visit(before=KEEP_SOUNDS)
    upload(page, recording)
    expect(headline(page)).to_contain_text("Check my balance")  # the single answer stays
    expect(parts(page)).to_have_count(6)
    expect(rows(page)).to_have_count(7)
    summary = page.get_by_role("list", name="Summary by duration")
    for number, label in enumerate(LABELS):
        name = human_name(label)
        expect(parts(page).nth(number)).to_have_accessible_name(re.compile(f": {name}, "))
        expect(rows(page).nth(number + 1)).to_contain_text(name)
        expect(summary).to_contain_text(name)
    lefts = [part.bounding_box()["x"] for part in parts(page).all()]
    assert lefts == sorted(lefts)
    _, spoken = five_minutes()
    expect(page.get_by_role("time").last).to_have_text("5:00")
    parts(page).nth(3).click()
    plays_between(page, spoken[3].start - 0.3, spoken[3].start + 20)
    parts(page).nth(1).press("Enter")
    plays_between(page, spoken[1].start - 0.3, spoken[1].start + 20)
    box = parts(page).nth(2).bounding_box()
    page.mouse.click(box["x"] - 8, box["y"] + 20)  # beside a narrow part
    plays_between(page, spoken[2].start - 0.3, spoken[2].start + 20)
    rows(page).nth(6).get_by_role("button").click()
    plays_between(page, spoken[5].start - 0.3, spoken[5].start + 20)
    assert problems(page) == []


def test_a_short_recording_has_a_timeline_on_request(page: Page) -> None:
    page.get_by_role("button", name="Pay a bill").click()
    expect(headline(page)).to_contain_text("Pay a bill")
    expect(parts(page)).to_have_count(0)
    before = page.locator("#examples").bounding_box()
    page.get_by_role("button", name="Show its timeline").click()
    expect(parts(page)).to_have_count(1)
    assert page.locator("#examples").bounding_box() == before
    page.get_by_role("button", name="Clear").click()
    expect(parts(page)).to_have_count(0)


def test_a_recording_too_long_for_an_answer_has_only_its_timeline(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    clip, _ = five_minutes()
    write_wav(Clip(np.tile(clip.samples, 2), clip.sample_rate), tmp_path / "call.wav")
    page = visit(size=PHONE)
    upload(page, tmp_path / "call.wav")
    expect(page.locator("#answer")).to_contain_text("longer than a single answer takes (5 min)")
    expect(parts(page)).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_recording_too_long_even_for_a_timeline_is_refused_in_one_sentence(page: Page) -> None:
    timeline_error(page)
    expect(page.locator("#answer")).to_contain_text("is 91 min long")
    expect(page.get_by_role("progressbar", name="Progress of the timeline")).to_have_count(0)

"""Live, on the Classify tab: in Chromium, whose microphone plays two requests with a pause between."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

from intent.audio.clip import Clip, read_clip, write_wav
from intent.labels import human_name
from intent.models.classifier import classify
from intent.ui.classify.live_seats import MAX_LIVE
from tests.browser.harness import EXAMPLES, PHONE, open_browser, open_page, problems, serve

RATE = 8_000  # Hz, of the examples
PAUSE_SECONDS = 1.5
SPOKEN = {"account-balance": "Check my balance", "freeze-my-card": "Freeze an account or card"}
# The tracks of each microphone that was opened, to see whether it was released.
NOTE_TRACKS = """
window.tracks = [];
const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  const stream = await original(constraints);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
# What the panel showed and what was announced, in order: each is there for a second or two only.
NOTE_CHANGES = """() => {
  window.shown = [];
  const add = (text) => { if (text !== window.shown.at(-1)) window.shown.push(text); };
  const text = (selector) => document.querySelector(selector)?.textContent.trim();
  new MutationObserver(() => {
    const word = text("#live-view .live-word");
    const headline = document.querySelector("#live-view .live-headline")?.firstChild;
    if (word && headline) add(`${word}: ${headline.textContent.trim()}`);
  }).observe(document.querySelector("#live-view"), {childList: true, subtree: true});
  new MutationObserver(() => add(text("#live-said [role=status]")))
    .observe(document.querySelector("#live-said [role=status]"), {childList: true});
}"""


def spoken(name: str) -> Clip:
    return read_clip(EXAMPLES / f"{name}.wav")


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Chromium whose microphone asks for a balance, pauses, and then wants a card frozen."""
    noise = np.random.default_rng(0).standard_normal(20 * RATE)
    pause = (2e-4 * noise[: round(PAUSE_SECONDS * RATE)]).astype(np.float32)
    parts = [part for name in SPOKEN for part in (pause, spoken(name).samples)]
    file = tmp_path_factory.mktemp("microphone") / "two.wav"
    write_wav(Clip(np.concatenate([*parts, (2e-4 * noise).astype(np.float32)]), RATE), file)
    opened = open_browser(playwright, file)
    yield opened
    opened.close()


def switch(page: Page) -> Locator:
    return page.get_by_role("checkbox", name="Live")


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Live prediction")


def announced(page: Page) -> Locator:
    return page.get_by_role("status", name="Settled answer")


def microphones(page: Page) -> list[str]:
    return page.evaluate("tracks.map((track) => track.readyState)")


def test_intents_follow_and_settle_as_the_whole_utterances_are_classified(
    visit: Callable[..., Page],
) -> None:
    page = visit(before=NOTE_TRACKS)
    page.evaluate(NOTE_CHANGES)
    switch(page).check()
    expect(panel(page)).to_contain_text("Listening")
    expect(announced(page)).to_contain_text("Settled answer 2")
    shown = page.evaluate("shown")
    for number, (name, intent) in enumerate(SPOKEN.items(), 1):
        assert human_name(classify(spoken(name)).top[0].label) == intent
        assert f"Listening: {intent}" in shown
        assert f"Settled: {intent}" in shown
        assert any(text.startswith(f"Settled answer {number}: {intent},") for text in shown)
    assert panel(page).get_by_role("img", name=re.compile("Leading intents: ")).is_visible()
    switch(page).uncheck()
    expect(panel(page)).to_have_count(0)
    expect(announced(page)).to_be_empty()
    page.wait_for_function("tracks.every((track) => track.readyState === 'ended')")
    assert problems(page) == []


def test_the_keyboard_starts_and_stops_it_again_and_again(visit: Callable[..., Page]) -> None:
    page = visit(size=PHONE, scheme="dark", before=NOTE_TRACKS)
    assert microphones(page) == []
    for _ in range(2):
        switch(page).focus()
        page.keyboard.press("Space")
        expect(panel(page)).to_be_visible()
        page.wait_for_function("tracks.some((track) => track.readyState === 'live')")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.keyboard.press("Space")
        expect(panel(page)).to_have_count(0)
        page.wait_for_function("tracks.every((track) => track.readyState === 'ended')")
    assert problems(page) == []


def test_without_a_microphone_the_switch_goes_off_and_the_page_says_why(
    playwright: Playwright, app_url: str
) -> None:
    browser = open_browser(playwright, None)
    page = open_page(browser, app_url)
    switch(page).check()
    expect(page.get_by_role("status", name="Microphone")).to_contain_text("No microphone was found")
    expect(switch(page)).not_to_be_checked()
    expect(panel(page)).to_have_count(0)
    browser.close()


def test_in_public_mode_a_visitor_beyond_the_seats_is_told_so(
    browser: object, tmp_path: Path
) -> None:
    with serve(tmp_path, settings={"INTENT_PUBLIC": "1"}) as url:
        pages = [open_page(browser, url) for _ in range(MAX_LIVE + 1)]  # type: ignore[arg-type]
        for page in pages[:-1]:
            switch(page).check()
            expect(panel(page)).to_be_visible()
        switch(pages[-1]).check()
        expect(pages[-1].get_by_role("alert")).to_contain_text("in use by 4 visitors")
        expect(switch(pages[-1])).not_to_be_checked()
        switch(pages[0]).uncheck()
        expect(panel(pages[0])).to_have_count(0)
        switch(pages[-1]).check()
        expect(panel(pages[-1])).to_be_visible()
        for page in pages:
            page.context.close()

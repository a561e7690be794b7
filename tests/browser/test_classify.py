"""The Classify tab as a visitor uses it, in Chromium, with real audio."""

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import av
import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

from intent.audio.clip import read_clip, write_wav
from intent.labels import MINDS14_LABELS
from tests.browser.harness import (
    EXAMPLES,
    PHONE,
    open_browser,
    open_page,
    problems,
    reload,
    wait_until_usable,
)
from tests.late_speech import late
from tests.tiny import tiny_whisper
from tests.unit.audio.test_suffixes import recording

PAY_A_BILL = EXAMPLES / "pay-a-bill.wav"
CODECS = {"wav": "pcm_s16le", "mp3": "mp3", "m4a": "aac", "webm": "libopus", "opus": "libopus"}
SPOKEN = {
    "account-balance": "Check my balance",
    "card-abroad": "Use my card abroad",
    "freeze-my-card": "Freeze an account or card",
    "latest-transactions": "See recent transactions",
    "open-a-joint-account": "Open a joint account",
    "pay-a-bill": "Pay a bill",
}  # example clip → the intent it shows
INSECURE = "Object.defineProperty(window, 'isSecureContext', {value: false});"
NO_DEVICES = "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});"


def answer(page: Page) -> Locator:
    return page.get_by_role("region", name="Prediction")


def about(page: Page) -> Locator:
    return page.get_by_role("region", name="About this checkpoint")


def microphone_note(page: Page) -> Locator:
    return page.get_by_role("status", name="Microphone")


def headline(page: Page) -> Locator:
    return answer(page).get_by_role("heading")


def bars(page: Page) -> Locator:
    return answer(page).get_by_role("list", name="Most likely intents").get_by_role("listitem")


def upload(page: Page, file: Path) -> None:
    """Choose a file as a person does: open the Upload half of the recorder, then the chooser."""
    page.get_by_role("button", name="Upload file").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("drop", re.IGNORECASE)).click()
    chooser.value.set_files(file)


def encoded(source: Path, target: Path) -> Path:
    """Write a recording in the format that the target's extension names."""
    clip = read_clip(source)
    codec = CODECS[target.suffix[1:]]
    rate = 48_000 if codec == "libopus" else clip.sample_rate
    with av.open(str(target), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(clip.samples[None, :], format="flt", layout="mono")
        frame.sample_rate = clip.sample_rate
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return target


def test_a_recording_is_classified_when_it_stops(page: Page) -> None:
    page.get_by_role("button", name="Record", exact=True).click()
    seconds = int(read_clip(PAY_A_BILL).seconds) + 1  # under ten
    expect(page.get_by_role("time").last).to_have_text(re.compile(f"0:0[{seconds}-9]"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(headline(page)).to_contain_text("Pay a bill")
    expect(bars(page)).to_have_count(5)


@pytest.mark.parametrize("extension", CODECS)
def test_an_uploaded_file_is_classified(page: Page, tmp_path: Path, extension: str) -> None:
    upload(page, encoded(PAY_A_BILL, tmp_path / f"call.{extension}"))
    expect(headline(page)).to_contain_text("Pay a bill")


@pytest.mark.parametrize("suffix", [".caf", ".amr", ".wma"])
def test_a_recording_that_browsers_cannot_play_is_played_as_wav(
    page: Page, tmp_path: Path, suffix: str
) -> None:
    (tmp_path / f"call{suffix}").write_bytes(recording(suffix))  # of a second
    upload(page, tmp_path / f"call{suffix}")
    expect(page.get_by_role("time").last).to_have_text(re.compile("0:0[12]"))
    expect(answer(page)).to_contain_text("No speech")


def test_an_answer_names_its_checkpoint_its_device_and_its_time(page: Page) -> None:
    page.get_by_role("button", name="Pay a bill").click()
    how = answer(page).get_by_role("list", name="Checkpoint, device and time")
    expect(how).to_contain_text("Bundled: Whisper tiny.en")
    expect(how).to_contain_text(re.compile(r"\d\.\d\d s"))
    expect(how.get_by_role("listitem")).to_have_count(3)


def test_speech_after_a_long_noise_is_classified_and_its_part_named(
    page: Page, tmp_path: Path
) -> None:
    write_wav(late("pay-a-bill"), tmp_path / "late.wav")
    upload(page, tmp_path / "late.wav")
    expect(headline(page)).to_contain_text("Pay a bill")
    how = answer(page).get_by_role("list", name="Checkpoint, device and time")
    expect(how).to_contain_text(re.compile(r"used 1[234]\.\d s to \d\d\.\d s of \d\d\.\d s"))


def test_every_example_is_classified_correctly(page: Page) -> None:
    assert {clip.stem for clip in EXAMPLES.glob("*.wav")} == set(SPOKEN)
    for clip, intent in SPOKEN.items():
        page.get_by_role("button", name=clip.replace("-", " ").capitalize(), exact=True).click()
        expect(headline(page)).to_contain_text(intent)


def test_a_dropped_file_of_any_type_is_classified(page: Page, tmp_path: Path) -> None:
    file = encoded(PAY_A_BILL, tmp_path / "call.webm")
    data = base64.b64encode(file.read_bytes()).decode()
    page.get_by_role("button", name="Upload file").click()
    page.get_by_role("button", name=re.compile("drop", re.I)).evaluate(
        """(target, data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "call.webm", {type: "video/webm"}));
            target.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true}));
        }""",
        data,
    )
    expect(headline(page)).to_contain_text("Pay a bill")


def test_a_file_without_audio_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear bank, ")
    upload(page, letter)
    expect(answer(page)).to_contain_text('The recording "letter.txt" is not a sound file')


def test_a_text_file_named_wav_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    fake = tmp_path / "letter.wav"
    fake.write_text("Dear bank, " * 200)
    upload(page, fake)
    expect(answer(page)).to_contain_text('The recording "letter.wav" is not a sound file')


def test_an_empty_file_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    upload(page, empty)
    expect(answer(page)).to_contain_text('The recording "empty.wav" is empty')


def test_silence_is_not_given_an_intent(page: Page, tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000), 8_000)
    upload(page, tmp_path / "silence.wav")
    expect(answer(page)).to_contain_text("No speech detected")
    expect(answer(page).get_by_role("heading")).to_have_count(0)


def test_clearing_the_recording_clears_the_answer(page: Page) -> None:
    page.get_by_role("button", name="Pay a bill").click()
    expect(headline(page)).to_contain_text("Pay a bill")
    page.get_by_role("button", name="Clear").click()
    expect(answer(page)).to_contain_text("Speak, upload a recording, or try an example")


def test_a_denied_microphone_is_explained_and_upload_works(visit: Callable[..., Page]) -> None:
    page = visit(permissions=())
    expect(microphone_note(page)).to_contain_text("The microphone is blocked for this page")
    upload(page, PAY_A_BILL)
    expect(headline(page)).to_contain_text("Pay a bill")


def test_an_absent_microphone_is_explained_and_upload_works(
    playwright: Playwright, app_url: str
) -> None:
    browser = open_browser(playwright, microphone=None)
    page = open_page(browser, app_url)
    expect(microphone_note(page)).to_contain_text("No microphone was found")
    upload(page, PAY_A_BILL)
    expect(headline(page)).to_contain_text("Pay a bill")
    browser.close()


def test_a_page_over_plain_http_explains_why_it_has_no_microphone(
    visit: Callable[..., Page],
) -> None:
    page = visit(before=INSECURE + NO_DEVICES)
    expect(microphone_note(page)).to_contain_text("only on https pages")
    upload(page, PAY_A_BILL)
    expect(headline(page)).to_contain_text("Pay a bill")


@pytest.fixture(scope="module")
def other_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_whisper(tmp_path_factory.mktemp("checkpoint") / "tones"))


def choose(page: Page, checkpoint: str) -> None:
    menu = page.get_by_role("combobox", name="Checkpoint")
    for _ in range(5):  # a page that is still updating its menu may discard what is typed
        menu.fill(checkpoint)
        menu.press("Enter")
        with suppress(AssertionError):
            expect(menu).not_to_have_value(re.compile("^Bundled"), timeout=3_000)
            return
    pytest.fail(f"{checkpoint} could not be chosen.")


def choose_and_remember(page: Page, checkpoint: str) -> None:
    """Choose a checkpoint, and wait until the browser has stored its name."""
    stored = "JSON.stringify({...localStorage})"
    before = page.evaluate(stored)
    choose(page, checkpoint)
    expect(about(page).get_by_role("listitem")).to_have_count(3)
    page.wait_for_function(f"before => {stored} !== before", arg=before)


def test_a_chosen_checkpoint_shows_its_labels_and_is_remembered_by_this_browser_alone(
    visit: Callable[..., Page], other_checkpoint: str
) -> None:
    page = visit()
    choose_and_remember(page, other_checkpoint)
    chips = about(page).get_by_role("listitem")
    expect(chips).to_have_text(["Low", "Middle", "High"])
    reload(page)
    wait_until_usable(page)
    expect(chips).to_have_text(["Low", "Middle", "High"])
    expect(page.get_by_role("combobox", name="Checkpoint")).to_have_value(other_checkpoint)
    stranger = visit()
    expect(about(stranger).get_by_role("listitem")).to_have_count(14)


def test_choosing_a_checkpoint_classifies_the_clip_again(page: Page, other_checkpoint: str) -> None:
    page.get_by_role("button", name="Pay a bill").click()
    expect(headline(page)).to_contain_text("Pay a bill")
    choose(page, other_checkpoint)
    expect(bars(page)).to_have_count(3)


def test_an_answer_of_low_confidence_says_so(page: Page, tmp_path: Path) -> None:
    choose(page, str(tiny_whisper(tmp_path / "untrained", labels=tuple(MINDS14_LABELS))))
    page.get_by_role("button", name="Pay a bill").click()
    expect(answer(page)).to_contain_text("Low confidence")
    expect(bars(page)).to_have_count(5)
    expect(headline(page)).to_have_count(0)


def test_a_folder_without_a_classifier_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    choose(page, str(tmp_path))
    expect(about(page)).to_contain_text("is not an audio-classification checkpoint")


def test_a_remembered_checkpoint_that_is_gone_is_replaced_by_the_bundled_one(
    page: Page, tmp_path: Path
) -> None:
    folder = tiny_whisper(tmp_path / "soon-gone")
    choose_and_remember(page, str(folder))
    folder.rename(tmp_path / "moved")
    reload(page)
    expect(about(page)).to_contain_text("so the bundled one is selected")
    expect(about(page).get_by_role("listitem")).to_have_count(14)
    expect(page.get_by_role("combobox", name="Checkpoint")).to_have_value(re.compile("Bundled"))


def test_nothing_scrolls_sideways_on_a_phone(visit: Callable[..., Page]) -> None:
    page = visit(size=PHONE)
    for tab in ("Fine-tune", "Classify"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), tab
    page.get_by_role("button", name="Pay a bill").click()
    expect(headline(page)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_using_the_tab_leaves_no_errors_in_the_console(page: Page) -> None:
    page.get_by_role("button", name="Pay a bill").click()
    expect(headline(page)).to_contain_text("Pay a bill")
    upload(page, PAY_A_BILL)
    page.get_by_role("tab", name="Fine-tune").click()
    page.get_by_role("tab", name="Classify").click()
    expect(headline(page)).to_contain_text("Pay a bill")
    assert problems(page) == []

"""Live over HTTP, as the page uses it: each page has its own sound, and public mode few seats."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest

from intent.audio.clip import Clip, read_clip, write_wav
from intent.paths import EXAMPLES
from intent.ui.classify import live
from intent.ui.classify.live_seats import MAX_LIVE, Seats
from tests.app.strangers import ANN, BOB, Stranger, key_of

CHUNK_SAMPLES = 4_000  # half a second of the examples


@pytest.fixture
def public_page(
    monkeypatch: pytest.MonkeyPatch, app_page: gr.Blocks, app_address: str
) -> Iterator[tuple[gr.Blocks, str]]:
    """The page while public mode is on, with no seat taken."""
    monkeypatch.setenv("INTENT_PUBLIC", "1")
    monkeypatch.setattr(live, "SEATS", Seats())
    yield app_page, app_address


def number_of(page: gr.Blocks, key: str) -> int:
    [number] = [
        number
        for number, dependency in page.fns.items()
        if dependency.fn is not None and key_of(page, number) == key
    ]
    return number


def switch(page: gr.Blocks, who: Stranger, is_on: bool) -> list:
    return who.post(number_of(page, "live-switch.input switch"), [is_on, "bundled"])["data"]


def speak(page: gr.Blocks, who: Stranger, samples: np.ndarray, folder: Path) -> list[str]:
    """Send samples chunk by chunk, and return what the panel showed after each."""
    shown = []
    for start in range(0, len(samples), CHUNK_SAMPLES):
        write_wav(Clip(samples[start : start + CHUNK_SAMPLES], 8_000), folder / "audio.wav")
        sent = {"files": ("audio.wav", (folder / "audio.wav").read_bytes())}
        [path] = httpx.post(f"{who.address}gradio_api/upload", files=sent).json()
        chunk = {"path": path, "meta": {"_type": "gradio.FileData"}}
        stream = number_of(page, "live-sound.stream hear_chunk")
        [view] = who.post(stream, [chunk, True, "bundled"])["data"]
        shown.append(str(view))
        assert not Path(path).exists()
    return shown


def test_an_utterance_is_followed_and_settled_and_its_sound_leaves_no_file(
    public_page: tuple[gr.Blocks, str], tmp_path: Path
) -> None:
    page, address = public_page
    ann, bob = Stranger(address, ANN), Stranger(address, BOB)
    for who in (ann, bob):
        assert "Say what you would say" in switch(page, who, True)[2]
    pause = np.zeros(8_000, np.float32)
    spoken = np.concatenate([pause, read_clip(EXAMPLES / "pay-a-bill.wav").samples, pause])
    shown = speak(page, ann, spoken, tmp_path)
    assert any("live speaking" in view for view in shown)
    assert any("live settled sure" in view and "Pay a bill" in view for view in shown)
    assert not any("settled" in view for view in speak(page, bob, pause, tmp_path))
    assert switch(page, ann, False)[2] == ""


def test_in_public_mode_a_visitor_without_a_seat_is_told_so(
    public_page: tuple[gr.Blocks, str],
) -> None:
    page, address = public_page
    visitors = [Stranger(address, BOB) for _ in range(MAX_LIVE)]
    for who in visitors:
        switch(page, who, True)
    late = Stranger(address, ANN)
    is_on, _, view = switch(page, late, True)
    assert is_on is False
    assert f"Live is in use by {MAX_LIVE} visitors" in view
    switch(page, visitors[0], False)
    assert "Say what you would say" in switch(page, late, True)[2]


def test_sound_without_a_seat_is_refused_in_a_sentence(
    public_page: tuple[gr.Blocks, str], tmp_path: Path
) -> None:
    page, address = public_page
    [shown] = speak(page, Stranger(address, BOB), np.zeros(4_000, np.float32), tmp_path)
    assert "no sound arrived for a while" in shown


def test_a_file_of_the_app_named_as_a_chunk_is_not_deleted(
    public_page: tuple[gr.Blocks, str],
) -> None:
    page, address = public_page
    bob = Stranger(address, BOB)
    switch(page, bob, True)
    example = EXAMPLES / "pay-a-bill.wav"
    chunk = {"path": str(example), "meta": {"_type": "gradio.FileData"}}
    bob.post(number_of(page, "live-sound.stream hear_chunk"), [chunk, True, "bundled"])
    assert example.exists()

"""A recording is called hard to hear where a person would say so, and nowhere else."""

import numpy as np
import pytest

from intent.audio.clip import Clip
from intent.audio.quality import flaw
from intent.data.dataset import load_data, readable_clips
from tests.tiny import tone


def clip(samples: np.ndarray) -> Clip:
    return Clip(samples.astype(np.float32), 8000)


def test_digital_silence_and_the_hiss_of_an_open_line_are_silent() -> None:
    hiss = 0.001 * np.random.default_rng(0).standard_normal(16_000)
    assert flaw(clip(np.zeros(16_000))) == "silent"
    assert flaw(clip(hiss)) == "silent"


def test_an_offset_is_no_sound() -> None:
    assert flaw(clip(np.full(16_000, 0.5))) == "silent"


def test_one_loud_word_in_a_long_silence_is_detected() -> None:
    samples = np.zeros(80_000)
    samples[40_000:43_000] = tone("low", seconds=1.0)[:3000]
    assert flaw(clip(samples)) == ""


@pytest.mark.parametrize("ceiling", [1.0, 0.95])
def test_a_voice_cut_off_at_the_top_is_clipped(ceiling: float) -> None:
    loud = 3 * np.random.default_rng(0).laplace(scale=0.15, size=16_000)
    assert flaw(clip(np.clip(loud, -ceiling, ceiling))) == "clipped"


def test_a_loud_voice_that_is_not_cut_off_is_not_clipped() -> None:
    voice = np.random.default_rng(0).laplace(scale=0.1, size=160_000)
    assert flaw(clip(0.99 * voice / np.abs(voice).max())) == ""


def test_half_a_second_is_very_short() -> None:
    assert flaw(clip(tone("low", seconds=0.5))) == "very short"
    assert flaw(clip(tone("low", seconds=1.0))) == ""


def test_the_bundled_sample_has_no_flaw() -> None:
    clips = [clip for _, clip in readable_clips(load_data("sample")["test"], print)]
    assert {flaw(clip) for clip in clips} == {""}

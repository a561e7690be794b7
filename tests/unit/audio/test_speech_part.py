"""What is used of a recording: from shortly before its speech to shortly after, or all of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.audio.clip import Clip, read_clip
from intent.audio.speech_part import (
    MARGIN_SECONDS,
    MIN_SPEECH_SECONDS,
    SpeechPart,
    choose_part,
    speech_part,
)
from intent.paths import EXAMPLES
from tests.late_speech import SECONDS_BEFORE, faint_noise, late

WINDOWS = st.one_of(st.just(math.inf), st.floats(0.5, 30))


@st.composite
def recordings(draw: st.DrawFn) -> tuple[tuple[tuple[float, float], ...], float]:
    """Spans of speech, each of 0.128 s or more, and the length of their recording."""
    lengths = st.tuples(st.floats(0.01, 20), st.floats(0.128, 5))  # of a pause, and of speech
    spans, now = [], 0.0
    for pause, speech in draw(st.lists(lengths, max_size=6)):
        spans.append((now + pause, now + pause + speech))
        now += pause + speech
    return tuple(spans), now + draw(st.floats(0, 20))


@given(recordings(), WINDOWS)
def test_the_window_of_a_part_has_speech_if_the_recording_has_a_word(found, window):
    spans, seconds = found
    part = choose_part(spans, seconds, window)
    assert 0 <= part.start <= part.end <= seconds
    end = min(part.end, part.start + window)
    heard = sum(max(0.0, min(b, end) - max(a, part.start)) for a, b in spans)
    if part.has_speech:
        assert heard >= MIN_SPEECH_SECONDS - 1e-9
    else:
        assert part == SpeechPart(0, seconds, True, False)
        assert all(end - begin < MIN_SPEECH_SECONDS for begin, end in spans)


@given(recordings())
def test_no_more_than_the_margin_is_kept_before_and_after_the_speech(found):
    spans, seconds = found
    part = choose_part(spans, seconds)
    if part.has_speech:
        assert part.start == max(0, spans[0][0] - MARGIN_SECONDS)
        assert part.end == min(seconds, spans[-1][1] + MARGIN_SECONDS)


@pytest.mark.parametrize(
    ("window", "margin"), [(1, 0.25), (4, 1), (10, 2.5), (15, 2.5), (30, 2.5), (math.inf, 2.5)]
)
def test_a_short_window_keeps_less_before_the_speech(window, margin):
    part = choose_part(((20.0, 24.0),), 60.0, window)
    assert (part.start, part.end) == pytest.approx((20 - margin, 24 + margin))


def test_a_short_sound_long_before_the_speech_does_not_count():
    part = choose_part(((1.0, 1.2), (40.0, 44.0)), 60.0, 15.0)
    assert (part.start, part.end, part.has_speech) == (37.5, 46.5, True)
    together = choose_part(((1.0, 1.2), (3.0, 4.0)), 60.0, 15.0)
    assert (together.start, together.end) == (0.0, 6.5)


def test_sounds_too_far_apart_to_be_a_word_are_no_speech():
    spans = ((1.0, 1.2), (40.0, 40.2))
    assert choose_part(spans, 60.0, 15.0) == SpeechPart(0, 60, True, False)


@pytest.mark.parametrize("example", ["pay-a-bill", "freeze-my-card"])
def test_speech_after_noise_begins_the_part_with_a_margin(example):
    alone, clip = read_clip(EXAMPLES / f"{example}.wav"), late(example)
    part = speech_part(clip, 15.0)
    assert part.has_speech and not part.is_whole
    assert SECONDS_BEFORE - MARGIN_SECONDS <= part.start < SECONDS_BEFORE
    assert part.end == clip.seconds
    cut = part.cut(clip)
    assert cut.sample_rate == clip.sample_rate
    assert len(cut.samples) == round((part.end - part.start) * clip.sample_rate)
    np.testing.assert_array_equal(cut.samples[-len(alone.samples) :], alone.samples)


def test_a_spoken_sentence_is_used_as_it_is():
    for file in sorted(EXAMPLES.glob("*.wav")):
        clip = read_clip(file)
        part = speech_part(clip, 15.0)
        assert part == SpeechPart(0, clip.seconds, True, True)
        assert part.cut(clip) is clip


def test_noise_and_silence_are_used_as_they_are():
    for samples in (faint_noise(20, 16_000), np.zeros(320_000, np.float32)):
        clip = Clip(samples, 16_000)
        part = speech_part(clip, 15.0)
        assert part == SpeechPart(0, 20, True, False)
        assert part.cut(clip) is clip

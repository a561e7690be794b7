"""Utterances are cut at pauses, whole and in order, however the recording arrives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intent.audio.speech_part import MARGIN_SECONDS
from intent.audio.utterances import PAUSE_FRAMES, SpokenPart, cut
from intent.audio.voice_activity import FRAME_SAMPLES, FRAME_SECONDS

WINDOW = 15.0  # s
SPOKEN, QUIET = True, False
Runs = list[tuple[bool, int]]  # whether it is speech, and for how many frames


def frames_of(runs: Runs) -> np.ndarray:
    return np.concatenate([np.zeros(0, bool), *(np.full(count, kind) for kind, count in runs)])


def parts(runs: Runs, window: float = WINDOW, sizes: tuple[int, ...] = ()) -> list[SpokenPart]:
    """Cut a recording whose samples are 1 in speech and 0 elsewhere, in stretches of these sizes."""
    is_speech = frames_of(runs)
    samples = np.repeat(is_speech, FRAME_SAMPLES).astype(np.float32)
    edges = np.cumsum(sizes)[np.cumsum(sizes) < len(is_speech)].astype(int)
    stretches = zip(
        np.split(samples, edges * FRAME_SAMPLES), np.split(is_speech, edges), strict=True
    )
    return [part for found in cut(stretches, window) for part in found]


def spans(runs: Runs, window: float = WINDOW) -> list[tuple[int, int]]:
    """Return the first and last frames of the utterances."""
    return [
        (round(part.start / FRAME_SECONDS), round(part.end / FRAME_SECONDS))
        for part in parts(runs, window)
    ]


def test_a_short_pause_is_within_an_utterance_and_a_long_one_ends_it():
    assert PAUSE_FRAMES * FRAME_SECONDS == pytest.approx(0.7, abs=0.02)
    within = [(QUIET, 50), (SPOKEN, 30), (QUIET, PAUSE_FRAMES - 1), (SPOKEN, 30), (QUIET, 9)]
    assert spans(within) == [(50, 50 + 30 + PAUSE_FRAMES - 1 + 30)]
    apart = [(QUIET, 50), (SPOKEN, 30), (QUIET, PAUSE_FRAMES), (SPOKEN, 30)]
    assert spans(apart) == [(50, 80), (80 + PAUSE_FRAMES, 110 + PAUSE_FRAMES)]


def test_clicks_are_no_utterances():
    assert spans([(QUIET, 50), (SPOKEN, 3), (QUIET, 50), (SPOKEN, 7), (QUIET, 50)]) == []


def test_an_utterance_longer_than_the_window_is_cut_at_its_longest_pause():
    runs = [(SPOKEN, 100), (QUIET, 5), (SPOKEN, 150), (QUIET, 15), (SPOKEN, 150), (QUIET, 9)]
    assert spans([*runs, (SPOKEN, 200)]) == [(0, 255), (270, 629)]


def test_speech_without_a_pause_is_cut_at_the_window():
    window = int(WINDOW / FRAME_SECONDS)
    assert spans([(SPOKEN, 1_000)]) == [(0, window), (window, 2 * window), (2 * window, 1_000)]


def test_an_utterance_is_not_cut_shorter_than_a_sentence_for_a_short_window():
    assert spans([(SPOKEN, 140), (QUIET, 50)], window=1.0) == [(0, 140)]


def test_a_sound_has_the_pauses_around_it_and_no_speech_of_its_neighbors():
    runs = [(QUIET, 200), (SPOKEN, 40), (QUIET, 30), (SPOKEN, 60), (QUIET, 200)]
    first, second = parts(runs)
    assert first.clip.samples.sum() == 40 * FRAME_SAMPLES
    assert second.clip.samples.sum() == 60 * FRAME_SAMPLES
    margin = int(MARGIN_SECONDS / FRAME_SECONDS)
    assert len(first.clip.samples) == (margin + 40 + 30) * FRAME_SAMPLES
    assert len(second.clip.samples) == (30 + 60 + margin) * FRAME_SAMPLES


@given(
    runs=st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=30),
    sizes=st.lists(st.integers(1, 300), max_size=40),
    window=st.sampled_from([1.0, 5.0, 15.0, 300.0]),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_the_stretches_in_which_a_recording_comes_do_not_matter(runs, sizes, window):
    whole, cut_up = parts(runs, window), parts(runs, window, tuple(sizes))
    assert [(part.start, part.end) for part in cut_up] == [(part.start, part.end) for part in whole]
    for one, other in zip(cut_up, whole, strict=True):
        np.testing.assert_array_equal(one.clip.samples, other.clip.samples)


@given(
    runs=st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=30),
    window=st.sampled_from([1.0, 5.0, 15.0, 300.0]),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_utterances_are_in_order_apart_and_no_longer_than_allowed(runs, window):
    found = parts(runs, window)
    times = [time for part in found for time in (part.start, part.end)]
    assert times == sorted(times)
    longest = min(30.0, max(5.0, window))
    assert all(part.end - part.start <= longest + 1e-6 for part in found)

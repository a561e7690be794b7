"""Simulated telephones, rooms and microphones, by their physical properties."""

import numpy as np
import pytest

from intent.audio.clip import Clip
from intent.audio.conditions import CONDITIONS, check_condition, microphone, room, telephone, under
from intent.errors import DataError

RATE = 24_000  # Hz, of the clips before a condition


def tone(hertz: float, seconds: float = 1.5) -> Clip:
    times = np.arange(int(seconds * RATE)) / RATE
    return Clip((0.1 * np.sin(2 * np.pi * hertz * times)).astype(np.float32), RATE)


def power(clip: Clip, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(clip.samples)) ** 2
    hertz = np.fft.rfftfreq(len(clip.samples), 1 / clip.sample_rate)
    return float(spectrum[(hertz >= low) & (hertz < high)].sum() / spectrum.sum())


@pytest.mark.parametrize("condition", [telephone, room, microphone])
@pytest.mark.parametrize("seed", range(12))
def test_a_condition_keeps_the_length_and_stays_finite_within_full_scale(condition, seed):
    clip = tone(440)
    changed = condition(clip, np.random.default_rng(seed))
    assert changed.samples.dtype == np.float32
    assert changed.seconds == pytest.approx(clip.seconds, abs=0.001)
    assert np.isfinite(changed.samples).all()
    assert np.abs(changed.samples).max() <= 1.05  # Opus may overshoot a little


@pytest.mark.parametrize("condition", [telephone, room, microphone])
def test_silence_stays_without_a_number_that_is_not_one(condition):
    silence = Clip(np.zeros(RATE, np.float32), RATE)
    changed = condition(silence, np.random.default_rng(0))
    assert np.isfinite(changed.samples).all()


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_clip_sounds_the_same_each_time_and_another_clip_otherwise(name):
    clip = tone(440)
    first, again, other = (under(name, clip, hash_) for hash_ in ("ab" * 32, "ab" * 32, "cd" * 32))
    assert np.array_equal(first.samples, again.samples)
    assert not np.array_equal(first.samples, other.samples)


def test_a_telephone_passes_speech_and_stops_what_is_below_and_above():
    rng = np.random.default_rng(1)
    assert telephone(tone(1000), rng).sample_rate == 8_000
    assert power(telephone(tone(1000), rng), 900, 1100) > 0.9
    for hertz in (60, 3900):
        passed = telephone(Clip(tone(hertz).samples + tone(1000).samples, RATE), rng)
        assert power(passed, hertz - 50, hertz + 50) < 0.05


def test_a_room_goes_on_sounding_after_the_voice_has_stopped():
    click = np.zeros(RATE, np.float32)
    click[: RATE // 10] = tone(800).samples[: RATE // 10]
    after = [
        float(np.square(room(Clip(click, RATE), np.random.default_rng(seed)).samples[2400:]).sum())
        for seed in range(8)
    ]
    dry = float(np.square(click[RATE // 6 :]).sum())
    assert dry == 0
    assert min(after) > 0


def test_an_unknown_condition_is_refused_in_a_sentence():
    check_condition("")
    with pytest.raises(DataError, match="must be telephone or room, but is 'sea'"):
        check_condition("sea")

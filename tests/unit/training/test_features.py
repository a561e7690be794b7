"""Laws of altered copies."""

import numpy as np
import pytest

from intent.audio.augmentation import augment
from intent.audio.clip import Clip, clip_hash
from tests.tiny import tone


def clip() -> Clip:
    return Clip(tone("middle", seconds=1.0), 8000)


def pitch(sound: Clip) -> float:
    spectrum = np.abs(np.fft.rfft(sound.samples))
    return float(np.argmax(spectrum)) / sound.seconds


def test_copy_zero_is_the_clip_itself() -> None:
    sound = clip()
    assert augment(sound, clip_hash(sound), 0) is sound


@pytest.mark.parametrize(("copy", "tempo"), [(2, 0.9), (3, 1.1)])
def test_tempo_moves_pitch_and_length_together(copy: int, tempo: float) -> None:
    sound = clip()
    other = augment(sound, clip_hash(sound), copy)
    assert other.sample_rate == sound.sample_rate
    assert other.seconds == pytest.approx(sound.seconds / tempo, rel=0.01)
    assert pitch(other) == pytest.approx(pitch(sound) * tempo, rel=0.02)


def test_noise_is_fifteen_decibels_below_the_sound() -> None:
    sound = clip()
    noise = augment(sound, clip_hash(sound), 1).samples - sound.samples
    ratio = np.mean(np.square(sound.samples)) / np.mean(np.square(noise))
    assert 10 * np.log10(ratio) == pytest.approx(15, abs=0.3)


@pytest.mark.parametrize("copy", range(1, 6))
def test_the_same_copy_of_the_same_sound_is_the_same_each_time(copy: int) -> None:
    sound = clip()
    one, two = (augment(sound, clip_hash(sound), copy) for _ in range(2))
    assert np.array_equal(one.samples, two.samples)
    assert one.samples.dtype == np.float32 and np.isfinite(one.samples).all()


def test_copies_differ_from_each_other() -> None:
    sound = clip()
    hashes = {clip_hash(augment(sound, clip_hash(sound), copy)) for copy in range(6)}
    assert len(hashes) == 6

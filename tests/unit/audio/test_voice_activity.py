"""Speech is detected however quiet it is; noise, hum, tones and music are not speech."""

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from intent.audio import voice_activity
from intent.audio.clip import Clip, read_clip
from intent.audio.speech_part import speech_part
from intent.audio.voice_activity import find_speech, frame_probabilities, normalize_level
from tests.repository import ROOT

EXAMPLES = ROOT / "assets" / "examples"
RATES = [8_000, 44_100]  # Hz: a telephone, a microphone
TEMPI = [60, 100, 160]  # beats a minute
SCALE = [0, 2, 4, 5, 7, 9, 11, 12]  # semitones
Note = Callable[[float, float, int, np.random.Generator], np.ndarray]


def speech_seconds(clip: Clip) -> float:
    return sum(end - start for start, end in find_speech(clip))


def has_speech(clip: Clip) -> bool:
    return speech_part(clip).has_speech


def decibels(level: float) -> float:
    return 10 ** (level / 20)


def hertz(midi: float) -> float:
    return 440 * 2 ** ((midi - 69) / 12)


def harmonics(
    pitch: float, seconds: float, rate: int, amplitudes: list[float], vibrato: float = 0.0
) -> np.ndarray:
    """A tone with overtones, 20 ms of rise and 60 ms of fall; vibrato is a share of the pitch."""
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * pitch * t + vibrato * pitch / 5.5 * np.sin(2 * np.pi * 5.5 * t)
    audible = [(k, a) for k, a in enumerate(amplitudes, 1) if k * pitch * 1.05 < rate / 2]
    envelope = np.minimum(1, t / 0.02) * np.minimum(1, (seconds - t) / 0.06).clip(0)
    return sum(a * np.sin(k * phase) for k, a in audible) * envelope


def piano(pitch: float, seconds: float, rate: int, _: np.random.Generator) -> np.ndarray:
    tone = harmonics(pitch, seconds, rate, [1, 0.5, 0.3, 0.2, 0.1])
    return tone * np.exp(-3 * np.arange(len(tone)) / rate)


def organ(pitch: float, seconds: float, rate: int, _: np.random.Generator) -> np.ndarray:
    return harmonics(pitch / 2, seconds, rate, [1, 0.8, 0.3, 0.6, 0.1, 0.3, 0, 0.4])


def violin(pitch: float, seconds: float, rate: int, _: np.random.Generator) -> np.ndarray:
    return harmonics(pitch, seconds, rate, [1 / k for k in range(1, 13)], vibrato=0.012)


def cello(pitch: float, seconds: float, rate: int, _: np.random.Generator) -> np.ndarray:
    return harmonics(pitch / 4, seconds, rate, [1 / k for k in range(1, 15)], vibrato=0.01)


def flute(pitch: float, seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    tone = harmonics(2 * pitch, seconds, rate, [1, 0.35, 0.12, 0.05], vibrato=0.008)
    return tone + 0.02 * random.standard_normal(len(tone))


def string(pitch: float, seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    """A plucked string: noise in a delay line that loses its highs (Karplus and Strong, 1983)."""
    period = int(rate / pitch)
    pluck = np.zeros(int(seconds * rate))
    pluck[:period] = random.uniform(-1, 1, period)
    return lfilter([1], np.r_[1, np.zeros(period - 1), -0.498, -0.498], pluck)


def drum(pitch: float, seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    """Low notes are a bass drum, middle ones a snare, high ones a cymbal."""
    t = np.arange(int(seconds * rate)) / rate
    noise = random.standard_normal(len(t))
    if pitch < hertz(64):
        return np.sin(2 * np.pi * (50 * t - np.exp(-30 * t))) * np.exp(-12 * t)
    if pitch < hertz(68):
        return (0.7 * noise + 0.5 * np.sin(2 * np.pi * 180 * t)) * np.exp(-18 * t)
    return 0.4 * np.diff(noise, prepend=0) * np.exp(-60 * t)


def melody(note: Note, rate: int, beats_per_minute: int, voices: int, seconds: float) -> Clip:
    """A random walk on a scale, one note or chord a beat, at half of full scale."""
    random = np.random.default_rng(beats_per_minute)
    beat = 60 / beats_per_minute
    samples = np.zeros(int(seconds * rate))
    degree = 3
    for start in np.arange(0, seconds, beat):
        degree = int(np.clip(degree + random.integers(-3, 4), 0, 7))
        for voice in range(voices):
            midi = 60 + SCALE[(degree + 2 * voice) % 8]
            sound = note(hertz(midi), beat, rate, random)
            room = samples[int(start * rate) :][: len(sound)]
            room += sound[: len(room)]
    return Clip((0.5 * samples / np.abs(samples).max()).astype(np.float32), rate)


def noise(rate: int, slope: float, level: float) -> Clip:
    """Six seconds of noise whose power falls as frequency to the slope, RMS level in dB."""
    count = 6 * rate
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count))
    frequencies = np.maximum(np.fft.rfftfreq(count, 1 / rate), 20)
    samples = np.fft.irfft(spectrum * frequencies ** (-slope / 2), count)
    samples *= decibels(level) / np.sqrt(np.mean(samples**2))
    return Clip(samples.clip(-1, 1).astype(np.float32), rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0, 0.001, 0.1, 5])
def test_silence_is_not_speech(rate, seconds):
    clip = Clip(np.zeros(int(rate * seconds), np.float32), rate)
    assert speech_seconds(clip) == 0
    assert not has_speech(clip)


@pytest.mark.parametrize("level", [-5, -20, -40, -60, -80])
@pytest.mark.parametrize("slope", [0, 1, 2], ids=["white", "pink", "brown"])
@pytest.mark.parametrize("rate", RATES)
def test_noise_is_not_speech(rate, slope, level):
    assert not has_speech(noise(rate, slope, level))


@pytest.mark.parametrize("level", [0, -20, -50])
@pytest.mark.parametrize("decay", [0.5, 1, 2])
@pytest.mark.parametrize("mains", [50, 60])
@pytest.mark.parametrize("rate", RATES)
def test_mains_hum_is_not_speech(rate, mains, decay, level):
    t = np.arange(6 * rate) / rate
    hum = sum(np.sin(2 * np.pi * mains * k * t + k * k) / k**decay for k in range(1, 21))
    samples = decibels(level) * hum / np.abs(hum).max()
    hiss = 0.001 * np.random.default_rng(0).standard_normal(len(t))
    assert not has_speech(Clip(samples.astype(np.float32), rate))
    assert not has_speech(Clip((samples + hiss).astype(np.float32), rate))


@pytest.mark.parametrize("pair", [(350, 440), (440, 480), (480, 620), (697, 1209), (1000, 1000)])
@pytest.mark.parametrize("rate", RATES)
def test_telephone_tones_are_not_speech(rate, pair):
    t = np.arange(6 * rate) / rate
    steady = 0.25 * sum(np.sin(2 * np.pi * f * t) for f in pair)
    for samples in (steady, steady * (t % 1 < 0.5)):
        assert not has_speech(Clip(samples.astype(np.float32), rate))


@pytest.mark.parametrize("rate", RATES)
def test_an_offset_and_clicks_are_not_speech(rate):
    samples = np.full(6 * rate, 0.3, np.float32)
    assert not has_speech(Clip(samples, rate))
    samples[:: rate // 2] = 1
    assert not has_speech(Clip(samples, rate))


@pytest.mark.parametrize("level", [0, -30])
@pytest.mark.parametrize("beats_per_minute", TEMPI)
@pytest.mark.parametrize(
    ("note", "voices"),
    [(piano, 1), (piano, 3), (organ, 4), (violin, 1), (violin, 3), (cello, 1), (flute, 1)]
    + [(string, 1), (string, 3), (drum, 1)],
)
@pytest.mark.parametrize("rate", RATES)
def test_music_is_not_speech(rate, note, voices, beats_per_minute, level):
    clip = melody(note, rate, beats_per_minute, voices, seconds=8)
    assert not has_speech(Clip(clip.samples * np.float32(decibels(level)), rate))


@pytest.mark.parametrize("beats_per_minute", TEMPI)
@pytest.mark.parametrize("rate", RATES)
def test_a_band_is_not_speech(rate, beats_per_minute):
    parts = [(drum, 1), (piano, 3), (cello, 1), (violin, 1)]
    clips = [melody(note, rate, beats_per_minute, voices, 10) for note, voices in parts]
    assert not has_speech(Clip(sum(clip.samples for clip in clips) / len(clips), rate))


def examples() -> list[Clip]:
    files = sorted(EXAMPLES.glob("*.wav"))
    assert len(files) == 6, f"six spoken examples were expected in {EXAMPLES}, found {len(files)}"
    return [read_clip(file) for file in files]


@pytest.mark.parametrize("level", [0, -20, -40])
def test_every_example_has_speech_however_quiet(level):
    for clip in examples():
        quiet = Clip(clip.samples * np.float32(decibels(level)), clip.sample_rate)
        assert has_speech(quiet)
        assert 0.5 < speech_seconds(quiet) <= clip.seconds + 0.04


def test_speech_is_found_after_a_minute_of_silence_and_in_noise():
    clip = examples()[0]
    before = np.zeros(60 * clip.sample_rate, np.float32)
    late = Clip(np.concatenate([before, clip.samples]), clip.sample_rate)
    assert has_speech(late)
    assert speech_seconds(late) == pytest.approx(speech_seconds(clip), abs=0.3)
    hiss = np.random.default_rng(0).standard_normal(len(clip.samples)).astype(np.float32)
    hiss *= np.float32(decibels(-10) * np.sqrt(np.mean(clip.samples**2)))
    assert has_speech(Clip(clip.samples + hiss, clip.sample_rate))


def test_probabilities_equal_those_of_the_package_s_own_model():
    data = Path(importlib.util.find_spec("silero_vad").origin).parent / "data"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.load(data / "silero_vad.jit", "cpu")
    clip = examples()[1]
    ours = np.concatenate(list(frame_probabilities(clip)))
    samples = normalize_level(voice_activity.resample(clip, 16_000).samples)
    frames = np.pad(samples, (0, -len(samples) % 512)).reshape(-1, 512)
    theirs = [model(torch.from_numpy(frame), 16_000).item() for frame in frames]
    assert ours == pytest.approx(np.array(theirs), abs=1e-4)
    assert ours.max() > 0.9


def test_many_threads_get_the_same_result_as_one():
    clips = examples()
    alone = [speech_seconds(clip) for clip in clips]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(speech_seconds, clips * 4)) == alone * 4


def test_detection_does_not_change_torch_s_threads():
    code = (
        "import sys, numpy, torch; torch.set_num_threads(2); from intent.audio.clip import Clip;"
        "from intent.audio.speech_part import speech_part;"
        "speech_part(Clip(numpy.ones(9, 'float32'), 8000));"
        "print(torch.get_num_threads(), 'silero_vad' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "2 False"

"""What a recording may cost: its samples, its memory and its time are bounded, its hash is kept."""

import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from intent.audio import clip as audio
from intent.audio import sample_buffer
from intent.audio.clip import Clip, clip_hash, read_clip
from intent.audio.decoding import MAX_VALUES, TimedFile
from intent.audio.sample_buffer import MAX_SAMPLES, REDUCED_RATE, SampleBuffer
from intent.audio.voice_activity import normalize_level
from intent.errors import AudioError
from tests.hostile.sounds import silent_flac, voice, whole_files
from tests.repository import ROOT

MEASURE = """
import resource, sys
from intent.audio.clip import clip_hash, read_clip, resample
from intent.errors import AudioError
from intent.audio.speech_part import speech_part
from intent.audio.voice_activity import load_network
load_network(), read_clip(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    clip = read_clip(sys.argv[1])
    clip_hash(clip), speech_part(clip), resample(clip, 16_000)
    print("read", clip.sample_rate, end=" ")
except AudioError:
    print("refused 0", end=" ")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def message(source: object) -> str:
    with pytest.raises(AudioError) as caught:
        read_clip(source)
    return str(caught.value)


def too_much(million: int, channels: int, rate: int) -> str:
    return (
        f"This recording has {million} million samples ({channels} channels at {rate} Hz); at "
        "most 60 million are supported. Export it again in mono at 16000 Hz."
    )


def test_a_small_flac_of_hours_of_samples_is_refused_by_its_header():
    flac = silent_flac(384_000, 8, 299)
    assert len(flac) < 100_000
    assert message(flac) == too_much(919, 8, 384_000)


def test_what_states_no_length_is_refused_where_its_samples_are_too_many():
    found = message(silent_flac(384_000, 8, 40, says_length=False))
    assert found == too_much(60, 8, 384_000)


def test_an_array_of_too_many_samples_is_refused_before_it_is_copied():
    zeros = np.broadcast_to(np.int16(0), (1_000_000, 64))
    assert message((48_000, zeros)) == too_much(64, 64, 48_000)


def test_five_minutes_in_stereo_at_the_rate_of_studios_fit():
    assert 300 * 96_000 * 2 <= MAX_VALUES


def test_five_minutes_at_a_devices_rate_keep_that_rate():
    assert 300 * 48_000 <= MAX_SAMPLES
    assert read_clip(silent_flac(48_000, 1, 299)).sample_rate == 48_000


def test_a_longer_clip_of_a_higher_rate_comes_at_16_khz(monkeypatch):
    monkeypatch.setattr(sample_buffer, "MAX_SAMPLES", 100_000)
    time = np.arange(2 * 192_000) / 192_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone, tone], 1), 192_000, format="FLAC", subtype="PCM_24")
    clip = read_clip(file.getvalue())
    assert (clip.sample_rate, len(clip.samples)) == (REDUCED_RATE, 2 * REDUCED_RATE)
    expected = soxr.resample(tone, 192_000, REDUCED_RATE)
    assert np.abs(clip.samples - expected)[500:-500].max() < 1e-3


@given(sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=20), limit=st.integers(0, 30_000))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_the_blocks_in_which_samples_come_do_not_matter(sizes, limit):
    samples = np.random.default_rng(0).uniform(-1, 1, sum(sizes)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_buffer, "MAX_SAMPLES", limit)
        buffer = SampleBuffer(48_000)
        for block in np.split(samples, np.cumsum(sizes)[:-1]):
            buffer.add(block)
        found, rate = buffer.finish()
    if len(samples) <= limit:
        assert rate == 48_000
        np.testing.assert_array_equal(found, samples)
    else:
        assert rate == REDUCED_RATE
        expected = soxr.resample(samples, 48_000, REDUCED_RATE)
        assert abs(len(found) - len(expected)) <= 1
        n = min(len(found), len(expected))
        np.testing.assert_allclose(found[:n], expected[:n], atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_the_hash_of_a_clip_is_that_of_its_whole_sound_in_16_bits(rate):
    samples = voice(rate, 1.0)
    whole = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    expected = hashlib.sha256(f"{rate} Hz\n".encode() + whole.tobytes()).hexdigest()
    assert clip_hash(Clip(samples, rate)) == expected


def test_the_hash_of_an_example_clip_is_the_one_that_runs_have_stored():
    path = sorted((ROOT / "assets" / "examples").glob("*.wav"))[0]
    samples, rate = soundfile.read(path, dtype="int16")
    expected = hashlib.sha256(f"{rate} Hz\n".encode() + samples.tobytes()).hexdigest()
    assert clip_hash(read_clip(path)) == expected


@pytest.mark.parametrize("name", ["pcm16.wav", "vorbis.ogg", "aac.m4a"])
def test_a_recording_that_takes_too_long_is_refused_in_a_sentence(name, monkeypatch):
    monkeypatch.setattr(audio, "MAX_DECODE_SECONDS", 0.0)
    assert message(whole_files()[name]) == (
        "This recording takes more than 0 s to decode: it is damaged or in an unusual format. "
        "Export it again as WAV, in mono at 16000 Hz."
    )


def test_a_file_seems_to_end_when_the_time_is_up():
    for seconds, expected in ((60.0, b"abc"), (0.0, b"")):
        file = TimedFile(io.BytesIO(b"abc"), seconds)
        assert file.read(3) == expected
        file.seek(0)
        assert file.readinto(memoryview(bytearray(3))) == len(expected)


@pytest.mark.parametrize(
    ("make", "rate"),
    [
        (lambda: silent_flac(48_000, 2, 299), 48_000),
        (lambda: silent_flac(384_000, 1, 155), REDUCED_RATE),
        (lambda: silent_flac(384_000, 8, 299, says_length=False), 0),
    ],
    ids=["5 min of stereo at 48 kHz", "155 s at 384 kHz", "8 channels at 384 kHz"],
)
def test_the_memory_that_a_recording_takes_is_bounded(make, rate, tmp_path):
    ordinary = next((ROOT / "assets" / "examples").glob("*.wav"))
    (tmp_path / "a.flac").write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path / "a.flac", ordinary],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    _, found, kilobytes = done.stdout.split()
    assert int(found) == rate
    assert int(kilobytes) < 300_000


def test_levelling_part_by_part_is_levelling_at_once():
    samples = voice(16_000, 3.3) * 0.01 + 0.2
    centred = samples - samples.mean(dtype=np.float64)
    power = np.square(centred[: 13 * 4_000]).reshape(-1, 4_000).mean(axis=1).max()
    expected = (centred * min(100.0, 0.1 / np.sqrt(power))).astype(np.float32)
    np.testing.assert_array_equal(normalize_level(samples), expected)

"""A long recording is read as a stream: the same sound as a clip, in bounded memory and time."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from intent.audio import decoding, stream
from intent.audio.clip import read_clip, resample
from intent.audio.decoding import Bounds
from intent.audio.stream import MAX_STREAM_SECONDS, RecordingStream
from intent.errors import AudioError, TooLongError
from tests.hostile.sounds import silent_flac, voice, whole_files
from tests.repository import ROOT

MEASURE = """
import resource, sys
from intent.audio.stream import RecordingStream
from intent.audio.utterances import spoken_parts
def run(path):
    recording = RecordingStream(path)
    parts = sum(len(found) for found in spoken_parts(recording, 15.0))
    return recording.seconds
run(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(run(sys.argv[1]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def samples(source: object) -> np.ndarray:
    return np.concatenate(list(RecordingStream(source)))


def message(source: object) -> str:
    with pytest.raises(AudioError) as caught:
        samples(source)
    return str(caught.value)


def wav(frames: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, frames, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.parametrize("name", whole_files())
def test_every_format_gives_the_sound_of_its_clip_at_16_khz(name):
    found, expected = samples(whole_files()[name]), resample(read_clip(whole_files()[name]), 16_000)
    assert abs(len(found) - len(expected.samples)) <= 1
    both = min(len(found), len(expected.samples))
    assert np.abs(found[:both] - expected.samples[:both]).max() < 1e-3


@pytest.mark.parametrize("name", ["pcm24.flac", "vorbis.ogg", "aac.m4a"])
def test_how_a_decoder_cuts_its_blocks_does_not_matter(name, monkeypatch):
    before = samples(whole_files()[name])
    monkeypatch.setattr(decoding, "BLOCK_FRAMES", 777)
    np.testing.assert_array_equal(samples(whole_files()[name]), before)


@pytest.mark.parametrize("name", ["pcm16.wav", "voice.mp3", "aac.m4a"])
def test_each_block_may_be_read_in_another_thread(name):
    blocks = iter(RecordingStream(whole_files()[name]))
    found = []
    while True:
        with ThreadPoolExecutor(1) as pool:
            block = pool.submit(next, blocks, None).result()
        if block is None:
            break
        found.append(block)
    np.testing.assert_array_equal(np.concatenate(found), samples(whole_files()[name]))


def test_the_share_of_the_file_grows_to_1_and_the_seconds_to_its_length():
    recording = RecordingStream(wav(voice(16_000, 20.0), 16_000))
    shares = [recording.share for _ in recording]
    assert shares == sorted(shares) and 0 < shares[0] < shares[-1] <= 1
    assert (recording.share, recording.seconds) == (1.0, 20.0)


def test_channels_that_cancel_each_other_are_not_silent():
    left = voice(16_000, 5.0)
    found = samples(wav(np.stack([left, -left], axis=1), 16_000))
    np.testing.assert_allclose(np.abs(found), np.abs(left), atol=1e-6)


def test_more_than_90_minutes_are_refused_by_the_header():
    assert message(silent_flac(8_000, 1, 5_460)) == (
        "This recording is 91 min long; at most 90 min are supported. Shorten it and try again."
    )


def test_more_than_the_limit_is_refused_where_the_header_states_no_length(monkeypatch):
    monkeypatch.setattr(stream, "BOUNDS", Bounds(30.0, 10**9))
    with pytest.raises(TooLongError):
        samples(silent_flac(8_000, 1, 40, says_length=False))


def test_an_hour_is_within_the_limits():
    assert MAX_STREAM_SECONDS >= 3_600
    assert 3_600 * 96_000 * 2 <= stream.BOUNDS.values


def test_a_small_file_of_too_many_samples_is_refused_by_its_header():
    found = message(silent_flac(384_000, 8, 420))
    assert "has 1290 million samples (8 channels at 384000 Hz); at most 1080 million" in found


@pytest.mark.parametrize("name", ["pcm16.wav", "vorbis.ogg", "aac.m4a"])
def test_a_recording_that_takes_too_long_is_refused_in_a_sentence(name, monkeypatch):
    monkeypatch.setattr(stream, "MAX_DECODE_SECONDS", 0.0)
    monkeypatch.setattr(stream, "DECODE_SECONDS_PER_SECOND", 0.0)
    assert "takes more than 0 s to decode" in message(whole_files()[name])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"Dear bank, " * 200, "is not a sound file"),
        (wav(np.zeros(0, np.float32), 16_000), "has no samples"),
        (wav(np.zeros(160, np.float32), 16_000), "is 0.010 s long"),
        (wav(np.full(16_000, np.nan, np.float32), 16_000), "is damaged: 100%"),
    ],
    ids=["empty", "text", "no samples", "too short", "damaged"],
)
def test_what_cannot_be_used_is_refused_as_a_clip_is(content, part):
    with pytest.raises(AudioError) as of_clip:
        read_clip(content)
    assert part in message(content) == str(of_clip.value)


def test_damage_ends_a_recording_and_what_came_before_is_kept():
    whole = whole_files()["pcm24.flac"]
    found = samples(whole[: len(whole) * 2 // 3])
    assert 0 < len(found) < len(samples(whole))


def test_memory_does_not_grow_with_the_length(tmp_path):
    (tmp_path / "long.flac").write_bytes(silent_flac(48_000, 2, 1_200))
    (tmp_path / "short.flac").write_bytes(silent_flac(48_000, 2, 40))
    command = [sys.executable, "-c", MEASURE, tmp_path / "long.flac", tmp_path / "short.flac"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, kilobytes = done.stdout.split()
    assert float(seconds) == pytest.approx(1_200, abs=0.2)
    assert int(kilobytes) < 20_000  # its samples at 16 kHz take 77 MB

"""Channels are averaged, and where they cancel each other the loudest one is used."""

import hashlib
import io

import av
import numpy as np
import pytest

from intent.audio import clip as audio
from intent.audio.clip import Clip, clip_hash, read_clip
from intent.audio.quality import flaw
from tests.unit.audio.test_clip import encoded, message, tone

RATE = 16_000


def voice(seed: int = 0, seconds: float = 1.0) -> np.ndarray:
    """Noise at the level of speech, (n,) float32."""
    rng = np.random.default_rng(seed)
    return (0.05 * rng.standard_normal(int(RATE * seconds))).astype(np.float32)


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.column_stack([left, right]).astype(np.float32)


def mean_hash(frames: np.ndarray) -> str:
    """The hash of the plain average of the channels."""
    mono = frames.mean(axis=1, dtype=np.float64).astype(np.float32)
    whole = np.clip(np.rint(mono * 32768.0), -32768, 32767).astype("<i2")
    return hashlib.sha256(f"{RATE} Hz\n".encode() + whole.tobytes()).hexdigest()


@pytest.mark.parametrize("form", ["array", "WAV", "FLAC"])
def test_inverted_phase_does_not_become_silence(form):
    frames = np.rint(stereo(voice(), -voice()) * 32768) / 32768
    source = (RATE, frames) if form == "array" else encoded(form, "PCM_16", frames, RATE)
    clip = read_clip(source)
    np.testing.assert_array_equal(clip.samples, frames[:, 0].astype(np.float32))
    assert flaw(clip) == ""


def test_inverted_phase_of_a_lossy_file_does_not_become_silence():
    samples = tone(48_000)
    sound = encoded("OGG", "VORBIS", stereo(samples, -samples), 48_000)
    level = np.sqrt(np.mean(read_clip(sound).samples ** 2))
    assert level == pytest.approx(np.sqrt(np.mean(samples**2)), rel=0.05)


def test_the_louder_of_two_channels_that_cancel_is_used():
    clip = read_clip((RATE, stereo(-0.95 * voice(), voice())))
    np.testing.assert_array_equal(clip.samples, voice())


def test_inverted_phase_of_a_long_recording_is_resampled_as_any_other(monkeypatch):
    monkeypatch.setattr("intent.audio.sample_buffer.MAX_SAMPLES", 20_000)
    samples = tone(48_000, 1.0)
    clip = read_clip((48_000, stereo(samples, -samples)))
    assert (clip.sample_rate, clip.seconds) == (16_000, pytest.approx(1.0, abs=0.01))
    assert np.abs(clip.samples).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    "frames",
    [
        stereo(voice(), voice()),
        stereo(voice(), voice(1)),
        stereo(voice(), 0 * voice()),
        stereo(voice(), -0.5 * voice()),
        stereo(voice() + 0.3, voice() - 0.3),
        np.zeros((RATE, 2), np.float32),
        np.column_stack([0 * voice()] * 5 + [voice()]),
        np.column_stack([0 * voice()] * 63 + [voice()]),
    ],
    ids=[
        "equal",
        "unrelated",
        "one silent",
        "inverted and quieter",
        "opposite offsets",
        "silence",
        "one of six",
        "one of 64",
    ],
)
def test_the_hash_of_channels_that_do_not_cancel_is_that_of_their_average(frames):
    assert clip_hash(read_clip((RATE, frames))) == mean_hash(frames)


def test_damage_in_a_channel_is_not_its_loudness():
    frames = stereo(voice(), -voice())
    frames[:50, 1] = np.inf
    assert clip_hash(read_clip((RATE, frames))) == clip_hash(Clip(frames[:, 0], RATE))


def test_decoding_twice_takes_no_more_time_than_once_may(monkeypatch):
    sound = encoded("FLAC", "PCM_16", stereo(voice(), -voice()), RATE)
    assert read_clip(sound).seconds == 1.0
    monkeypatch.setattr(audio, "MAX_DECODE_SECONDS", 0.0)
    assert "takes more than 0 s to decode" in message(sound)


def test_inverted_phase_of_a_file_that_only_ffmpeg_reads_does_not_become_silence():
    samples = tone(48_000)
    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as output:
        stream = output.add_stream("alac", rate=48_000, layout="stereo")
        planes = np.stack([samples, -samples])
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, 0
        converter = av.AudioResampler(stream.codec_context.format, "stereo", 48_000)
        for converted in converter.resample(frame):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    found = read_clip(file.getvalue()).samples
    np.testing.assert_allclose(found, samples, atol=1e-4)

"""Files to blocks of float32 frames, by libsndfile and, for what that refuses, FFmpeg's libraries."""

import math
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from intent.errors import AudioError

MIN_SAMPLE_RATE = 1_000  # Hz
MAX_SAMPLE_RATE = 384_000  # Hz
MAX_CHANNELS = 64
BLOCK_FRAMES = 4_096  # decoded at a time: bounds memory, and what damage at the end takes along
UNKNOWN_FRAMES = 2**62  # libsndfile gives a count near 2**63 where the header states none

# FFmpeg may open only what holds sound itself: a playlist could name other files and addresses.
CONTAINERS = "aac,ac3,aiff,amr,asf,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"

Block = tuple[int, np.ndarray]  # sample rate in Hz, (frames, channels) float32
Decoder = Callable[[BinaryIO, str, float], Iterator[Block]]


def decode_with_soundfile(file: BinaryIO, name: str, max_seconds: float) -> Iterator[Block]:
    """Yield the blocks of a file that libsndfile reads; raises what it raises, or AudioError."""
    with soundfile.SoundFile(file) as sound:
        check_format(name, sound.samplerate, sound.channels)
        if sound.frames >= UNKNOWN_FRAMES:
            raise ValueError("libsndfile loses the end of what states no length; FFmpeg does not")
        check_length(name, sound.frames / sound.samplerate, max_seconds)
        while len(block := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield sound.samplerate, block


def decode_with_ffmpeg(file: BinaryIO, name: str, max_seconds: float) -> Iterator[Block]:
    """Yield the blocks of a file that PyAV reads; raises what it raises, or AudioError."""
    import av

    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    with av.open(file, container_options=options, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise AudioError(f"{name} has no sound track. Choose a recording with sound.")
        if container.duration is not None:
            check_length(name, container.duration / av.time_base, max_seconds)
        for frame in container.decode(container.streams.audio[0]):
            channels = frame.layout.nb_channels
            check_format(name, frame.sample_rate, channels)
            array = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
            frames = array.T if frame.format.is_planar else array.reshape(-1, channels)
            yield frame.sample_rate, as_float32(frames)


def as_float32(frames: np.ndarray) -> np.ndarray:
    """Samples of any type as float32, full scale being 1; shape kept."""
    if frames.dtype == np.uint8:
        return (frames.astype(np.float32) - 128) / 128
    if frames.dtype.kind == "i":
        return (frames / -float(np.iinfo(frames.dtype).min)).astype(np.float32)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, counted as damage
        return frames.astype(np.float32)


def check_format(name: str, sample_rate: int, channels: int) -> None:
    """Raise AudioError for a sample rate in Hz, or a count of channels, out of range."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise AudioError(
            f"{name} should have a sample rate of {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz, "
            f"but has {sample_rate} Hz. Export it again at 16000 Hz."
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(
            f"{name} should have 1 to {MAX_CHANNELS} channels, but has {channels}. "
            "Export it again in mono."
        )


def check_length(name: str, seconds: float, max_seconds: float) -> None:
    """Raise AudioError for what lasts too long."""
    if seconds > max_seconds:
        raise AudioError(
            f"{name} lasts {_duration(seconds)}; at most {_duration(max_seconds)} can be heard. "
            "Cut it and try again."
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    parts = [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest)
    return " ".join(parts) or "0 s"

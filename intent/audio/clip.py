"""Clips: any recording as mono float32 samples at a stated rate."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from intent.audio.channels import ChannelPowers
from intent.audio.decoding import (
    BLOCK_FRAMES,
    DECODERS,
    MAX_DECODE_SECONDS,
    BinaryFile,
    Block,
    Bounds,
    Decoder,
    TimedFile,
    as_float32,
    check_format,
    check_length,
    check_time,
    check_values,
)
from intent.audio.sample_buffer import SampleBuffer, downmix
from intent.audio.source import Source, opened
from intent.errors import AudioError

MAX_SECONDS = 300  # of a recording
MIN_SECONDS = 0.1  # no word is shorter, and encoders need a few frames
MAX_DAMAGED = 0.01  # share of samples that may be NaN, infinite or above MAX_AMPLITUDE
MAX_AMPLITUDE = 1e6  # 120 dB above full scale: a larger float is damage, not sound

FORMATS = "WAV, FLAC, Ogg, Opus, MP3, m4a or WebM"


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording: mono, finite, and at least 0.1 s long where it comes from read_clip."""

    samples: np.ndarray  # (n,) float32, nominally -1..1, finite
    sample_rate: int  # Hz

    @property
    def seconds(self) -> float:
        """Return the duration in seconds."""
        return len(self.samples) / self.sample_rate


def read_clip(source: Source | tuple[int, np.ndarray], max_seconds: float = MAX_SECONDS) -> Clip:
    """Read a recording from a file (by path, as bytes or as an open file) or from an array.

    An array is a pair as Gradio returns it: the rate in Hz, and samples (n,) or (n, channels) in
    int16, int32, uint8 or float. Channels are averaged; if they cancel each other, as with
    inverted phase, the loudest is used. Up to 1 % of damaged samples (NaN, infinite) become
    silence. A clip of more than MAX_SAMPLES is resampled to 16 kHz. Memory and time are bounded,
    whatever a file claims. Raises AudioError for an unusable recording; silence is fine.
    """
    if isinstance(source, tuple):
        return _clip_from_array(source, max_seconds)
    with opened(source) as (file, name):
        return _clip_from_file(file, name, max_seconds)


def resample(clip: Clip, sample_rate: int) -> Clip:
    """Return the clip at another rate in Hz, without aliasing; the same object if it has that rate."""
    if clip.sample_rate == sample_rate:
        return clip
    return Clip(soxr.resample(clip.samples, clip.sample_rate, sample_rate), sample_rate)


def clip_hash(clip: Clip) -> str:
    """Return the SHA-256 of the sound in hexadecimal: of its rate and its samples in 16 bits.

    Container, tags and lossless compression do not change it.
    """
    digest = hashlib.sha256(f"{clip.sample_rate} Hz\n".encode())
    for block in _int16_blocks(clip.samples):
        digest.update(block.astype("<i2").tobytes())
    return digest.hexdigest()


def write_wav(clip: Clip, path: Path) -> None:
    """Write the clip as 16-bit mono WAV with the same clip_hash; raises AudioError."""
    try:
        with soundfile.SoundFile(path, "w", clip.sample_rate, 1, "PCM_16", format="WAV") as file:
            for block in _int16_blocks(clip.samples):
                file.write(block)
    except (OSError, RuntimeError) as error:
        raise AudioError(
            f'The recording "{Path(path).name}" could not be written. '
            "Check that its folder exists, can be written to and has space."
        ) from error


def as_int16(clip: Clip) -> np.ndarray:
    """Return the samples as `write_wav` writes them, (n,) int16."""
    return np.concatenate([np.zeros(0, np.int16), *_int16_blocks(clip.samples)])


def _int16_blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the samples as int16, in blocks (up to BLOCK_FRAMES,)."""
    # 32768, by which decoders divide: 32767 would change the samples in each round trip.
    for start in range(0, len(samples), BLOCK_FRAMES):
        scaled = np.rint(samples[start : start + BLOCK_FRAMES] * 32768.0)
        yield np.clip(scaled, -32768, 32767).astype(np.int16)


def _clip_from_array(source: tuple[int, np.ndarray], max_seconds: float) -> Clip:
    name = "This recording"
    try:
        rate, array = source
        whole_rate = int(rate)
        samples = np.asarray(array)
    except (TypeError, ValueError, OverflowError):
        raise AudioError(
            f"{name} should be a pair (sample rate, samples), but is not. Record it again."
        ) from None
    check_format(name, whole_rate, samples.shape[1] if samples.ndim == 2 else 1)
    if samples.ndim not in (1, 2):
        raise AudioError(
            f"{name} should have the shape (samples,) or (samples, channels), "
            f"but has {samples.ndim} dimensions. Record it again."
        )
    if samples.dtype not in (np.int16, np.int32, np.uint8) and samples.dtype.kind != "f":
        raise AudioError(
            f"{name} should have int16, int32, uint8 or float samples, but has "
            f"{samples.dtype}. Convert it and try again."
        )
    frames = samples[:, None] if samples.ndim == 1 else samples  # (n, channels)
    check_length(name, len(frames) / whole_rate, max_seconds)
    check_values(name, whole_rate, frames.shape[1], len(frames))

    def blocks() -> Iterator[Block]:
        for start in range(0, len(frames), BLOCK_FRAMES):
            yield whole_rate, as_float32(frames[start : start + BLOCK_FRAMES])

    clip = _mix(blocks, name, max_seconds)
    if clip is None:
        raise no_samples(name)
    return clip


def _clip_from_file(file: BinaryFile, name: str, max_seconds: float) -> Clip:
    timed = TimedFile(file, MAX_DECODE_SECONDS)  # shared by both decoders
    opened = False
    for decode in DECODERS:

        def blocks(decode: Decoder = decode) -> Iterator[Block]:
            file.seek(0)
            return decode(timed, name, Bounds(max_seconds))

        try:
            clip = _mix(blocks, name, max_seconds, timed)
        except AudioError:
            raise
        except Exception:  # noqa: BLE001, S112 - decoders raise nearly anything for damaged files
            check_time(name, timed)
            continue
        check_time(name, timed)
        opened = True
        if clip is not None:
            return clip
    if opened:
        raise no_samples(name)
    raise not_readable(name)


def _mix(
    decode: Callable[[], Iterator[Block]],
    name: str,
    max_seconds: float,
    timed: TimedFile | None = None,
) -> Clip | None:
    """Return the mix of all channels, or the loudest if they cancel; None without samples."""
    powers = ChannelPowers(MAX_AMPLITUDE)
    clip = _join(powers.measured(decode()), name, max_seconds, timed)
    channel = powers.loudest_if_cancelled()
    if clip is None or channel is None:
        return clip
    del clip  # decoded again, because keeping each channel would take too much memory
    blocks = ((rate, block[:, [channel]]) for rate, block in decode())
    return _join(blocks, name, max_seconds, timed)


def _join(
    decoded: Iterator[Block], name: str, max_seconds: float, timed: TimedFile | None = None
) -> Clip | None:
    """Join blocks into a clip, or None if there are none; damage at the end loses only the end."""
    buffer: SampleBuffer | None = None
    values = damaged = 0
    try:
        for rate, block in decoded:
            buffer = buffer or SampleBuffer(rate)
            if rate != buffer.sample_rate:
                break
            mono, bad = downmix(block, MAX_AMPLITUDE)
            buffer.add(mono)
            damaged += bad
            values += block.size
            check_length(name, buffer.count / rate, max_seconds)
            check_values(name, rate, block.shape[1], -(-values // block.shape[1]))
            if timed is not None:
                check_time(name, timed)
    except AudioError:
        raise
    except Exception:  # what was decoded before the damage is kept
        if not buffer or not buffer.count:
            raise
    if not buffer or not buffer.count:
        return None
    check_usable(name, damaged / values, buffer.count / buffer.sample_rate)
    return Clip(*buffer.finish())


def check_usable(name: str, damaged_share: float, seconds: float) -> None:
    """Raise AudioError for a recording with too much damage, or one that is too short."""
    if damaged_share > MAX_DAMAGED:
        raise AudioError(
            f"{name} is damaged: {damaged_share:.0%} of its samples are not finite numbers; "
            f"at most {MAX_DAMAGED:.0%} may be. Export it again."
        )
    if seconds < MIN_SECONDS:
        raise AudioError(
            f"{name} is {seconds:.3f} s long; at least {MIN_SECONDS} s is needed. "
            "Record a whole sentence and try again."
        )


def no_samples(name: str) -> AudioError:
    """Return the error of a recording without a sample."""
    return AudioError(f"{name} has no samples (its length is zero). Record it again.")


def not_readable(name: str) -> AudioError:
    """Return the error of a file that no decoder reads."""
    return AudioError(
        f"{name} is not a sound file that can be read, or it is damaged. Use {FORMATS}."
    )

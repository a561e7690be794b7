"""Clips: any recording a person can hand over, as mono float32 samples at a stated rate."""

import hashlib
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from intent.errors import AudioError

MAX_SECONDS = 300  # the longest recording that is heard, in seconds
MIN_SECONDS = 0.1  # the shortest, in seconds: no word is shorter, and encoders need a few frames
MIN_SAMPLE_RATE = 1_000  # Hz
MAX_SAMPLE_RATE = 384_000  # Hz
MAX_CHANNELS = 64
MAX_DAMAGED = 0.01  # the share of samples that may be NaN, infinite or absurdly loud
MAX_AMPLITUDE = 1e6  # 120 dB above full scale: a float beyond it is damage, not sound
BLOCK_FRAMES = 4_096  # decoded at a time: bounds memory, and what damage at the end takes along
UNKNOWN_FRAMES = 2**62  # libsndfile gives a count near 2**63 where the header states none

FORMATS = "WAV, FLAC, Ogg, Opus, MP3, m4a or WebM"
# FFmpeg may open only what holds sound itself: a playlist could name other files and addresses.
CONTAINERS = "aac,ac3,aiff,amr,asf,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording: mono, finite, at least 0.1 s long when it comes from read_clip."""

    samples: np.ndarray  # (n,) float32, nominally -1..1, finite
    sample_rate: int  # Hz

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return len(self.samples) / self.sample_rate


Block = tuple[int, np.ndarray]  # sample rate in Hz, (frames, channels) float32
Decoder = Callable[[BinaryIO, str, float], Iterator[Block]]


def read_clip(
    source: str | Path | bytes | tuple[int, np.ndarray], max_seconds: float = MAX_SECONDS
) -> Clip:
    """Read a recording from a file's path, a file's bytes or an array, as Gradio gives it.

    An array is (rate in Hz, samples of shape (n,) or (n, channels) in int16, int32, uint8 or
    float). Channels are averaged. Up to 1 % of damaged samples (NaN, infinite) become silence.
    Raises AudioError for everything that cannot be heard; silence can.
    """
    if isinstance(source, tuple):
        return _clip_of_array(source, max_seconds)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _clip_of_file(io.BytesIO(source), "This recording", max_seconds)
    if not isinstance(source, (str, Path)) or not str(source):
        raise AudioError("A recording was expected, but none was given. Record or choose one.")
    path = Path(source)
    label = " ".join((path.name or str(path)).split())
    name = f'The recording "{label if len(label) <= 80 else label[:77] + "..."}"'
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a device"
            raise AudioError(f"{name} is {kind}, not a file. Choose a sound file.")
        with path.open("rb") as file:
            return _clip_of_file(file, name, max_seconds)
    except FileNotFoundError:
        raise AudioError(f"{name} was not found. Check its path and try again.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is not valid"
        raise AudioError(f"{name} cannot be opened ({reason}). Choose another file.") from error


def resample(clip: Clip, sample_rate: int) -> Clip:
    """The clip at another rate in Hz, without aliasing; the same object if the rate is right."""
    if clip.sample_rate == sample_rate:
        return clip
    return Clip(soxr.resample(clip.samples, clip.sample_rate, sample_rate), sample_rate)


def clip_hash(clip: Clip) -> str:
    """SHA-256 in hexadecimal of the sound itself: its rate and its samples in 16 bits.

    The container, its tags and its lossless compression do not matter.
    """
    digest = hashlib.sha256(f"{clip.sample_rate} Hz\n".encode())
    digest.update(_int16(clip.samples).astype("<i2").tobytes())
    return digest.hexdigest()


def write_wav(clip: Clip, path: Path) -> None:
    """Write a 16-bit mono WAV with the same clip_hash; raises AudioError if it cannot."""
    try:
        soundfile.write(
            path, _int16(clip.samples), clip.sample_rate, subtype="PCM_16", format="WAV"
        )
    except (OSError, RuntimeError) as error:
        raise AudioError(
            f'The recording "{Path(path).name}" could not be written. '
            "Check that its folder exists, can be written to and has space."
        ) from error


def _int16(samples: np.ndarray) -> np.ndarray:
    # 32768, as decoders divide by: scaling by 32767 would change the samples at each round trip.
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def _clip_of_array(source: tuple[int, np.ndarray], max_seconds: float) -> Clip:
    name = "This recording"
    try:
        rate, array = source
        whole_rate = int(rate)
        samples = np.asarray(array)
    except (TypeError, ValueError, OverflowError):
        raise AudioError(
            f"{name} should be a pair (sample rate, samples), but is not. Record it again."
        ) from None
    _check_format(name, whole_rate, samples.shape[1] if samples.ndim == 2 else 1)
    if samples.ndim not in (1, 2):
        raise AudioError(
            f"{name} should have the shape (samples,) or (samples, channels), "
            f"but has {samples.ndim} dimensions. Record it again."
        )
    if samples.dtype not in (np.int16, np.int32, np.uint8) and samples.dtype.kind != "f":
        raise AudioError(
            f"{name} should hold int16, int32, uint8 or float samples, but holds "
            f"{samples.dtype}. Convert it and try again."
        )
    frames = samples[:, None] if samples.ndim == 1 else samples  # (n, channels)
    _check_length(name, len(frames) / whole_rate, max_seconds)
    blocks = ((whole_rate, _float32(frames[i : i + BLOCK_FRAMES]))
              for i in range(0, len(frames), BLOCK_FRAMES))  # fmt: skip
    clip = _gather(blocks, name, max_seconds)
    if clip is None:
        raise _nothing_heard(name)
    return clip


def _clip_of_file(file: BinaryIO, name: str, max_seconds: float) -> Clip:
    if not file.read(1):
        raise AudioError(f"{name} is empty (0 bytes). Record or export it again.")
    decoders: tuple[Decoder, ...] = (_decode_with_soundfile, _decode_with_ffmpeg)
    opened = False
    for decode in decoders:
        file.seek(0)
        try:
            clip = _gather(decode(file, name, max_seconds), name, max_seconds)
        except AudioError:
            raise
        except Exception:  # noqa: BLE001, S112 - damage makes decoders raise nearly anything
            continue
        opened = True
        if clip is not None:
            return clip
    if opened:
        raise _nothing_heard(name)
    raise AudioError(
        f"{name} is not a sound file that can be read, or it is damaged. Use {FORMATS}."
    )


def _decode_with_soundfile(file: BinaryIO, name: str, max_seconds: float) -> Iterator[Block]:
    with soundfile.SoundFile(file) as sound:
        _check_format(name, sound.samplerate, sound.channels)
        if sound.frames >= UNKNOWN_FRAMES:
            raise ValueError("libsndfile loses the end of what states no length; FFmpeg does not")
        _check_length(name, sound.frames / sound.samplerate, max_seconds)
        while len(block := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield sound.samplerate, block


def _decode_with_ffmpeg(file: BinaryIO, name: str, max_seconds: float) -> Iterator[Block]:
    import av

    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    with av.open(file, container_options=options, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise AudioError(f"{name} has no sound track. Choose a recording with sound.")
        if container.duration is not None:
            _check_length(name, container.duration / av.time_base, max_seconds)
        for frame in container.decode(container.streams.audio[0]):
            channels = frame.layout.nb_channels
            _check_format(name, frame.sample_rate, channels)
            array = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
            frames = array.T if frame.format.is_planar else array.reshape(-1, channels)
            yield frame.sample_rate, _float32(frames)


def _gather(decoded: Iterator[Block], name: str, max_seconds: float) -> Clip | None:
    """Blocks as one clip, or None if there are none; damage at the end loses only the end."""
    blocks: list[np.ndarray] = []
    rate = count = values = damaged = 0
    try:
        for block_rate, block in decoded:
            if rate and block_rate != rate:
                break
            rate = block_rate
            bad = ~(np.abs(block) <= MAX_AMPLITUDE)  # true for NaN, too
            damaged += int(bad.sum())
            values += block.size
            blocks.append(np.where(bad, 0, block).mean(axis=1, dtype=np.float64).astype(np.float32))
            count += len(block)
            _check_length(name, count / rate, max_seconds)
    except AudioError:
        raise
    except Exception:  # what was decoded before the damage is still worth hearing
        if not count:
            raise
    if not count:
        return None
    if damaged > MAX_DAMAGED * values:
        raise AudioError(
            f"{name} is damaged: {damaged / values:.0%} of its samples are not finite numbers, "
            f"at most {MAX_DAMAGED:.0%} may be. Export it again."
        )
    if count / rate < MIN_SECONDS:
        raise AudioError(
            f"{name} lasts {count / rate:.3f} s; at least {MIN_SECONDS} s is needed. "
            "Record a whole sentence and try again."
        )
    return Clip(np.concatenate(blocks), rate)


def _float32(frames: np.ndarray) -> np.ndarray:
    """Samples of any type as float32, full scale being 1; shape kept."""
    if frames.dtype == np.uint8:
        return (frames.astype(np.float32) - 128) / 128
    if frames.dtype.kind == "i":
        return (frames / -float(np.iinfo(frames.dtype).min)).astype(np.float32)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, counted as damage
        return frames.astype(np.float32)


def _check_format(name: str, sample_rate: int, channels: int) -> None:
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


def _check_length(name: str, seconds: float, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise AudioError(
            f"{name} lasts {_duration(seconds)}; at most {_duration(max_seconds)} can be heard. "
            "Cut it and try again."
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    parts = [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest)
    return " ".join(parts) or "0 s"


def _nothing_heard(name: str) -> AudioError:
    return AudioError(f"{name} holds no sound (its length is zero). Record it again.")

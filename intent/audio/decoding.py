"""Decode files into blocks of float32 frames, with libsndfile or else with FFmpeg's libraries.

Memory and time are bounded, whatever the header of a file claims.
"""

import io
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from intent.compat import limit_ffmpeg_allocation
from intent.errors import AudioError, TooLongError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from av import AudioFrame

MIN_SAMPLE_RATE = 1_000  # Hz
MAX_SAMPLE_RATE = 384_000  # Hz
MAX_CHANNELS = 64
MAX_VALUES = 60_000_000  # samples × channels of a recording; 5 min of stereo at 96 kHz have 57.6 M
MAX_DECODE_SECONDS = 3.0  # of one core per recording; 5 min of stereo Opus take about 1 s
BLOCK_FRAMES = 4_096  # decoded at a time: limits memory, and the loss if the end is damaged
UNKNOWN_FRAMES = 2**62  # libsndfile returns a count near 2**63 if the header has none

# FFmpeg opens only containers of sound: a playlist could name other files and URLs.
CONTAINERS = "aac,ac3,aiff,amr,asf,avi,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"

# FFmpeg decodes only sound, even while it probes: an image or video in the file could be a bomb.
CODECS = (
    "aac,aac_latm,ac3,eac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,amrnb,"
    "amrwb,dca,flac,g722,g726,gsm,gsm_ms,ilbc,libopus,libvorbis,mp1,mp1float,mp2,mp2float,mp3,"
    "mp3float,nellymoser,opus,pcm_alaw,pcm_bluray,pcm_dvd,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,"
    "pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u16be,"
    "pcm_u16le,pcm_u24be,pcm_u24le,pcm_u32be,pcm_u32le,pcm_u8,speex,tta,vorbis,wavpack,wmapro,"
    "wmav1,wmav2,wmavoice"
)
MAX_FRAME_VALUES = 2**22  # samples × channels of an FFmpeg frame; FLAC's largest, with 64 channels
FFMPEG_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "protocol_whitelist": "none",
    "codec_whitelist": CODECS,
    "max_streams": "8",  # FFmpeg keeps a decoder and an index for each; videos of phones have five
}
# Bytes of one allocation of FFmpeg. A header of ten kilobytes can claim an index of gigabytes, which
# is allocated before anything is read. The index of five minutes of AAC takes 0.5 MB, the largest
# frame in use (FLAC: 65,535 samples of 8 channels in 32 bits) 2 MB.
MAX_ALLOCATION = 10_000_000

BinaryFile = io.BufferedReader | io.BytesIO
Block = tuple[int, np.ndarray]  # sample rate in Hz, (frames, channels) float32


@dataclass(frozen=True)
class Bounds:
    """How long a recording may be, and how many samples × channels it may have."""

    seconds: float
    values: int = MAX_VALUES


class TimedFile(io.RawIOBase):
    """A file that ends early when its decoder has used up its time.

    Within a block, a decoder may search gigabytes of damaged data for the next one, and the end of
    the file is the only way to interrupt it. The time is the processor time of the thread, so that
    other recordings decoded at the same time do not count.
    """

    def __init__(self, file: BinaryFile, seconds: float) -> None:
        self.file, self.seconds = file, seconds
        self.deadline = time.thread_time() + seconds

    @property
    def late(self) -> bool:
        """Return whether the time limit is reached."""
        return time.thread_time() >= self.deadline

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or none after the deadline."""
        return b"" if self.late else self.file.read(size)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into a buffer and return the number of bytes, or 0 after the deadline."""
        return 0 if self.late else self.file.readinto(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position in the file, and return it."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in the file."""
        return self.file.tell()

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


class _Sound(soundfile.SoundFile):
    """A sound file that does not seek while it reads FLAC.

    After each block, soundfile seeks to the position where it already is; for FLAC, libsndfile then
    decodes the previous block again, up to four times the work. Other formats still seek: without it
    the last bits of MP3 differ, and so would the hashes of clips.
    """

    def seekable(self) -> bool:
        """Return False for FLAC, so that soundfile does not seek."""
        return self.format != "FLAC" and super().seekable()


Decoder = Callable[[TimedFile, str, Bounds], Iterator[Block]]


def decode_with_soundfile(file: TimedFile, name: str, bounds: Bounds) -> Iterator[Block]:
    """Yield the blocks of a file, decoded by libsndfile; raises its errors, or AudioError."""
    with _Sound(file) as sound:
        check_format(name, sound.samplerate, sound.channels)
        if sound.frames >= UNKNOWN_FRAMES:
            raise ValueError(
                "no length in the header: libsndfile would lose the end, FFmpeg does not"
            )
        check_length(name, sound.frames / sound.samplerate, bounds.seconds)
        check_values(name, sound.samplerate, sound.channels, sound.frames, bounds.values)
        while len(block := sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
            yield sound.samplerate, block


def decode_with_ffmpeg(file: TimedFile, name: str, bounds: Bounds) -> Iterator[Block]:
    """Yield the blocks of a file, decoded by PyAV; raises its errors, or AudioError."""
    import av

    limit_ffmpeg_allocation(MAX_ALLOCATION)
    with av.open(
        file, mode="r", container_options=FFMPEG_OPTIONS, metadata_errors="ignore"
    ) as container:
        if not container.streams.audio:
            raise AudioError(f"{name} has no audio track. Choose a recording with sound.")
        stream = container.streams.audio[0]
        codec = stream.codec_context
        if codec.sample_rate and codec.channels:
            check_format(name, codec.sample_rate, codec.channels)
        if container.duration is not None:
            seconds = container.duration / av.time_base
            frames = int(seconds * codec.sample_rate)
            check_length(name, seconds, bounds.seconds)
            check_values(name, codec.sample_rate, codec.channels, frames, bounds.values)
        codec.thread_count = 1  # TimedFile measures the time of one thread
        codec.options = {"max_samples": str(MAX_FRAME_VALUES), "codec_whitelist": CODECS}
        for frame in container.decode(stream):
            yield from _blocks_of(frame, name)


DECODERS: tuple[Decoder, ...] = (decode_with_soundfile, decode_with_ffmpeg)  # in this order


def _blocks_of(frame: "AudioFrame", name: str) -> Iterator[Block]:
    channels = frame.layout.nb_channels
    check_format(name, frame.sample_rate, channels)
    array = frame.to_ndarray()  # planar: (channels, n); packed: (1, n * channels)
    frames = array.T if frame.format.is_planar else array.reshape(-1, channels)
    for start in range(0, len(frames), BLOCK_FRAMES):
        yield frame.sample_rate, as_float32(frames[start : start + BLOCK_FRAMES])


def as_float32(frames: np.ndarray) -> np.ndarray:
    """Return samples of any type as float32 with full scale 1, in the same shape."""
    if frames.dtype == np.uint8:
        return (frames.astype(np.float32) - 128) / 128
    if frames.dtype.kind == "i":
        return (frames / -float(np.iinfo(frames.dtype).min)).astype(np.float32)
    with np.errstate(over="ignore"):  # becomes inf, which counts as damage
        return frames.astype(np.float32)


def check_format(name: str, sample_rate: int, channels: int) -> None:
    """Raise AudioError for a sample rate in Hz or a number of channels out of range."""
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
    """Raise TooLongError for a recording that is too long."""
    if seconds > max_seconds:
        raise TooLongError(
            f"{name} is {_duration(seconds)} long; at most {_duration(max_seconds)} are supported. "
            "Shorten it and try again."
        )


def check_values(
    name: str, sample_rate: int, channels: int, frames: int, max_values: int = MAX_VALUES
) -> None:
    """Raise TooLongError for too many samples × channels."""
    if frames * channels > max_values:
        raise TooLongError(
            f"{name} has {frames * channels / 1e6:.0f} million samples ({channels} "
            f"channel{'s' if channels > 1 else ''} at {sample_rate} Hz); at most "
            f"{max_values / 1e6:.0f} million are supported. Export it again in mono at 16000 Hz."
        )


def check_time(name: str, file: TimedFile) -> None:
    """Raise AudioError if the time limit of a recording is reached."""
    if file.late:
        raise AudioError(
            f"{name} takes more than {file.seconds:.3g} s to decode: it is damaged or in an unusual "
            "format. Export it again as WAV, in mono at 16000 Hz."
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    parts = [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest)
    return " ".join(parts) or "0 s"

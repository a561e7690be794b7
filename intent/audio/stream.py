"""Read a long recording as blocks of 16 kHz samples, in memory that does not grow with its length."""

import io
import itertools
import time
from collections.abc import Iterator

import numpy as np
import soxr

from intent.audio.channels import ChannelPowers
from intent.audio.clip import MAX_AMPLITUDE, MAX_SECONDS, check_usable, no_samples, not_readable
from intent.audio.decoding import (
    DECODERS,
    MAX_DECODE_SECONDS,
    MAX_VALUES,
    BinaryFile,
    Block,
    Bounds,
    TimedFile,
    check_length,
    check_time,
    check_values,
)
from intent.audio.sample_buffer import REDUCED_RATE, downmix
from intent.audio.source import Source, opened
from intent.errors import AudioError

MAX_STREAM_SECONDS = 5_400  # 90 min
BOUNDS = Bounds(MAX_STREAM_SECONDS, MAX_VALUES * MAX_STREAM_SECONDS // MAX_SECONDS)
# Processor time that each second of sound adds to MAX_DECODE_SECONDS: three times what stereo Opus
# takes. A file that yields no sound gets no more time for being long.
DECODE_SECONDS_PER_SECOND = 0.01
CHUNK_FRAMES = 16_384  # mixed and resampled at a time, however a decoder cuts its blocks


class RecordingStream:
    """A recording of up to 90 minutes that is decoded while it is iterated over, once.

    Yields blocks (n,) float32 at 16 kHz. Channels are averaged; where, as measured up to there, they
    cancel each other, the loudest is used. Damage ends the recording, and up to 1 % of damaged samples
    become silence. Raises AudioError as `read_clip` does, for some damage only at the end.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seconds = 0.0  # decoded so far
        self.share = 0.0  # of the file, 0..1, read so far

    def __iter__(self) -> Iterator[np.ndarray]:
        with opened(self.source) as (file, name):
            yield from self._resampled(file, name)
        self.share = 1.0

    def _resampled(self, file: BinaryFile, name: str) -> Iterator[np.ndarray]:
        size = max(1, file.seek(0, io.SEEK_END))
        resampler: soxr.ResampleStream | None = None
        powers = ChannelPowers(MAX_AMPLITUDE)
        values = damaged = 0
        count = rate = 0
        for rate, chunk in powers.measured(_equal_chunks(_decoded(file, name))):
            channel = powers.loudest_if_cancelled()
            mono, bad = downmix(chunk if channel is None else chunk[:, [channel]], MAX_AMPLITUDE)
            damaged += bad
            values += chunk.size if channel is None else len(chunk)
            count += len(chunk)
            self.seconds = count / rate
            self.share = max(self.share, min(1.0, file.tell() / size))
            if resampler is None and rate != REDUCED_RATE:
                resampler = soxr.ResampleStream(rate, REDUCED_RATE, 1, dtype="float32")
            yield resampler.resample_chunk(mono) if resampler else mono
        check_usable(name, damaged / values, count / rate)
        if resampler:
            yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _decoded(file: BinaryFile, name: str) -> Iterator[Block]:
    """Yield the blocks of the first decoder that finds samples, until their rate changes."""
    timed = TimedFile(file, MAX_DECODE_SECONDS)  # shared by both decoders
    was_opened = False
    for decode in DECODERS:
        file.seek(0)
        blocks = _timed(decode(timed, name, BOUNDS), timed, name)
        try:
            first = next(blocks, None)
        except AudioError:
            raise
        except Exception:  # noqa: BLE001, S112 - decoders raise nearly anything for damaged files
            check_time(name, timed)
            continue
        was_opened = True
        if first is not None:
            yield from _bounded(itertools.chain([first], _until_damage(blocks)), name)
            return
    raise no_samples(name) if was_opened else not_readable(name)


def _timed(blocks: Iterator[Block], timed: TimedFile, name: str) -> Iterator[Block]:
    """Yield blocks while their decoding, in whichever thread, takes no more time than is allowed."""
    left = timed.deadline - time.thread_time()
    while True:
        timed.deadline = time.thread_time() + left
        block = next(blocks, None)
        check_time(name, timed)
        if block is None:
            return
        allowed = DECODE_SECONDS_PER_SECOND * len(block[1]) / block[0]
        timed.seconds += allowed
        left = timed.deadline - time.thread_time() + allowed
        yield block


def _until_damage(blocks: Iterator[Block]) -> Iterator[Block]:
    try:
        yield from blocks
    except AudioError:
        raise
    except Exception:  # noqa: BLE001 - what was decoded before the damage is kept
        return


def _bounded(blocks: Iterator[Block], name: str) -> Iterator[Block]:
    """Yield blocks of one rate up to the limits; raises TooLongError, whatever the header claimed."""
    values = count = first_rate = 0
    for rate, block in blocks:
        first_rate = first_rate or rate
        if rate != first_rate:
            return
        count += len(block)
        values += block.size
        channels = block.shape[1]
        check_length(name, count / rate, BOUNDS.seconds)
        check_values(name, rate, channels, -(-values // channels), BOUNDS.values)
        yield rate, block


def _equal_chunks(blocks: Iterator[Block]) -> Iterator[Block]:
    """Regroup blocks by CHUNK_FRAMES; the last one, and one before the channels change, are shorter."""
    held: list[np.ndarray] = []
    rate = count = 0
    for rate, block in blocks:
        if held and block.shape[1] != held[0].shape[1]:
            yield rate, np.concatenate(held)
            held, count = [], 0
        held.append(block)
        count += len(block)
        if count >= CHUNK_FRAMES:
            joined = np.concatenate(held)
            whole = count - count % CHUNK_FRAMES
            for start in range(0, whole, CHUNK_FRAMES):
                yield rate, joined[start : start + CHUNK_FRAMES]
            held, count = [joined[whole:]], count - whole
    if count:
        yield rate, np.concatenate(held)

"""Detect speech in sound that is still arriving, frame by frame, as voice_activity does in a clip."""

from dataclasses import dataclass, field, replace

import numpy as np

from intent.audio.clip import Clip, resample
from intent.audio.level import LEVEL_SECONDS
from intent.audio.voice_activity import (
    CONTEXT_SAMPLES,
    FRAME_SAMPLES,
    FRAME_SECONDS,
    MIN_PROBABILITY,
    MIN_SPAN_FRAMES,
    SAMPLE_RATE,
    State,
    gain_for,
    load_network,
)

LEVEL_FRAMES = round(LEVEL_SECONDS / FRAME_SECONDS)
EDGE_SECONDS = 0.01  # of sound before and after a frame that its resampling looks at


@dataclass(frozen=True, eq=False)
class SpeechStream:
    """What the detector knows of the frames so far.

    A clip is normalized as a whole; here the offset and the gain follow from the frames so far.
    """

    frames: int = 0
    first_speech: int | None = None  # frame where the first span of speech begins
    speech_frames: int = 0  # in spans of at least 0.13 s, as in find_speech
    silent_frames: int = 0  # since the last such span
    run: int = 0  # speech frames up to now without a break
    network: State | None = None
    before: np.ndarray = field(default_factory=lambda: np.zeros(CONTEXT_SAMPLES, np.float32))
    total: float = 0.0  # of all samples
    powers: tuple[float, ...] = ()  # of the last quarter second of frames
    loudest: float = 0.0  # mean power of the loudest quarter second

    def hear(self, frames: np.ndarray) -> list["SpeechStream"]:
        """Return the state after each of some frames, (n, 512) float32 at 16 kHz."""
        import torch

        levels = [self]
        inputs = np.empty((len(frames), CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        for row, frame in enumerate(frames):
            last = levels[-1]
            levels.append(last._measure(frame))
            inputs[row] = np.concatenate([last.before, frame])
            gain = gain_for(levels[-1].loudest ** 0.5)
            inputs[row] = (inputs[row] - levels[-1]._offset()) * gain
        with torch.inference_mode():
            found, network = load_network()(torch.from_numpy(inputs), self.network)
        after = [self]
        for level, probability in zip(levels[1:], found.tolist(), strict=True):
            after.append(after[-1]._count(level, probability >= MIN_PROBABILITY))
        # The network's memory is known after the last frame only: nobody continues from another.
        return [*after[1:-1], replace(after[-1], network=network)]

    def _measure(self, frame: np.ndarray) -> "SpeechStream":
        heard = replace(self, frames=self.frames + 1, total=self.total + float(frame.sum()))
        power = float(np.mean(np.square(frame - heard._offset())))
        powers = (*self.powers, power)[-LEVEL_FRAMES:]
        before = self.loudest if len(self.powers) == LEVEL_FRAMES else 0.0
        loudest = max(before, sum(powers) / len(powers))
        return replace(heard, before=frame[-CONTEXT_SAMPLES:], powers=powers, loudest=loudest)

    def _offset(self) -> float:
        return self.total / (self.frames * FRAME_SAMPLES)

    def _count(self, level: "SpeechStream", is_speech: bool) -> "SpeechStream":
        run = self.run + 1 if is_speech else 0
        new = run if run == MIN_SPAN_FRAMES else int(run > MIN_SPAN_FRAMES)
        first = level.frames - run if new and self.first_speech is None else self.first_speech
        return replace(
            level,
            run=run,
            first_speech=first,
            speech_frames=self.speech_frames + new,
            silent_frames=0 if run >= MIN_SPAN_FRAMES else self.silent_frames + 1,
        )


def frame_start(number: int, sample_rate: int) -> int:
    """Return the first sample of a 32 ms frame in sound at any rate in Hz."""
    return round(number * FRAME_SAMPLES * sample_rate / SAMPLE_RATE)


def frames_in(count: int, sample_rate: int) -> int:
    """Return how many frames so many samples complete, each with the sound after it that it needs."""
    usable = count - round(EDGE_SECONDS * sample_rate)
    number = max(0, usable * SAMPLE_RATE // (FRAME_SAMPLES * sample_rate))
    while frame_start(number + 1, sample_rate) <= usable:
        number += 1
    return number


def frame_at_16_khz(samples: np.ndarray, offset: int, number: int, sample_rate: int) -> np.ndarray:
    """Return a frame as (512,) float32 at 16 kHz, the same however its sound arrived.

    samples: (n,) float32, of which the first is sample number `offset` of all sound.
    """
    edge = round(EDGE_SECONDS * sample_rate)
    start = frame_start(number, sample_rate) - offset
    end = frame_start(number + 1, sample_rate) - offset
    first = max(0, start - edge)
    sound = resample(Clip(samples[first : end + edge], sample_rate), SAMPLE_RATE).samples
    skipped = round((start - first) * SAMPLE_RATE / sample_rate)
    frame = sound[skipped : skipped + FRAME_SAMPLES]
    return np.pad(frame, (0, FRAME_SAMPLES - len(frame)))

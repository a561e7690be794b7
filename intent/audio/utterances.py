"""Cut a recording into utterances by its pauses, while it is read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from intent.audio.clip import Clip
from intent.audio.speech_part import MIN_SPEECH_SECONDS, margin
from intent.audio.voice_activity import (
    FRAME_SAMPLES,
    FRAME_SECONDS,
    MIN_PROBABILITY,
    MIN_SPAN_FRAMES,
    SAMPLE_RATE,
    frame_spans,
    stream_probabilities,
)

PAUSE_SECONDS = 0.7  # without speech end an utterance: pauses within a sentence are shorter
PAUSE_FRAMES = round(PAUSE_SECONDS / FRAME_SECONDS)
# An utterance longer than a model's window is cut, but not into pieces shorter than a sentence: of
# these, a model with a shorter window gets the beginning, as it does of a clip.
SHORTEST_CUT_SECONDS = 5.0
LONGEST_SECONDS = 30.0  # of an utterance, for a model without a window: bounds memory
MIN_SPEECH_FRAMES = MIN_SPEECH_SECONDS / FRAME_SECONDS


@dataclass(frozen=True)
class SpokenPart:
    """An utterance: where its speech is, and its sound with some of the pauses around it."""

    start: float  # s
    end: float  # s
    clip: Clip  # at 16 kHz


def spoken_parts(
    blocks: Iterable[np.ndarray], window_seconds: float
) -> Iterator[tuple[SpokenPart, ...]]:
    """Yield, for each 16 s of a recording, the utterances that have ended there, as `cut` does.

    `blocks` (n,) float32 at 16 kHz, of any lengths.
    """
    probable = stream_probabilities(blocks)
    return cut(((samples, p >= MIN_PROBABILITY) for samples, p in probable), window_seconds)


def cut(
    stretches: Iterable[tuple[np.ndarray, np.ndarray]], window_seconds: float
) -> Iterator[tuple[SpokenPart, ...]]:
    """Yield the utterances that have ended with each stretch of a recording, and those at its end.

    A stretch is its 16 kHz samples, and whether each 32 ms of them is speech. An utterance ends before
    0.7 s without speech. One longer than the window is cut at the longest pause within it, or else at
    the window's end. One of less than 0.25 s of speech does not count. The sound of each has at both
    ends up to the margin of a clip (audio/speech_part.py), without the speech of its neighbors.
    """
    cutter = _Cutter(window_seconds)
    for samples, is_speech in stretches:
        cutter.add(samples, is_speech)
        yield tuple(cutter.finished())
    yield tuple(cutter.finished(is_last=True))


class _Cutter:
    """The end of a recording so far, from which utterances are cut; counts in frames of 32 ms."""

    def __init__(self, window_seconds: float) -> None:
        longest = min(LONGEST_SECONDS, max(SHORTEST_CUT_SECONDS, window_seconds))
        self.window = int(longest / FRAME_SECONDS)
        self.margin = round(margin(window_seconds) / FRAME_SECONDS)
        self.first = 0  # the frame of the recording at which the kept part begins
        self.cut_at = 0  # the frame at which the last utterance ended
        self.samples = np.zeros(0, np.float32)
        self.is_speech = np.zeros(0, bool)

    def add(self, samples: np.ndarray, is_speech: np.ndarray) -> None:
        """Append frames and their samples; only the last ones of a recording may be incomplete."""
        self.samples = np.concatenate([self.samples, samples])
        self.is_speech = np.concatenate([self.is_speech, is_speech])

    def finished(self, is_last: bool = False) -> Iterator[SpokenPart]:
        """Yield the utterances that have ended, and forget what comes before the next one."""
        while spans := self._spans():
            used = self._next(spans, is_last)
            if used is None:
                break
            after = next((start for start, end in self._spans() if end > used[-1][1]), None)
            part = self._part(used, after)
            self.cut_at = used[-1][1]
            if sum(end - start for start, end in used) >= MIN_SPEECH_FRAMES:
                yield part
        self._forget(spans)

    def _spans(self) -> list[tuple[int, int]]:
        """Return the spans of speech that are in no utterance yet, as frames of the recording."""
        begin = max(0, self.cut_at - self.first)
        spans = frame_spans(self.is_speech[begin:])
        return [(start + begin + self.first, end + begin + self.first) for start, end in spans]

    def _next(self, spans: list[tuple[int, int]], is_last: bool) -> list[tuple[int, int]] | None:
        """Return the spans of the next utterance, or None while it may go on.

        A span counts from its fourth frame on, so a decision waits that long: what is decided does
        not depend on where the recording so far ends.
        """
        known = self.first + len(self.is_speech) - MIN_SPAN_FRAMES
        limit = spans[0][0] + self.window
        pauses = [after[0] - before[1] for before, after in zip(spans, spans[1:], strict=False)]
        count = next((n for n, pause in enumerate(pauses, 1) if pause >= PAUSE_FRAMES), len(spans))
        end = spans[count - 1][1]
        if end <= limit:
            is_over = is_last or count < len(spans) or known >= end + max(PAUSE_FRAMES, self.margin)
            return spans[:count] if is_over else None
        if known < limit and not is_last:
            return None
        within = [n for n in range(1, count) if spans[n][0] <= limit]
        if within:
            return spans[: max(within, key=lambda n: (pauses[n - 1], n))]
        return [(spans[0][0], limit)]

    def _part(self, used: list[tuple[int, int]], after: int | None) -> SpokenPart:
        start, end = used[0][0], used[-1][1]
        lead = min(self.margin, max(0, self.window - (end - start)))
        begin = max(self.cut_at, start - lead)
        stop = end + self.margin if after is None else min(end + self.margin, max(end, after))
        samples = self.samples[
            (begin - self.first) * FRAME_SAMPLES : (stop - self.first) * FRAME_SAMPLES
        ]
        recorded = self.first * FRAME_SECONDS + len(self.samples) / SAMPLE_RATE
        end_seconds = min(end * FRAME_SECONDS, recorded)
        return SpokenPart(start * FRAME_SECONDS, end_seconds, Clip(samples, SAMPLE_RATE))

    def _forget(self, spans: list[tuple[int, int]]) -> None:
        """Drop what no utterance will use: before the next one's margin, or before the last margin."""
        reached = self.first + len(self.is_speech)
        start = spans[0][0] if spans else max(self.cut_at, reached - MIN_SPAN_FRAMES)
        dropped = max(0, start - self.margin - self.first)
        self.samples = self.samples[dropped * FRAME_SAMPLES :].copy()
        self.is_speech = self.is_speech[dropped:].copy()
        self.first += dropped

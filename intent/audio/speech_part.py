"""Choose the part of a recording that a model uses: from shortly before its speech to shortly after."""

import math
from dataclasses import dataclass

from intent.audio.clip import Clip
from intent.audio.voice_activity import Spans, find_speech

MIN_SPEECH_SECONDS = 0.25  # no word is shorter
# Kept before the first speech and after the last, for models are trained with some of the silence that
# callers leave. Chosen by cross-validation on 450 training clips (tests/benchmarks/speech_margin.py):
# from 1 s to 15 s the accuracy is within 0.4 points, highest here, and the log loss is lowest here.
MARGIN_SECONDS = 2.5
MARGIN_OF_WINDOW = 0.25  # at most this share, so that a short window is not silence only


@dataclass(frozen=True)
class SpeechPart:
    """The part of a recording without the non-speech at its ends; a model's window begins there."""

    start: float  # s
    end: float  # s
    is_whole: bool  # nothing is cut off its ends
    has_speech: bool  # at least 0.25 s within the window

    def cut(self, clip: Clip) -> Clip:
        """Return this part of the recording; the same object if it is all of it."""
        if self.is_whole:
            return clip
        first, last = round(self.start * clip.sample_rate), round(self.end * clip.sample_rate)
        return Clip(clip.samples[first:last], clip.sample_rate)


def speech_part(clip: Clip, window_seconds: float = math.inf) -> SpeechPart:
    """Return the part of a recording that a model with this window uses, as `choose_part` does."""
    return choose_part(find_speech(clip), clip.seconds, window_seconds)


def choose_part(spans: Spans, seconds: float, window_seconds: float = math.inf) -> SpeechPart:
    """Return the part to use of a recording of so many seconds with speech in `spans`.

    It begins shortly before the first speech and ends shortly after the last, by `margin`. A first
    sound so short that the window from there on has less than 0.25 s of speech does not count.
    Without speech, the part is the whole recording.
    """
    kept = margin(window_seconds)
    for first, _ in spans:
        start = max(0.0, first - kept)
        window_end = start + window_seconds
        in_window = sum(max(0.0, min(end, window_end) - max(begin, start)) for begin, end in spans)
        if in_window >= MIN_SPEECH_SECONDS:
            end = min(seconds, spans[-1][1] + kept)
            return SpeechPart(start, end, start == 0 and end == seconds, True)
    return SpeechPart(0.0, seconds, True, False)


def margin(window_seconds: float) -> float:
    """Return the seconds before the first speech and after the last that are kept."""
    return min(MARGIN_SECONDS, MARGIN_OF_WINDOW * window_seconds)

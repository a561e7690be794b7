"""Classify a long recording utterance by utterance, while it is read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from intent.audio.source import Source
from intent.audio.stream import RecordingStream
from intent.audio.utterances import SpokenPart, spoken_parts
from intent.errors import IntentError
from intent.models.classifier import MIN_SCORE, Score, known_score, model_input, predict_all
from intent.models.loading import Loaded, loaded
from intent.paths import BUNDLED


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech in a recording, and its most likely intents."""

    start: float  # s
    end: float  # s
    top: tuple[Score, ...]  # highest score first
    known: bool = True  # the top label is not the reject label
    known_score: float = 1.0  # 0..1: 1 − the score of the reject label

    @property
    def sure(self) -> bool:
        """Whether the top score is MIN_SCORE or more."""
        return self.top[0].score >= MIN_SCORE

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.end - self.start

    def to_json(self) -> dict[str, object]:
        """Return the utterance as JSON values."""
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "top": [one.to_json() for one in self.top],
            "sure": self.sure,
            "known": self.known,
            "known_score": round(self.known_score, 6),
        }


@dataclass(frozen=True)
class Step:
    """What a further part of a recording added to its timeline."""

    utterances: tuple[Utterance, ...]  # that ended in it, in order
    seconds: float  # of the recording that have been read
    share: float  # of the file that has been read, 0..1


@dataclass(frozen=True)
class Summary:
    """How the time of a recording is divided, in seconds."""

    intents: tuple[tuple[str, float], ...]  # of the leading intents that are sure, longest first
    not_known: float  # the reject label leads, sure or not
    not_sure: float  # an intent leads that is not sure
    no_speech: float


def timeline(source: Source, checkpoint: str = BUNDLED, top_k: int = 5) -> Iterator[Utterance]:
    """Yield the utterances of a recording of up to 90 minutes, in order, as `steps` does."""
    for step in steps(source, checkpoint, top_k):
        yield from step.utterances


def steps(source: Source, checkpoint: str = BUNDLED, top_k: int = 5) -> Iterator[Step]:
    """Yield the utterances of a recording in steps of about 16 s, each with its top-k labels.

    It is read in a stream: the memory does not grow with its length. Raises AudioError where it
    cannot be read, also after some steps; CheckpointError and IntentError as `classify` does.
    """
    if top_k < 1:
        raise IntentError(f"The number of intents (top_k) must be 1 or more, but is {top_k}.")
    model = loaded(checkpoint)
    recording = RecordingStream(source)
    for parts in spoken_parts(recording, model.longest_seconds):
        yield Step(_classified(model, parts, top_k), recording.seconds, recording.share)


def summarize(utterances: Iterable[Utterance], seconds: float) -> Summary:
    """Return how a recording of so many seconds is divided between its intents."""
    durations: dict[str, float] = {}
    not_known = not_sure = 0.0
    no_speech = seconds
    for utterance in utterances:
        no_speech -= utterance.seconds
        if not utterance.known:
            not_known += utterance.seconds
        elif utterance.sure:
            label = utterance.top[0].label
            durations[label] = durations.get(label, 0.0) + utterance.seconds
        else:
            not_sure += utterance.seconds
    ranked = sorted(durations.items(), key=lambda pair: -pair[1])
    return Summary(tuple(ranked), not_known, not_sure, max(0.0, no_speech))


def clock(seconds: float) -> str:
    """Format a time in a recording, such as "2:05.3" or "1:02:05.3"."""
    tenths = round(seconds * 10)
    hours, minutes = divmod(tenths // 600, 60)
    rest = f"{tenths % 600 / 10:04.1f}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def _classified(model: Loaded, parts: tuple[SpokenPart, ...], top_k: int) -> tuple[Utterance, ...]:
    """Run the model on several utterances together."""
    if not parts:
        return ()
    scores = predict_all(model, [model_input(part.clip, model) for part in parts])
    return tuple(
        Utterance(
            part.start,
            part.end,
            ranked[:top_k],
            known=ranked[0].label != model.reject_label,
            known_score=known_score(ranked, model.reject_label),
        )
        for part, ranked in zip(parts, scores, strict=True)
    )

"""What happens in a run: typed events, as JSON lines and folded into a history."""

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Started:
    """Training begins, or goes on (`resumed`)."""

    method: str
    labels: tuple[str, ...]
    train_clips: int
    test_clips: int
    seen_clips: int  # of the test part, left out since the base has learnt from them
    device: str
    resumed: bool = False
    step: int | None = None  # of the checkpoint that it goes on from; -1: from none; None: unknown
    time: float = 0.0  # seconds since the epoch, here and below


@dataclass(frozen=True)
class Phase:
    """What is happening now, in words such as "Reading audio" or "Training, epoch 3 of 10"."""

    name: str
    time: float = 0.0


@dataclass(frozen=True)
class Progress:
    """How far the present phase is; `done` and `total` count clips, or steps while training."""

    done: int
    total: int
    clips_per_second: float
    seconds_left: float | None
    epoch: float | None = None
    time: float = 0.0


@dataclass(frozen=True)
class Halved:
    """The accelerator's memory was too small: fewer clips go through it at a time from now on.

    Each step still learns from as many: from `clips_at_once` in each of `passes`.
    """

    clips_at_once: int
    passes: int
    time: float = 0.0


@dataclass(frozen=True)
class Skipped:
    """A clip that could not be read and was left out."""

    clip: str
    reason: str
    time: float = 0.0


@dataclass(frozen=True)
class TrainPoint:
    """Loss and accuracy counted in the training forward passes since the point before."""

    step: float  # optimiser steps; micro-batches are fractions
    epoch: float
    loss: float
    accuracy: float  # 0..1
    time: float = 0.0


@dataclass(frozen=True)
class EvalPoint:
    """Accuracy on the test part; `clips` is the number of training clips heard so far (Instant)."""

    accuracy: float  # 0..1
    loss: float | None = None
    step: float | None = None
    epoch: float | None = None
    clips: int | None = None
    time: float = 0.0


@dataclass(frozen=True)
class Saved:
    """A whole checkpoint has been moved into the run's `model/`."""

    accuracy: float  # 0..1, on the test part
    time: float = 0.0


@dataclass(frozen=True)
class Finished:
    """The end of a run that left a checkpoint; `outcome` is done, stopped or out of time."""

    outcome: str
    accuracy: (
        float | None
    )  # 0..1, on test clips that were not seen in training; None: there are none
    interval: tuple[float, float] | None  # 95 %
    clips: int  # test clips behind the accuracy
    seconds: float  # of work, all sittings together
    time: float = 0.0


@dataclass(frozen=True)
class Failed:
    """The end of a run that could not go on, with a sentence for its owner."""

    message: str
    time: float = 0.0


Event = (
    Started
    | Phase
    | Progress
    | Halved
    | Skipped
    | TrainPoint
    | EvalPoint
    | Saved
    | Finished
    | Failed
)
_TYPES = {kind.__name__: kind for kind in Event.__args__}


@dataclass(frozen=True)
class History:
    """All that the events of a run say, so far."""

    started: Started | None = None
    phase: str = ""
    progress: Progress | None = None  # of the present phase
    learning: Progress | None = None  # the last that counted epochs
    halved: Halved | None = None
    skipped: tuple[Skipped, ...] = ()
    train: tuple[TrainPoint, ...] = ()
    evaluations: tuple[EvalPoint, ...] = ()
    saved: Saved | None = None
    end: Finished | Failed | None = None
    count: int = field(default=0)  # events folded so far

    @property
    def accuracy(self) -> float | None:
        """The final accuracy, or that of the latest evaluation while there is none; 0..1."""
        if isinstance(self.end, Finished):
            return self.end.accuracy
        return self.evaluations[-1].accuracy if self.evaluations else None

    @property
    def chance(self) -> float | None:
        """The accuracy of guessing: one over the number of intents."""
        return 1 / len(self.started.labels) if self.started and self.started.labels else None


def halved_in_words(event: Halved) -> str:
    """Return what somebody is told who waits for a run whose memory was too small."""
    return (
        f"The accelerator's memory was too small, so that {event.clips_at_once} recordings go "
        f"through it at a time now, {event.passes} times for a step. A step learns from as many as "
        "before, more slowly."
    )


def to_line(event: Event) -> str:
    """Return the event as one line of JSON, without a line break.

    JSON knows no NaN and no infinity (the loss of a run that diverged): they become null.
    """
    values = {name: _finite(value) for name, value in dataclasses.asdict(event).items()}
    return json.dumps({"event": type(event).__name__, **values}, allow_nan=False)


def from_line(line: str) -> Event | None:
    """Return the event of a JSON line, or None for a line that is no event (half written, foreign).

    A null where a number must be is read as NaN.
    """
    try:
        values = json.loads(line)
        kind = _TYPES[values.pop("event")]
        hints = typing.get_type_hints(kind)
        return kind(**{name: _read(hints[name], value) for name, value in values.items()})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _finite(value: object) -> object:
    if isinstance(value, tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(hint: object, value: object) -> object:
    """Return a JSON value as the type of its field; raises TypeError for another type."""
    if isinstance(hint, types.UnionType):  # a type or None
        return None if value is None else _read(typing.get_args(hint)[0], value)
    if typing.get_origin(hint) is tuple:
        kinds = typing.get_args(hint)
        kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
        return tuple(_read(kind, item) for kind, item in zip(kinds, value, strict=True))
    if hint is float and value is None:
        return math.nan
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TypeError(f"{hint} expected, found {value!r}")
    return value


def add_event(history: History, event: Event) -> History:
    """Return the history with one more event: `functools.reduce(add_event, events, History())`."""
    history = replace(history, count=history.count + 1)
    match event:
        case Started():
            return replace(_until(history, event.step), started=event, end=None)
        case Phase():  # behind an end: another sitting has begun
            return replace(history, phase=event.name, progress=None, end=None)
        case Progress():
            learning = history.learning if event.epoch is None else event
            return replace(history, progress=event, learning=learning)
        case Halved():
            return replace(history, halved=event)
        case Skipped():  # each sitting reads the clips again
            known = any(skip.clip == event.clip for skip in history.skipped)
            return history if known else replace(history, skipped=(*history.skipped, event))
        case TrainPoint():
            return replace(history, train=(*history.train, event))
        case EvalPoint():  # what goes on behind its last step is tested there again
            earlier = (p for p in history.evaluations if p.step is None or p.step != event.step)
            return replace(history, evaluations=(*earlier, event))
        case Saved():
            return replace(history, saved=event)
        case Finished() | Failed():
            return replace(history, end=event, progress=None)
    raise TypeError(f"Unknown event: {event!r}")


def _until(history: History, step: int | None) -> History:
    """Leave out the points behind a checkpoint: what it goes on from draws them anew."""
    if step is None:
        return history
    return replace(
        history,
        train=tuple(point for point in history.train if point.step <= step),
        evaluations=tuple(p for p in history.evaluations if (p.step or p.clips or 0) <= step),
    )

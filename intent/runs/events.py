"""The typed events of a run: written as JSON lines, and folded into a history."""

import dataclasses
import json
import math
import typing
from dataclasses import dataclass, field, replace

from intent.json_reader import Number, read_json


@dataclass(frozen=True)
class Started:
    """Training begins, or resumes (`resumed`)."""

    method: str
    labels: tuple[str, ...]
    train_clips: int
    test_clips: int
    seen_clips: int  # test clips left out, since the base was trained on them
    device: str
    resumed: bool = False
    step: int | None = None  # of the checkpoint it resumes from; -1: none; None: unknown
    duplicate_clips: int = 0  # test clips left out, since they are in the training set too
    reject_label: str = ""  # of `labels`, the one that means "none of the intents"
    time: Number = 0.0  # seconds since the epoch, here and below


@dataclass(frozen=True)
class Phase:
    """The run enters a phase, such as "Reading audio" or "Training, epoch 3 of 10"."""

    name: str
    time: Number = 0.0


@dataclass(frozen=True)
class Progress:
    """Progress of the current phase; `done` and `total` count clips, or steps while training."""

    done: int
    total: int
    clips_per_second: Number
    seconds_left: float | None
    epoch: float | None = None
    time: Number = 0.0


@dataclass(frozen=True)
class Halved:
    """The accelerator ran out of memory: training continues with smaller batches, accumulated.

    The effective batch size stays the same: `passes` batches of `clips_at_once` clips a step.
    """

    clips_at_once: int
    passes: int
    time: Number = 0.0


@dataclass(frozen=True)
class Skipped:
    """A clip, a part of the data or several files were left out."""

    clip: str
    reason: str
    time: Number = 0.0


@dataclass(frozen=True)
class Notice:
    """A sentence on how training differs from what the base model would suggest."""

    sentence: str
    time: Number = 0.0


@dataclass(frozen=True)
class TrainPoint:
    """Training loss and accuracy, averaged since the previous point."""

    step: Number  # optimizer steps; micro-batches are fractions
    epoch: Number
    loss: Number
    accuracy: Number  # 0..1
    time: Number = 0.0


@dataclass(frozen=True)
class EvalPoint:
    """Accuracy on the test set; `clips` counts the training clips used so far (Instant)."""

    accuracy: Number  # 0..1
    loss: float | None = None
    step: float | None = None
    epoch: float | None = None
    clips: int | None = None
    time: Number = 0.0


@dataclass(frozen=True)
class Saved:
    """A complete checkpoint was moved into the run's `model/`."""

    accuracy: Number  # 0..1, on the test set
    time: Number = 0.0


@dataclass(frozen=True)
class Finished:
    """The run ended with a checkpoint; `outcome` is done, stopped or out of time."""

    outcome: str
    accuracy: float | None  # 0..1, on unseen test clips; None: there are none
    interval: tuple[Number, Number] | None  # 95 %
    clips: int  # test clips behind the accuracy, all of them of the intents
    seconds: Number  # of training, over all resumes
    time: Number = 0.0


@dataclass(frozen=True)
class Failed:
    """The run failed; `message` is a sentence for its owner."""

    message: str
    time: Number = 0.0


Event = (
    Started
    | Phase
    | Progress
    | Halved
    | Skipped
    | Notice
    | TrainPoint
    | EvalPoint
    | Saved
    | Finished
    | Failed
)
_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in typing.get_args(Event)}


@dataclass(frozen=True)
class History:
    """The state that a run's events add up to so far."""

    started: Started | None = None
    phase: str = ""
    progress: Progress | None = None  # of the current phase
    learning: Progress | None = None  # the latest that counted epochs
    halved: Halved | None = None
    skipped: tuple[Skipped, ...] = ()
    notices: tuple[str, ...] = ()
    train: tuple[TrainPoint, ...] = ()
    evaluations: tuple[EvalPoint, ...] = ()
    saved: Saved | None = None
    end: Finished | Failed | None = None
    count: int = field(default=0)  # events folded so far

    @property
    def accuracy(self) -> float | None:
        """Return the final accuracy, or that of the latest evaluation before the end; 0..1."""
        if isinstance(self.end, Finished):
            return self.end.accuracy
        return self.evaluations[-1].accuracy if self.evaluations else None

    @property
    def chance(self) -> float | None:
        """Return chance level: one over the number of intents."""
        if not self.started:
            return None
        intents = [label for label in self.started.labels if label != self.started.reject_label]
        return 1 / len(intents) if intents else None


def halved_in_words(event: Halved) -> str:
    """Return the notice for a run whose batches were made smaller."""
    return (
        f"The accelerator ran out of memory. Training continues with {event.passes} batches of "
        f"{event.clips_at_once} recordings per step: the same effective batch size, but slower."
    )


def to_line(event: Event) -> str:
    """Return the event as one line of JSON, without a line break.

    JSON has no NaN and no infinity (the loss of a run that diverged): they become null.
    """
    values = {name: _for_json(value) for name, value in dataclasses.asdict(event).items()}
    return json.dumps({"event": type(event).__name__, **values}, allow_nan=False)


def from_line(line: str) -> Event | None:
    """Return the event of a JSON line, or None if it is not an event (truncated, unknown)."""
    try:
        values = json.loads(line)
        kind = _KINDS[values.pop("event")]
        return read_json(kind, json.dumps(values))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _for_json(value: object) -> object:
    if isinstance(value, tuple):
        return [_for_json(item) for item in value]
    if isinstance(value, str):  # a file name may contain bytes that are not UTF-8
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def add_event(history: History, event: Event) -> History:
    """Return the history with one more event: `functools.reduce(add_event, events, History())`."""
    history = replace(history, count=history.count + 1)
    match event:
        case Started():
            return replace(_until(history, event.step), started=event, end=None)
        case Phase():  # an event after the end: the run was resumed
            return replace(history, phase=event.name, progress=None, end=None)
        case Progress():
            learning = history.learning if event.epoch is None else event
            return replace(history, progress=event, learning=learning)
        case Halved():
            return replace(history, halved=event)
        case Skipped():  # a resumed run reads the clips again
            known = any(skip.clip == event.clip for skip in history.skipped)
            return history if known else replace(history, skipped=(*history.skipped, event))
        case Notice():  # emitted again by a resumed run
            others = (sentence for sentence in history.notices if sentence != event.sentence)
            return replace(history, notices=(*others, event.sentence))
        case TrainPoint():
            return replace(history, train=(*history.train, event))
        case EvalPoint():  # a resumed run may evaluate the same step again
            earlier = (p for p in history.evaluations if p.step is None or p.step != event.step)
            return replace(history, evaluations=(*earlier, event))
        case Saved():
            return replace(history, saved=event)
        case Finished() | Failed():
            return replace(history, end=event, progress=None)
    raise TypeError(f"Unknown event: {event!r}")


def _until(history: History, step: int | None) -> History:
    """Drop the points after a checkpoint: the resumed run records them again."""
    if step is None:
        return history
    return replace(
        history,
        train=tuple(point for point in history.train if point.step <= step),
        evaluations=tuple(p for p in history.evaluations if (p.step or p.clips or 0) <= step),
    )

"""Fold events into a history, in one pass however many there are."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from intent.runs.events import (
    EvalPoint,
    Event,
    Failed,
    Finished,
    Halved,
    History,
    Notice,
    Phase,
    Progress,
    Saved,
    Skipped,
    Started,
    TrainPoint,
)


def add_event(history: History, event: Event) -> History:
    """Return the history with one more event."""
    return fold((event,), history)


def fold(events: Iterable[Event], history: History) -> History:
    """Return the history with the events added in order; the same object if there are none."""
    builder = _Builder(history)
    for event in events:
        builder.add(event)
    return builder.history()


class _Builder:
    """A history that grows: appending to its tuples would copy them at each event.

    What grows is taken from the history when it is first needed, so that the usual event, progress,
    costs the same in a short history and in a long one.
    """

    def __init__(self, before: History) -> None:
        self.before = before
        self.count = before.count
        self.changes: dict[str, Any] = {}  # fields that do not grow

    @cached_property
    def skipped(self) -> dict[str, Skipped]:
        """The first event of each clip."""
        return {skip.clip: skip for skip in self.before.skipped}

    @cached_property
    def notices(self) -> dict[str, None]:
        """The sentences, in order."""
        return dict.fromkeys(self.before.notices)

    @cached_property
    def train(self) -> list[TrainPoint]:
        """The training points, in order."""
        return list(self.before.train)

    @cached_property
    def evaluations(self) -> dict[object, EvalPoint]:
        """The last evaluation of each step, in order; those without a step have keys of their own."""
        return {_key(point): point for point in self.before.evaluations}

    def add(self, event: Event) -> None:
        """Add an event; raises TypeError for an unknown kind."""
        self.count += 1
        change = self.changes
        match event:
            case Progress():
                change["progress"] = event
                if event.epoch is not None:
                    change["learning"] = event
            case TrainPoint():
                self.train.append(event)
            case EvalPoint():  # a resumed run may evaluate the same step again
                self.evaluations.pop(_key(event), None)
                self.evaluations[_key(event)] = event
            case Phase():  # an event after the end: the run was resumed
                change |= {"phase": event.name, "progress": None, "end": None}
            case Started():
                self._drop_points_after(event.step)
                change |= {"started": event, "end": None}
            case Halved():
                change["halved"] = event
            case Skipped():  # a resumed run reads the clips again
                self.skipped.setdefault(event.clip, event)
            case Notice():  # emitted again by a resumed run
                self.notices.pop(event.sentence, None)
                self.notices[event.sentence] = None
            case Saved():
                change["saved"] = event
            case Finished() | Failed():
                change |= {"end": event, "progress": None}
            case _:
                raise TypeError(f"Unknown event: {event!r}")

    def history(self) -> History:
        """Return the history with all events so far."""
        if self.count == self.before.count:
            return self.before
        grown = vars(self)  # has the cached properties that were needed
        values: dict[str, Any] = {**vars(self.before), **self.changes, "count": self.count}
        for name in ("notices", "train"):
            if name in grown:
                values[name] = tuple(grown[name])
        for name in ("skipped", "evaluations"):
            if name in grown:
                values[name] = tuple(grown[name].values())
        return History(**values)

    def _drop_points_after(self, step: int | None) -> None:
        """Drop the points after a checkpoint: the resumed run records them again."""
        if step is None:
            return
        self.train[:] = [point for point in self.train if point.step <= step]
        kept = [p for p in self.evaluations.values() if (p.step or p.clips or 0) <= step]
        self.evaluations.clear()
        self.evaluations.update((_key(point), point) for point in kept)


def _key(point: EvalPoint) -> object:
    return object() if point.step is None else point.step

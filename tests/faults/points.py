"""Where runs are killed: points drawn evenly over recipes, phases and ways to die."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from intent.runs.events import (
    EvalPoint,
    Event,
    Finished,
    History,
    Phase,
    Saved,
    Started,
    TrainPoint,
)
from intent.runs.folding import fold
from intent.training.phases import EVALUATING

PHASES = ("start", "training", "evaluation", "saving", "reporting")
VICTIMS = ("training", "app", "both")
FIRST_DELAY = 0.05  # seconds, at most, after a run was queued
MODEL_FILES = ("model.new", "model.old", "checkpoints")


@dataclass(frozen=True)
class Point:
    """Which process is killed when: before a file operation, or a moment after some events."""

    recipe: str
    phase: str
    victim: str
    operation: int | None  # the nth, from 1
    events: int
    delay: float  # seconds

    @property
    def kind(self) -> str:
        """What the point is tied to."""
        return "moment" if self.operation is None else "operation"


@dataclass(frozen=True)
class Operation:
    """An operation on a file of a run, and how many events were written before it."""

    file: str
    events: int


@dataclass(frozen=True)
class Undisturbed:
    """How a recipe goes when nobody disturbs it."""

    events: tuple[Event, ...]
    operations: tuple[Operation, ...]

    @cached_property
    def history(self) -> History:
        """What its events say."""
        return fold(self.events, History())

    @property
    def saved(self) -> tuple[float, ...]:
        """The accuracies that were announced, in order."""
        return tuple(event.accuracy for event in self.events if isinstance(event, Saved))


def draw_points(undisturbed: Mapping[str, Undisturbed], count: int, seed: int) -> list[Point]:
    """Draw kill points: every recipe in every phase, ahead of operations and at moments in turn.

    Three recipes, five phases and two kinds share no factor, so that thirty points have them all.
    """
    rng, points, recipes = random.Random(seed), [], list(undisturbed)
    for number in range(count):
        recipe, phase = recipes[number % len(recipes)], PHASES[number % len(PHASES)]
        expected, victim = undisturbed[recipe], rng.choice(VICTIMS)
        if number % 2:
            operation = rng.choice(_operations_in(phase, expected))
            points.append(Point(recipe, phase, victim, operation, 0, 0.0))
        else:
            events = rng.choice(_moments_in(phase, expected))
            delay = rng.uniform(0, _delay(expected.events, events))
            points.append(Point(recipe, phase, victim, None, events, delay))
    return points


def phase_at(events: Sequence[Event], count: int, file: str = "") -> str:
    """Return the phase that a run is in behind its first `count` events, about to touch a file."""
    before, after = events[:count], next(iter(events[count:]), None)
    if not any(isinstance(event, Started) for event in before):
        return "start"
    if after is None or isinstance(after, Finished):
        return "reporting"
    if isinstance(after, Saved) or file == "model" or file.startswith(MODEL_FILES):
        return "saving"
    said = [event for event in before if isinstance(event, Phase | EvalPoint | TrainPoint)][-1]
    tests = isinstance(said, Phase) and said.name == EVALUATING
    return "evaluation" if tests or isinstance(after, EvalPoint) else "training"


def _operations_in(phase: str, expected: Undisturbed) -> list[int]:
    return [
        number
        for number, operation in enumerate(expected.operations, 1)
        if phase_at(expected.events, operation.events, operation.file) == phase
    ]


def _moments_in(phase: str, expected: Undisturbed) -> list[int]:
    events = expected.events
    return [count for count in range(len(events)) if phase_at(events, count) == phase]


def _delay(events: Sequence[Event], count: int) -> float:
    """Return how long it takes from one event to the next, in seconds."""
    return events[count].time - events[count - 1].time if count else FIRST_DELAY

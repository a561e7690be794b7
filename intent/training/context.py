"""One training in hand: what all its stages share, and where it is asked to stop."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from transformers import FeatureExtractionMixin, PreTrainedModel

from intent import distributed
from intent.data.labelled_clip import LabelledClip
from intent.devices import learning_precision
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Progress

PROGRESS_SECONDS = 0.25  # between two events that only say how far things are


class Stopped(Exception):
    """Training ends early; what there is is kept."""


@dataclass
class Watch:
    """Says whether work must end: because somebody asked, or because its time is up.

    Of several processes the leader says so, and each of them asks at the same points of its way.
    """

    should_stop: Callable[[], bool]
    budget_seconds: float | None
    started: float = field(default_factory=time.monotonic)
    outcome: str = "done"

    @property
    def seconds(self) -> float:
        """Seconds since work began."""
        return time.monotonic() - self.started

    def must_end(self) -> bool:
        """Return whether work must end, and remember why."""
        if self.outcome == "done":
            self.outcome = distributed.from_lead(self.verdict)
        return self.outcome != "done"

    def verdict(self) -> str:
        """Return the outcome if work ended now, by this process alone: "done" while it may go on."""
        if self.should_stop():
            return "stopped"
        late = self.budget_seconds and self.seconds > self.budget_seconds
        return "out of time" if late else "done"

    def check(self) -> None:
        """Raise Stopped if work must end."""
        if self.must_end():
            raise Stopped


@dataclass(frozen=True)
class Work:
    """A recipe, the clips to learn from and to test on, and the model that learns."""

    recipe: Recipe
    run: RunDir
    emit: Callable[[Event], None]
    watch: Watch
    model: PreTrainedModel
    extractor: FeatureExtractionMixin
    device: str
    train: Sequence[LabelledClip]
    test: Sequence[LabelledClip]  # none that was learnt from
    seen: tuple[str, ...]  # hashes of clips that the base has learnt from
    seen_test_clips: int  # left out of the test part for that
    passes: int = 1  # through the network for a batch that cannot be halved

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which matrices are multiplied while learning."""
        return learning_precision(self.device) if self.recipe.mixed_precision else torch.float32

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each id."""
        return tuple(self.model.config.id2label[i] for i in range(self.model.config.num_labels))


class ProgressMeter:
    """Turns counts into Progress events, a few a second, with the rate and the time left."""

    def __init__(self, emit: Callable[[Event], None], total: int) -> None:
        self.emit, self.total = emit, total
        self.started = time.monotonic()
        self.last = 0.0

    def show(self, done: int, clips: int, epoch: float | None = None, first: int = 0) -> None:
        """Emit progress, unless the last one is fresh; `clips` were heard since the meter began.

        `first` is where counting began, if not at zero.
        """
        now = time.monotonic()
        if now - self.last < PROGRESS_SECONDS and done < self.total:
            return
        self.last = now
        seconds = max(now - self.started, 1e-6)
        pace = (done - first) / seconds
        left = (self.total - done) / pace if pace > 0 else None
        self.emit(Progress(done, self.total, clips / seconds, left, epoch))

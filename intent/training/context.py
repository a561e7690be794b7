"""Share recipe, model, clips, progress and stop requests among the stages of one training."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from transformers import PreTrainedModel

from intent import distributed
from intent.data.labelled_clip import LabelledClip
from intent.devices import training_precision
from intent.models.typed import Extractor, label_names, reject_label
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Progress
from intent.runs.kept_split import KeptSplit

PROGRESS_SECONDS = 0.25  # least time between two Progress events


class Stopped(Exception):
    """Training ends early; the results so far are kept."""


@dataclass
class Watch:
    """Decide whether training must end: a stop was requested, or the time limit is reached.

    In distributed training the lead process decides, and all processes check at the same points.
    """

    should_stop: Callable[[], bool]
    budget_seconds: float | None
    started: float = field(default_factory=time.monotonic)
    outcome: str = "done"

    @property
    def seconds(self) -> float:
        """Seconds since training began."""
        return time.monotonic() - self.started

    def must_end(self) -> bool:
        """Return whether training must end, and keep the reason in `outcome`."""
        if self.outcome == "done":
            self.outcome = distributed.from_lead(self.outcome_now)
        return self.outcome != "done"

    def outcome_now(self) -> str:
        """Return the outcome if this process had to end now; "done" if it may continue."""
        if self.should_stop():
            return "stopped"
        late = self.budget_seconds and self.seconds > self.budget_seconds
        return "out of time" if late else "done"

    def check(self) -> None:
        """Raise Stopped if training must end."""
        if self.must_end():
            raise Stopped


@dataclass(frozen=True)
class Work:
    """A recipe, the model to train, and the clips to train and test on."""

    recipe: Recipe
    run: RunDir
    emit: Callable[[Event], None]
    watch: Watch
    model: PreTrainedModel
    extractor: Extractor
    device: str
    train: Sequence[LabelledClip]
    test: Sequence[LabelledClip]  # none of them in the training set of this run or of its base
    seen: tuple[str, ...]  # hashes of clips already trained on, by the base or in earlier sessions
    seen_test_clips: int  # left out of the test set because the base was trained on them
    duplicate_test_clips: int = 0  # left out because the training set has the same recordings
    split: KeptSplit | None = None  # stored for resuming; None: not all clips were read
    seen_sentences: tuple[str, ...] = ()  # hashes of those of synthetic clips, of the base too
    passes: int = 1  # through the network, for one batch of leave-one-out training

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of matrix products in training."""
        return training_precision(self.device) if self.recipe.mixed_precision else torch.float32

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each class id."""
        return label_names(self.model)

    @property
    def reject_id(self) -> int | None:
        """The class id of the label that means "none of the intents"; None: there is none."""
        label = reject_label(self.model)
        return None if label is None else self.labels.index(label)


class ProgressMeter:
    """Emit Progress events, a few per second, with the current speed and the time left.

    The speed is measured over the second half of the time so far, so that clips found in the cache
    at the beginning do not make the time left too short for long.
    """

    def __init__(self, emit: Callable[[Event], None], total: int, done: int = 0) -> None:
        self.emit, self.total = emit, total
        self.started, self.last = time.monotonic(), 0.0
        self.marks = deque([(self.started, done, 0)])  # time, done, clips

    def show(self, done: int, clips: int, epoch: float | None = None) -> None:
        """Emit progress unless the last event is recent; `clips` counts from the meter's start."""
        now = time.monotonic()
        if now - self.last < PROGRESS_SECONDS and done < self.total:
            return
        self.last = now
        self.marks.append((now, done, clips))
        while len(self.marks) > 2 and self.marks[1][0] <= (self.started + now) / 2:
            self.marks.popleft()
        since, done_then, clips_then = self.marks[0]
        seconds = max(now - since, 1e-6)
        speed = (done - done_then) / seconds
        left = (self.total - done) / speed if speed > 0 else None
        self.emit(Progress(done, self.total, (clips - clips_then) / seconds, left, epoch))

"""Turn Trainer's callbacks into events, and stop Trainer when a stop is requested."""

from collections.abc import Callable
from typing import Any, cast

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from intent import distributed
from intent.runs.events import EvalPoint, Phase, TrainPoint
from intent.training import phases
from intent.training.context import ProgressMeter, Work

TRAIN_POINTS = 100  # in the curve of a run, about


class Reporter(TrainerCallback, ExportableState):
    """Emit events for Trainer's callbacks, and stop Trainer when training must end.

    The counts since the last point are stored in Trainer's checkpoints under this class's name, so
    that a resumed run emits the same points as an uninterrupted one.
    """

    def __init__(
        self, work: Work, on_accuracy: Callable[[float], None], saves_any_step: bool = True
    ) -> None:
        self.work, self.on_accuracy = work, on_accuracy
        self.saves_any_step = saves_any_step  # write a checkpoint wherever training ends
        self.meter = ProgressMeter(work.emit, 0)
        self.micro_batches = 0
        self.within_step = 0
        self.clips = 0
        self.losses: list[torch.Tensor] = []
        self.right: float = 0
        self.counted: float = 0
        self.every = 1
        self.evaluating = False

    def add_micro_batch(self, loss: torch.Tensor, right: int, clips: int) -> None:
        """Count the results of one training forward pass."""
        self.losses.append(loss)
        self.right += right
        self.counted += clips
        self.clips += clips
        self.micro_batches += 1

    def state(self) -> dict[str, dict[str, object]]:
        """Return the counts to store in a checkpoint, as JSON-compatible values."""
        counts = {name: getattr(self, name) for name in ("micro_batches", "right", "counted")}
        losses = [float(loss) for loss in self.losses]
        return {"args": {}, "attributes": {**counts, "losses": losses}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.meter = ProgressMeter(self.work.emit, state.max_steps, done=state.global_step)
        micro_batches = state.max_steps * args.gradient_accumulation_steps
        self.every = max(1, round(micro_batches / TRAIN_POINTS))
        # Trainer turns the list that it is typed as into a dictionary by class name.
        stored = cast(dict[str, dict[str, dict[str, Any]]], state.stateful_callbacks)
        for name, value in stored.get(type(self).__name__, {}).get("attributes", {}).items():
            setattr(self, name, value)
        self.losses = [torch.tensor(loss, device=self.work.device) for loss in self.losses]

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.work.watch.check()
        epoch = min(int(state.epoch or 0) + 1, int(args.num_train_epochs))
        self.work.emit(Phase(phases.training(epoch, args.num_train_epochs)))

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self._average()  # before a checkpoint, which stores only the lead process's counts

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.within_step += 1
        self._after_micro_batch(state, self.within_step / args.gradient_accumulation_steps)
        if self.work.watch.must_end() and self.work.watch.outcome == "stopped":
            control.should_training_stop = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.within_step = 0
        self._after_micro_batch(state, 0.0)
        if self.work.watch.must_end():
            control.should_training_stop = True
            control.should_save = self.saves_any_step
            self._average()

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if not self.evaluating:
            self.evaluating = True
            self.work.emit(Phase(phases.EVALUATING))
        self.work.watch.check()

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **values: Any
    ) -> None:
        metrics: dict[str, float] = values["metrics"]
        self.evaluating = False
        accuracy = metrics["eval_accuracy"]
        self.work.emit(
            EvalPoint(accuracy, metrics["eval_log_loss"], step=state.global_step, epoch=state.epoch)
        )
        self.on_accuracy(accuracy)

    def _after_micro_batch(self, state: TrainerState, within_step: float) -> None:
        step = state.global_step + within_step
        self.meter.show(state.global_step, self.clips * distributed.count(), state.epoch)
        if self.micro_batches % self.every == 0 and self.counted:
            self._average()
            loss = float(torch.stack(self.losses).mean())
            self.work.emit(TrainPoint(step, state.epoch or 0.0, loss, self.right / self.counted))
            self.losses, self.right, self.counted = [], 0, 0

    def _average(self) -> None:
        """Replace the counts since the last point by their mean over all processes."""
        if distributed.count() > 1:
            counts = [*(float(loss) for loss in self.losses), self.right, self.counted]
            *losses, self.right, self.counted = distributed.mean(counts)
            self.losses = [torch.tensor(loss, device=self.work.device) for loss in losses]


class EpochProgress(TrainerCallback):
    """Show the progress of a training for calibration, and end it when training must end."""

    def __init__(self, work: Work, epochs: float) -> None:
        self.watch, self.meter = work.watch, ProgressMeter(work.emit, int(epochs))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.meter.show(int(state.epoch or 0), state.global_step * args.train_batch_size)
        if self.watch.must_end():
            control.should_training_stop = True

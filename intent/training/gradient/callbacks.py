"""Trainer's callbacks as our events, and our wish to stop as its control."""

from collections.abc import Callable

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from intent import distributed
from intent.runs.events import EvalPoint, Phase, TrainPoint
from intent.training.context import ProgressMeter, Work

TRAIN_POINTS = 100  # about as many in the curve of a run


class Reporter(TrainerCallback, ExportableState):
    """Turns what Trainer calls back into our events, and our wish to stop into its control.

    What it has counted since its last point is kept in Trainer's checkpoints, so that a run that
    goes on draws the points of one that was not disturbed.
    """

    def __init__(
        self, work: Work, on_accuracy: Callable[[float], None], saves_any_step: bool = True
    ) -> None:
        self.work, self.on_accuracy = work, on_accuracy
        self.saves_any_step = saves_any_step  # where work must end, to go on from there later
        self.meter: ProgressMeter | None = None
        self.micro_batches = 0
        self.within_step = 0
        self.clips = 0
        self.first_step = 0
        self.losses: list[torch.Tensor] = []
        self.right: float = 0
        self.counted: float = 0
        self.every = 1
        self.evaluating = False

    def add_micro_batch(self, loss: torch.Tensor, right: int, clips: int) -> None:
        """Count what one training forward pass gave."""
        self.losses.append(loss)
        self.right += right
        self.counted += clips
        self.clips += clips
        self.micro_batches += 1

    def state(self) -> dict[str, dict[str, object]]:
        """Return what a checkpoint keeps of this, in JSON's types."""
        counts = {name: getattr(self, name) for name in ("micro_batches", "right", "counted")}
        losses = [float(loss) for loss in self.losses]
        return {"args": {}, "attributes": {**counts, "losses": losses}}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.meter = ProgressMeter(self.work.emit, state.max_steps)
        self.first_step = state.global_step
        micro_batches = state.max_steps * args.gradient_accumulation_steps
        self.every = max(1, round(micro_batches / TRAIN_POINTS))
        kept = state.stateful_callbacks.get(type(self).__name__, {}).get("attributes", {})
        for name, value in kept.items():
            setattr(self, name, value)
        self.losses = [torch.tensor(loss, device=self.work.device) for loss in self.losses]

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.work.watch.check()
        epoch = min(int(state.epoch or 0) + 1, int(args.num_train_epochs))
        self.work.emit(Phase(f"epoch {epoch} of {args.num_train_epochs:g}"))

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self._pool()  # ahead of a checkpoint, which keeps the leader's counts

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
            self._pool()

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if not self.evaluating:
            self.evaluating = True
            self.work.emit(Phase(f"evaluating after epoch {state.epoch or 0:.0f}"))
        self.work.watch.check()

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **_: object,
    ) -> None:
        self.evaluating = False
        accuracy = metrics["eval_accuracy"]
        self.work.emit(
            EvalPoint(accuracy, metrics["eval_log_loss"], step=state.global_step, epoch=state.epoch)
        )
        self.on_accuracy(accuracy)

    def _after_micro_batch(self, state: TrainerState, within_step: float) -> None:
        step = state.global_step + within_step
        clips = self.clips * distributed.count()
        self.meter.show(state.global_step, clips, state.epoch, self.first_step)
        if self.micro_batches % self.every == 0 and self.counted:
            self._pool()
            loss = float(torch.stack(self.losses).mean())
            self.work.emit(TrainPoint(step, state.epoch or 0.0, loss, self.right / self.counted))
            self.losses, self.right, self.counted = [], 0, 0

    def _pool(self) -> None:
        """Make what each process has counted since the last point the mean of all."""
        if distributed.count() > 1:
            counts = [*self.losses, self.right, self.counted]
            *losses, self.right, self.counted = distributed.mean(counts)
            self.losses = [torch.tensor(loss, device=self.work.device) for loss in losses]


class Rehearsal(TrainerCallback):
    """Shows how far a training is that nobody will keep, and ends it when work must end."""

    def __init__(self, work: Work, epochs: float) -> None:
        self.watch, self.meter = work.watch, ProgressMeter(work.emit, int(epochs))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.meter.show(int(state.epoch or 0), state.global_step * args.train_batch_size)
        if self.watch.must_end():
            control.should_training_stop = True

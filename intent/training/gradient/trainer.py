"""Trainer as our recipes use it: its training passes counted, its checkpoints found again."""

import json
from pathlib import Path

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from intent import distributed
from intent.checkpoints.provenance import read_provenance
from intent.errors import RunError
from intent.paths import sync, sync_all
from intent.runs.directory import COMPLETE, RunDir
from intent.training.context import Work
from intent.training.gradient.batches import Batch


class LiveTrainer(Trainer):
    """Trainer that counts right answers in its own training passes."""

    on_micro_batch = staticmethod(lambda loss, right, clips: None)

    def compute_loss(self, model, inputs: Batch, return_outputs: bool = False, **options):  # noqa: ANN001,ANN003
        """Return the loss as Trainer does, and count it and the right answers while training."""
        labels = inputs["labels"]
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **options)
        if model.training:
            right = int((outputs.logits.argmax(-1) == labels).sum())
            self.on_micro_batch(loss.detach(), right, len(labels))
        return (loss, outputs) if return_outputs else loss


class Seal(TrainerCallback):
    """Marks a checkpoint of Trainer as whole once it is on the disk."""

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        distributed.wait_for_all()  # each has its random state in there
        if not distributed.leads():
            return
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        sync_all(folder)
        (folder / COMPLETE).touch()
        sync(folder)


def last_checkpoint(run: RunDir) -> Path | None:
    """Return the last whole checkpoint of Trainer, which a run can go on from, if it has one."""
    whole = [file.parent for file in run.checkpoints.glob(f"checkpoint-*/{COMPLETE}")]
    return max(whole, key=_step, default=None)


def check_as_many(checkpoint: Path) -> None:
    """Raise RunError where a checkpoint is of more or fewer processes than train now.

    Its steps are counted in batches of all of them.
    """
    before, now = len(list(checkpoint.glob("rng_state*.pth"))), distributed.count()
    if before != now:
        raise RunError(
            f"This run's processes were {before}, found {now}: go on with it with as many (accelerate "
            f"launch --num_processes {before}), or start a new run."
        )


def on_one_device(arguments: TrainingArguments) -> TrainingArguments:
    """Keep Trainer from dividing what a process trains over all GPUs of its machine by itself.

    A batch would be larger than the recipe says; for more GPUs there are more processes.
    """
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def last_step(run: RunDir) -> int:
    """Return the step of the checkpoint that a run can go on from; -1 where there is none."""
    checkpoint = last_checkpoint(run)
    return _step(checkpoint) if checkpoint else -1


def at_epoch_end(checkpoint: Path) -> bool:
    """Whether a checkpoint was written when an epoch was complete."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return float(state["epoch"]).is_integer()


def earlier_best(work: Work) -> float | None:
    """The accuracy of the best checkpoint of an earlier sitting that this one goes on from.

    By its own word: of the events, the last may have been lost.
    """
    made = read_provenance(work.run.model)
    return made.accuracy if made and last_checkpoint(work.run) else None


def load_best(work: Work) -> None:
    """Take the best checkpoint's weights, which may be an earlier sitting's, into the model."""
    best = type(work.model).from_pretrained(work.run.model, dtype=torch.float32)
    work.model.load_state_dict(best.state_dict())


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])

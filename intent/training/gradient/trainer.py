"""Use Trainer for recipes: count its training passes, find and load its checkpoints."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from intent import distributed
from intent.checkpoints.provenance import read_provenance
from intent.compat import train_on_one_device
from intent.errors import RunError
from intent.paths import sync, sync_all
from intent.runs.directory import COMPLETE, RunDir
from intent.training.context import Work


class LiveTrainer(Trainer):
    """Trainer that reports loss and correct predictions of each training pass."""

    on_micro_batch = staticmethod(lambda loss, right, clips: None)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """Return Trainer's loss, and report it with the correct predictions while training."""
        labels = inputs["labels"]
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        if model.training:
            right = int((outputs.logits.argmax(-1) == labels).sum())
            self.on_micro_batch(loss.detach(), right, len(labels))
        return (loss, outputs) if return_outputs else loss


class MarkComplete(TrainerCallback):
    """Mark a checkpoint of Trainer as complete once it is on disk."""

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        distributed.barrier()  # each process writes its random state into the checkpoint
        if not distributed.is_lead():
            return
        folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        sync_all(folder)
        (folder / COMPLETE).touch()
        sync(folder)


def last_checkpoint(run: RunDir) -> Path | None:
    """Return the last complete checkpoint of Trainer, from which a run can resume, or None."""
    complete = [file.parent for file in run.checkpoints.glob(f"checkpoint-*/{COMPLETE}")]
    return max(complete, key=_step, default=None)


def check_process_count(checkpoint: Path) -> None:
    """Raise RunError if a checkpoint was written by more or fewer processes than train now.

    Its steps count the batches of all processes.
    """
    before, now = len(list(checkpoint.glob("rng_state*.pth"))), distributed.count()
    if before != now:
        raise RunError(
            f"This run was trained by {before} processes, but is resumed by {now}: resume it with "
            f"{before} (accelerate launch --num_processes {before}), or start a new run."
        )


def on_one_device(arguments: TrainingArguments) -> TrainingArguments:
    """Keep Trainer from splitting one process's batches over all GPUs of the machine.

    The batch would be larger than the recipe's; to use more GPUs, launch more processes.
    """
    train_on_one_device(arguments)
    return arguments


def last_step(run: RunDir) -> int:
    """Return the step of the checkpoint from which a run can resume; -1 if there is none."""
    checkpoint = last_checkpoint(run)
    return _step(checkpoint) if checkpoint else -1


def at_epoch_end(checkpoint: Path) -> bool:
    """Return whether a checkpoint was written at the end of an epoch."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return float(state["epoch"]).is_integer()


def earlier_best(work: Work) -> float | None:
    """Return the accuracy of the best checkpoint of the run that is resumed, or None.

    Read from the checkpoint itself, since the last events may have been lost.
    """
    provenance = read_provenance(work.run.model)
    return provenance.accuracy if provenance and last_checkpoint(work.run) else None


def load_best(work: Work) -> None:
    """Load the weights of the run's best checkpoint into the model."""
    best = type(work.model).from_pretrained(work.run.model, dtype=torch.float32)
    work.model.load_state_dict(best.state_dict())


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])

"""Trainer as our recipes use it: its training passes counted, its checkpoints found again."""

import torch
from transformers import Trainer

from intent.batches import Batch
from intent.work import Work


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


def last_checkpoint(work: Work) -> str | None:
    """Return the trainer checkpoint that a run can go on from, if it has one.

    A checkpoint is whole once it has its trainer_state.json, which Trainer writes last.
    """
    whole = [file.parent for file in work.run.checkpoints.glob("checkpoint-*/trainer_state.json")]
    last = max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)
    return str(last) if last else None


def earlier_best(work: Work) -> float | None:
    """The accuracy of the best checkpoint of an earlier sitting that this one goes on from."""
    saved = work.run.history().saved
    goes_on = last_checkpoint(work) and work.run.model.exists()
    return saved.accuracy if saved and goes_on else None


def load_best(work: Work) -> None:
    """Take the best checkpoint's weights, which may be an earlier sitting's, into the model."""
    best = type(work.model).from_pretrained(work.run.model, dtype=torch.float32)
    work.model.load_state_dict(best.state_dict())

"""A loss that asks each clip of the head solved on all the others: ridge regression, in closed form.

A head that is solved on a few hundred clips knows all of them by heart, so that its own loss teaches
an encoder nothing. Asked of the head that was solved without it, a clip tells whether what the
encoder makes of speech carries over to clips that were not heard (compare Bertinetto et al. 2019,
"Meta-learning with differentiable closed-form solvers"; the formula for leaving one out is Allen's
PRESS, 1974).
"""

import torch
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from intent.models.whisper_ffn import FeedForward
from intent.recipes import Recipe

TESTS = 6  # points of the curve after the first
FOLDS = 5  # the rehearsal leaves out one
LEAST_BATCH = 128  # clips: nine of each of 14 intents; of fewer, a ridge regression knows little
RIDGE = 0.1  # times the mean variance of the features
SCALE_RATE = 0.05  # learning rate of the logits' scale
FIRST_LOG_SCALE = 3.0  # of the logits: regression on 0 and 1 gives small ones
MAX_LEVERAGE = 0.98  # of a clip on its own answer; at 1 nothing would be left without it


def leave_one_out_logits(
    features: torch.Tensor, label_ids: torch.Tensor, classes: int
) -> torch.Tensor:
    """Return what ridge regression on one-hot labels answers each clip when solved without it.

    `features` (clips, width), `label_ids` (clips,) int64; the result is (clips, classes) float32,
    and gradients flow through it. One Cholesky factor serves all clips.
    """
    clips, width = features.shape
    targets = torch.nn.functional.one_hot(label_ids, classes).to(features.dtype)
    features, targets = features - features.mean(0), targets - targets.mean(0)
    scatter = features.T @ features
    ridge = RIDGE * scatter.diagonal().mean() + torch.finfo(features.dtype).tiny
    identity = torch.eye(width, dtype=features.dtype, device=features.device)
    factor = torch.linalg.cholesky(scatter + ridge * identity)
    whitened = torch.linalg.solve_triangular(factor, features.T, upper=False)  # (width, clips)
    fitted = whitened.T @ (whitened @ targets)
    leverage = (whitened.square().sum(0) + 1 / clips).clamp(max=MAX_LEVERAGE).unsqueeze(1)
    return (fitted - leverage * targets) / (1 - leverage)


class LeaveOneOut(torch.nn.Module):
    """The last feed-forward network under a head that is solved anew for each clip of a batch.

    A batch cannot be halved, since the head is solved on all of it. Where memory is short, it goes
    through the network in several `passes`, whose activations are computed again for the gradient:
    the same loss, in less memory and more time (Chen et al. 2016, "Training deep nets with
    sublinear memory cost").
    """

    def __init__(self, model: PreTrainedModel, passes: int = 1) -> None:
        super().__init__()
        self.passes = passes
        self.classes = model.config.num_labels
        self.feed_forward = FeedForward(model)
        self.log_scale = torch.nn.Parameter(torch.tensor(FIRST_LOG_SCALE))

    def forward(self, frames: torch.Tensor, labels: torch.Tensor) -> SequenceClassifierOutput:
        """Return loss and logits (clips, classes) for `frames` (clips, frames, width)."""
        if self.passes > 1 and self.training:
            some = [
                checkpoint(self._pool, p, use_reentrant=False) for p in frames.chunk(self.passes)
            ]
            features = torch.cat(some)
        else:
            features = self._pool(frames)
        with torch.autocast(features.device.type, enabled=False):
            logits = leave_one_out_logits(features, labels, self.classes) * self.log_scale.exp()
        loss = torch.nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def _pool(self, frames: torch.Tensor) -> torch.Tensor:
        return self.feed_forward(frames).float().mean(1)


def optimizer_for(learning: LeaveOneOut, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW by a recipe's rates, which leaves the neuron that mutes padding as it is."""
    network = [p for p in learning.feed_forward.parameters() if p.requires_grad]
    scale = {"params": [learning.log_scale], "lr": SCALE_RATE, "weight_decay": 0.0}
    optimizer = torch.optim.AdamW(
        [{"params": network}, scale], lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    optimizer.register_step_post_hook(learning.feed_forward.keep_neuron)
    return optimizer

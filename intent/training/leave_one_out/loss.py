"""Leave-one-out loss: each clip is classified by a ridge regression fitted on all other clips.

A head fitted on a few hundred clips fits all of them perfectly, so its training loss gives the encoder
no useful gradient. A head fitted without the clip shows whether the encoder's features
generalize to new clips (compare Bertinetto et al. 2019, "Meta-learning with differentiable
closed-form solvers"). Leaving one clip out has a closed form: Allen's PRESS (1974).
"""

import torch
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from intent.models.typed import label_names
from intent.models.whisper_ffn import FeedForward
from intent.recipes import Recipe

EVALUATIONS = 6  # points of the curve after the first
FOLDS = 5  # calibration leaves out one of them
MIN_BATCH = 128  # clips: nine per intent for 14 intents; ridge regression needs about that many
RIDGE = 0.1  # times the mean variance of the features
SCALE_RATE = 0.05  # learning rate of the logits' scale
FIRST_LOG_SCALE = 3.0  # of the logits, which are small in a regression on 0 and 1
MAX_LEVERAGE = 0.98  # maximum leverage of a clip; at 1, the other clips would not matter


def leave_one_out_logits(
    features: torch.Tensor, label_ids: torch.Tensor, classes: int
) -> torch.Tensor:
    """Return the logits of each clip from a ridge regression on one-hot labels fitted without it.

    `features` (clips, width), `label_ids` (clips,) int64; the result is (clips, classes) float32
    and differentiable. One Cholesky factorization serves all clips.
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
    """The last feed-forward network with a leave-one-out loss over the batch.

    A batch cannot be split, since the regression is fitted on all of it. If memory is short, it
    goes through the network in several `passes`, and activations are recomputed for the gradient:
    the same loss in less memory and more time (Chen et al. 2016, "Training deep nets with
    sublinear memory cost").
    """

    def __init__(self, model: PreTrainedModel, passes: int = 1) -> None:
        super().__init__()
        self.passes = passes
        self.classes = len(label_names(model))
        self.feed_forward = FeedForward(model)
        self.log_scale = torch.nn.Parameter(torch.tensor(FIRST_LOG_SCALE))

    def forward(self, frames: torch.Tensor, labels: torch.Tensor) -> SequenceClassifierOutput:
        """Return loss and logits (clips, classes) for `frames` (clips, frames, width)."""
        if self.passes > 1 and self.training:
            pooled = [
                checkpoint(self._pool, some, use_reentrant=False)
                for some in frames.chunk(self.passes)
            ]
            features = torch.cat(pooled)
        else:
            features = self._pool(frames)
        with torch.autocast(features.device.type, enabled=False):
            logits = leave_one_out_logits(features, labels, self.classes) * self.log_scale.exp()
        loss = torch.nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def _pool(self, frames: torch.Tensor) -> torch.Tensor:
        return self.feed_forward(frames).float().mean(1)


def optimizer_for(module: LeaveOneOut, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW with a recipe's rates, which leaves the neuron that mutes padding unchanged."""
    network = [p for p in module.feed_forward.parameters() if p.requires_grad]
    groups: list[dict[str, object]] = [
        {"params": network},
        {"params": [module.log_scale], "lr": SCALE_RATE, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    optimizer.register_step_post_hook(module.feed_forward.restore_neuron)
    return optimizer

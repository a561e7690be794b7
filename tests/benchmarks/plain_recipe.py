"""Train a Whisper recipe with plain Trainer: the same in everything but caching and window.

The same layers are trained, from the same start, by the same loss, epochs, batches, rates and altered
copies; padding is muted in the same way. But the window is the base's own (30 s), and whatever is
frozen is computed again whenever a batch comes by. Left out are our tests between epochs and, where
the recipe learns under leave-one-out heads, its training for calibration: both cost our side time.
"""

import math

import numpy as np
import torch
from datasets import Dataset, DatasetDict, concatenate_datasets
from transformers import (
    DataCollatorWithPadding,
    FeatureExtractionMixin,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from intent.data.dataset import label_names
from intent.devices import autocast, best_device
from intent.models.encoders import load_base
from intent.models.linear_head import calibrate, fit_linear_head, install_head
from intent.models.split import PooledEncoder
from intent.models.whisper_ffn import FeedForwardInput
from intent.models.whisper_padding import mute_padding
from intent.recipes import Recipe
from intent.training.gradient.fine_tuning import two_rate_optimizer
from intent.training.leave_one_out.frames import FRAMES
from intent.training.leave_one_out.loss import LeaveOneOut, optimizer_for
from tests.benchmarks.plain_trainer import Stopwatch, accuracy_metric, full_window, with_features

CLIPS_AT_ONCE = 8  # through the frozen layers


class Recomputed(torch.nn.Module):
    """The leave-one-out recipe with the frozen layers computed again for each batch."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.below, self.loss = FeedForwardInput(model), LeaveOneOut(model)

    def forward(
        self, input_features: torch.Tensor, labels: torch.Tensor
    ) -> SequenceClassifierOutput:
        with torch.no_grad():
            streams = [
                stream
                for some in input_features.split(CLIPS_AT_ONCE)
                for stream in self.below(some)
            ]
        drawn = [torch.randint(len(stream), (FRAMES,)).sort().values for stream in streams]
        frames = torch.stack([s[rows.to(s.device)] for s, rows in zip(streams, drawn, strict=True)])
        return self.loss(frames, labels)


def train_same_recipe(
    recipe: Recipe, parts: DatasetDict, arguments: TrainingArguments, watch: Stopwatch
) -> float:
    """Return the accuracy (0..1) of the recipe at the base's full window, nothing cached."""
    window = full_window(recipe.base)
    model, extractor = load_base(
        recipe.base, label_names(parts["train"]), window, recipe.spec_augment, recipe.seed
    )
    model.to(best_device())
    if recipe.mute_padding:
        mute_padding(model, extractor)
    every_copy = with_features(_with_copies(parts["train"], recipe), extractor, recipe, watch)
    if recipe.method == "leave-one-out":
        _train_last_layer(recipe, model, extractor, parts["train"], arguments, watch)
        _fit_head(model, extractor, every_copy, recipe, arguments)
    else:
        _train_upper_layers(recipe, model, extractor, every_copy, arguments, watch)
    test = with_features(parts["test"], extractor, recipe, watch)
    tester = Trainer(
        model=model,
        args=arguments,
        eval_dataset=test,
        processing_class=extractor,
        compute_metrics=accuracy_metric,
        callbacks=[watch],
    )
    return tester.evaluate()["eval_accuracy"]


def _train_last_layer(
    recipe: Recipe,
    model: PreTrainedModel,
    extractor: FeatureExtractionMixin,
    train: Dataset,
    arguments: TrainingArguments,
    watch: Stopwatch,
) -> None:
    """Train the last feed-forward network; each epoch draws one of the copies of each clip."""

    def draw() -> int:
        return int(torch.randint(recipe.copies + 1, ()))

    module = Recomputed(model)
    batches = math.ceil(len(train) / recipe.batch_size)
    arguments.per_device_train_batch_size = math.ceil(len(train) / batches)
    optimizer = optimizer_for(module.loss, recipe)
    drawn = with_features(train, extractor, recipe, watch, draw)
    _train(module, extractor, drawn, arguments, watch, optimizer)


def _train_upper_layers(
    recipe: Recipe,
    model: PreTrainedModel,
    extractor: FeatureExtractionMixin,
    train: Dataset,
    arguments: TrainingArguments,
    watch: Stopwatch,
) -> None:
    """Train the upper layers and the head; all copies of a clip are examples of an epoch."""
    if recipe.trainable_layers is not None:
        layers = model.encoder.layers
        model.encoder.requires_grad_(False)
        learning = layers[len(layers) - min(recipe.trainable_layers, len(layers)) :]
        learning.requires_grad_(True)
        model.encoder.layer_norm.requires_grad_(recipe.trainable_layers > 0)
    if recipe.head == "closed-form":
        _fit_head(model, extractor, train, recipe, arguments)
    optimizer = two_rate_optimizer(model, recipe)
    _train(model, extractor, train, arguments, watch, optimizer)


def _train(
    module: torch.nn.Module,
    extractor: FeatureExtractionMixin,
    train: Dataset,
    arguments: TrainingArguments,
    watch: Stopwatch,
    optimizer: torch.optim.Optimizer | None,
) -> None:
    trainer = Trainer(
        model=module,
        args=arguments,
        train_dataset=train,
        callbacks=[watch],
        data_collator=DataCollatorWithPadding(extractor),
        optimizers=(optimizer, None),
    )
    trainer.model_accepts_loss_kwargs = False
    trainer.train()


@torch.inference_mode()
def _fit_head(
    model: PreTrainedModel,
    extractor: FeatureExtractionMixin,
    train: Dataset,
    recipe: Recipe,
    arguments: TrainingArguments,
) -> None:
    """Fit the head in closed form on all copies of all training clips, and install it."""
    encoder, collate = PooledEncoder(model.eval()), DataCollatorWithPadding(extractor)
    half = torch.bfloat16 if arguments.bf16 else torch.float16 if arguments.fp16 else torch.float32
    rows, ids = [], []
    for start in range(0, len(train), CLIPS_AT_ONCE):
        stop = min(start + CLIPS_AT_ONCE, len(train))
        batch = collate([train[row] for row in range(start, stop)])
        with autocast(model.device.type, half):
            pooled = encoder(batch["input_features"].to(model.device))
        rows.append(pooled.float().cpu().numpy())
        ids += batch["labels"].tolist()
    features, label_ids = np.concatenate(rows), np.array(ids)
    clips = np.arange(len(ids)) % (len(ids) // (recipe.copies + 1))
    head = fit_linear_head(features, label_ids, model.config.num_labels)
    install_head(model, calibrate(head, features, label_ids, clips), features)


def _with_copies(train: Dataset, recipe: Recipe) -> Dataset:
    """Return the clips, then all of their first copies, and so on; `copy` says which."""
    return concatenate_datasets(
        [train.add_column("copy", [copy] * len(train)) for copy in range(recipe.copies + 1)]
    )

"""Train with a plain script to compare with: the task guide's own steps, without a cache.

    python -m tests.benchmarks.plain_trainer KIND RECIPE.json FOLDER [--float32]

Data set, feature extractor, TrainingArguments, Trainer, evaluate; each clip is decoded and its
features are computed whenever a batch asks for it, in the base's own full window (30 s for Whisper).
The recipe says which data, seed, epochs, batches and rates. Kinds:

frozen-encoder: a new head on a frozen encoder; `epochs`, data and seed are the recipe's, the rest ours
    to choose here: batches of 8 and rate 1e-3, which suit a head.
same-recipe: all that the recipe says, by `tests/benchmarks/plain_recipe.py`.
unfrozen: all of the model learns, as in the guide, by the recipe's batches and rates.
frozen-convolutions: the same, with `freeze_feature_encoder()`: computed anew each time.

Matrices are multiplied in the precision that our side chooses, `--float32` aside. Prints a JSON line.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    EvalPrediction,
    FeatureExtractionMixin,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from intent.audio.augmentation import augment
from intent.audio.clip import clip_hash, read_clip, resample
from intent.data.dataset import label_names, load_data, split
from intent.devices import best_device, training_precision
from intent.library_output import quiet_libraries
from intent.recipes import WHISPER, Recipe

KINDS = ("frozen-encoder", "same-recipe", "unfrozen", "frozen-convolutions")
HEAD_BATCH, HEAD_RATE = 8, 1e-3  # of a head alone


class Stopwatch(TrainerCallback):
    """Seconds of each epoch, its evaluation left out, of each evaluation, and of feature work."""

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.evaluations: list[float] = []
        self.features = self.begun = 0.0

    def on_epoch_begin(self, args, state, control, **_: object) -> None:  # noqa: ANN001
        self.begun = time.monotonic()

    def on_epoch_end(self, args, state, control, **_: object) -> None:  # noqa: ANN001
        self.epochs.append(time.monotonic() - self.begun)

    def on_evaluate(self, args, state, control, metrics, **_: object) -> None:  # noqa: ANN001
        self.evaluations.append(metrics["eval_runtime"])


def main() -> None:
    """Train and evaluate, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("folder", type=Path, help="for Trainer's checkpoints")
    parser.add_argument("--float32", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    recipe, watch = Recipe.from_json(options.recipe.read_text(encoding="utf-8")), Stopwatch()
    arguments = training_arguments(recipe, options)
    parts = split(load_data(recipe.data, recipe.locales), recipe.seed, recipe.test_share)
    if options.kind == "same-recipe":
        from tests.benchmarks.plain_recipe import train_same_recipe

        accuracy = train_same_recipe(recipe, parts, arguments, watch)
    else:
        accuracy = train(options.kind, recipe, parts, arguments, watch)
    result = {
        "accuracy": accuracy,
        "epoch_seconds": watch.epochs,
        "evaluation_seconds": watch.evaluations,  # the last one is the result
        "feature_seconds": watch.features,
    }
    print(json.dumps(result))


def train(
    kind: str, recipe: Recipe, parts: DatasetDict, arguments: TrainingArguments, watch: Stopwatch
) -> float:
    """Return the accuracy of the last epoch (0..1) of a script as the guide writes it."""
    names = label_names(parts["train"])
    torch.manual_seed(recipe.seed)
    extractor = AutoFeatureExtractor.from_pretrained(recipe.base)
    model = AutoModelForAudioClassification.from_pretrained(
        recipe.base,
        num_labels=len(names),
        label2id={name: i for i, name in enumerate(names)},
        id2label=dict(enumerate(names)),
        ignore_mismatched_sizes=True,
        dtype=torch.float32,
    )
    freeze(kind, model)
    if hasattr(model.config, "apply_spec_augment"):
        model.config.apply_spec_augment = recipe.spec_augment
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=with_features(parts["train"], extractor, recipe, watch),
        eval_dataset=with_features(parts["test"], extractor, recipe, watch),
        processing_class=extractor,
        compute_metrics=accuracy_metric,
        callbacks=[watch],
    )
    trainer.train()
    tests = [entry for entry in trainer.state.log_history if "eval_accuracy" in entry]
    return tests[-1]["eval_accuracy"]


def freeze(kind: str, model: PreTrainedModel) -> None:
    """Freeze the layers that the kind does not train."""
    if kind == "frozen-encoder":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(("projector", "classifier")))
    elif kind == "frozen-convolutions":
        model.freeze_feature_encoder()


def training_arguments(recipe: Recipe, options: argparse.Namespace) -> TrainingArguments:
    """Return the guide's arguments with the recipe's numbers."""
    device = best_device()
    mixed = recipe.mixed_precision and not options.float32
    half = training_precision(device) if mixed else torch.float32
    head_alone, same = options.kind == "frozen-encoder", options.kind == "same-recipe"
    return TrainingArguments(
        output_dir=str(options.folder),
        eval_strategy="no" if same else "epoch",
        save_strategy="no" if same else "epoch",
        learning_rate=HEAD_RATE if head_alone else recipe.learning_rate,
        per_device_train_batch_size=HEAD_BATCH if head_alone else recipe.batch_size,
        per_device_eval_batch_size=min(recipe.eval_batch_size, HEAD_BATCH),
        gradient_accumulation_steps=recipe.accumulation_steps,
        num_train_epochs=recipe.epochs,
        warmup_steps=recipe.warmup_ratio,  # below 1 it is a share of all steps
        weight_decay=recipe.weight_decay,
        label_smoothing_factor=recipe.label_smoothing,
        logging_steps=recipe.logging_steps,
        lr_scheduler_type="cosine" if recipe.method == "leave-one-out" else "linear",
        save_total_limit=2,
        remove_unused_columns=False,
        bf16=half == torch.bfloat16,
        fp16=half == torch.float16,
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        use_cpu=device == "cpu",
    )


def with_features(
    dataset: Dataset,
    extractor: FeatureExtractionMixin,
    recipe: Recipe,
    watch: Stopwatch,
    copy: Callable[[], int] = lambda: 0,
) -> Dataset:
    """Return the data set, its features computed whenever they are read, of the requested copy.

    A column `copy`, where there is one, says which copy a row is.
    """
    name, rate = extractor.model_input_names[0], extractor.sampling_rate
    limits = {}
    if not hasattr(extractor, "chunk_length"):
        limits = {"max_length": recipe.window_seconds * rate, "truncation": True}

    def features(batch: dict[str, list]) -> dict[str, list]:
        start, sounds = time.monotonic(), []
        copies = batch.get("copy") or [copy() for _ in batch["audio"]]
        for audio, number in zip(batch["audio"], copies, strict=True):
            clip = read_clip(audio["bytes"] or audio["path"])
            clip = augment(clip, clip_hash(clip), number) if number else clip
            sounds.append(resample(clip, rate).samples)
        inputs = extractor(sounds, sampling_rate=rate, **limits)[name]
        watch.features += time.monotonic() - start
        return {name: [np.asarray(one) for one in inputs], "label": batch["label"]}

    return dataset.with_transform(features)


def accuracy_metric(prediction: EvalPrediction) -> dict[str, float]:
    """Return the accuracy (0..1) of Trainer's predictions."""
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def full_window(base: str) -> int:
    """Return the window of a Whisper base in seconds, 30 for published ones."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base)
    if config.model_type != WHISPER:
        raise ValueError(f"{base} has no fixed window.")
    return config.max_source_positions // 50


if __name__ == "__main__":
    main()

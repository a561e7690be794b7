"""Run both sides of a pair in separate processes, on shared data and encoder."""

import dataclasses
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intent.data.dataset import label_names, load_data, split
from intent.recipes import OF_ANY_RECIPE, Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Phase
from intent.training.phases import COMPUTING_FEATURES
from tests.benchmarks.commands import timed, train_command

TEST_SHARE = 0.25  # of a few clips' number


@dataclass(frozen=True)
class Timing:
    """The accuracy (0..1) of a run, and the seconds of its command and epochs.

    The first epoch includes everything computed once for all epochs. `evaluations` is the time of
    evaluations between epochs, `evaluation` that of one, and `features` that of computing features:
    only of the plain side, and part of `seconds`. `extrapolated`: `seconds` comes from fewer epochs.
    """

    accuracy: float | None
    seconds: float
    first_epoch: float | None = None
    later_epochs: float | None = None  # mean
    evaluations: float = 0.0
    evaluation: float = 0.0  # mean
    features: float = 0.0
    extrapolated: bool = False


def run_ours(recipe: Recipe, folder: Path) -> Timing:
    """Train with the command line and an empty cache."""
    values = dataclasses.asdict(recipe)
    named = {*OF_ANY_RECIPE, "seed"}
    changes = [f"{name}={value}" for name, value in values.items() if name not in named]
    result, seconds = train_command(
        recipe.data, recipe.base, recipe.locales, recipe.preset, recipe.seed, folder, changes
    )
    run = RunDir(Path(result["directory"]))
    first, later = _epochs_of(run) if recipe.method == "fine-tune" else (None, None)
    return Timing(result["accuracy"], seconds, first, later)


def run_plain(kind: str, recipe: Recipe, folder: Path, float32: bool) -> Timing:
    """Train with the plain script."""
    file = folder / "recipe.json"
    file.write_text(recipe.to_json(), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.plain_trainer",
        kind,
        str(file),
        str(folder / "checkpoints"),
        *(["--float32"] if float32 else []),
    ]
    result, seconds = timed(command, folder / "cache")
    first, *later = result["epoch_seconds"]
    tests = result["evaluation_seconds"]
    return Timing(
        result["accuracy"],
        seconds,
        first,
        statistics.mean(later) if later else None,
        sum(tests[:-1]),
        # The same recipe is evaluated only at its end, the guide's script after each epoch.
        0.0 if kind == "same-recipe" else statistics.mean(tests),
        result["feature_seconds"],
    )


def cut_short(kind: str, recipe: Recipe, epochs: int, folder: Path, float32: bool) -> Timing:
    """Run the plain side of a recipe for a few epochs, and extrapolate its time to all of them."""
    few = min(epochs, recipe.epochs)
    timing = run_plain(kind, dataclasses.replace(recipe, epochs=few), folder, float32)
    return extrapolate(timing, few, recipe.epochs)


def extrapolate(timing: Timing, few: int, epochs: int) -> Timing:
    """Return the timing of all epochs, each with its evaluation, from that of a few."""
    more = epochs - few
    one = (timing.later_epochs or timing.first_epoch) + timing.evaluation
    return dataclasses.replace(
        timing,
        accuracy=timing.accuracy if more == 0 else None,
        seconds=timing.seconds + more * one,
        evaluations=timing.evaluations + more * timing.evaluation,
        features=timing.features / few * epochs,
        extrapolated=more > 0,
    )


def few_clips(data: str, locales: Sequence[str], seed: int, clips: int, folder: Path) -> Path:
    """Write a data set of a few training clips, and a quarter as many test clips."""
    parts = split(load_data(data, locales), seed)
    folder.mkdir(parents=True)
    classes = len(label_names(parts["train"]))
    sizes = {"train": clips, "test": max(classes, round(clips * TEST_SHARE))}
    for name, size in sizes.items():
        part = parts[name]
        if size <= len(part) - classes:
            some = part.train_test_split(train_size=size, seed=seed, stratify_by_column="label")
            part = some["train"]
        part.to_parquet(folder / f"{name}-00000-of-00001.parquet")
    return folder


def random_wav2vec2(folder: Path) -> Path:
    """Save a wav2vec2-base with random weights and the published config."""
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForSequenceClassification,
    )

    torch.manual_seed(0)
    Wav2Vec2ForSequenceClassification(Wav2Vec2Config()).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    return folder


def _epochs_of(run: RunDir) -> tuple[float, float | None]:
    """Return the seconds of a run's first epoch, with the caching before it, and of later ones."""
    phases = [event for event in run.events() if isinstance(event, Phase)]
    spans = {
        phase.name: after.time - phase.time
        for phase, after in zip(phases, phases[1:], strict=False)
    }
    epochs = [seconds for name, seconds in spans.items() if name.startswith("Training")]
    caching = spans.get(COMPUTING_FEATURES, 0.0)
    later = epochs[1:]
    return caching + epochs[0], statistics.mean(later) if later else None

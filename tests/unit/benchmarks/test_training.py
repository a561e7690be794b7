"""Foundations of the training benchmark: counted arithmetic, shared data, and a comparable side."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from intent.data.dataset import label_names, load_data, split
from intent.estimate.flops import Clips, multiply_adds
from intent.recipes import Recipe, change, preset
from intent.runs.directory import RunDir
from intent.runs.events import Event, Finished
from intent.training.train import train
from tests.benchmarks.floor import arithmetic, multiply_adds_per_second
from tests.benchmarks.pairs import Timing, extrapolate, few_clips
from tests.benchmarks.plain_recipe import train_same_recipe
from tests.benchmarks.plain_trainer import Stopwatch, full_window, training_arguments
from tests.benchmarks.plain_trainer import train as train_plainly
from tests.tiny import tiny_wav2vec2, tiny_whisper, tone_folder

CLIPS = Clips(train=10, test=4, seconds=1.5)


def whisper_recipe(base: Path, **changes: object) -> Recipe:
    """Recommended for a tiny Whisper of 2 s, without what only matters to a real one."""
    values = {"base": str(base), "window_seconds": 2, "mixed_precision": False, "epochs": 1}
    return change(preset("recommended"), {**values, **changes})


def options(kind: str, folder: Path) -> object:
    """What the plain script's command line would say."""
    return type("Options", (), {"kind": kind, "folder": folder, "float32": True})


def test_a_linear_layer_multiplies_and_adds_once_for_each_weight_and_row():
    assert multiply_adds(torch.nn.Linear(5, 7, bias=False), torch.zeros(3, 5)) == 3 * 5 * 7


def test_the_matrix_rate_is_a_rate():
    assert multiply_adds_per_second("cpu", torch.float32, 64) > 0


def test_instant_computes_each_clip_and_copy_once_and_trains_nothing(tmp_path: Path):
    base = tiny_whisper(tmp_path / "base")
    recipe = change(preset("instant"), {"base": str(base), "window_seconds": 2})
    once = arithmetic(dataclasses.replace(recipe, copies=0), CLIPS)
    thrice = arithmetic(dataclasses.replace(recipe, copies=2), CLIPS)
    assert once.training == thrice.training == 0
    assert once.features * (3 * 10 + 4) == thrice.features * (10 + 4)


@pytest.mark.parametrize("method", ["leave-one-out", "fine-tune"])
def test_more_epochs_add_training_and_no_features(tmp_path: Path, method: str):
    base = tiny_whisper(tmp_path / "base")
    recipe = whisper_recipe(base, method=method, trainable_layers=1, epochs=1)
    one = arithmetic(recipe, CLIPS)
    three = arithmetic(dataclasses.replace(recipe, epochs=3), CLIPS)
    assert one.features == three.features
    assert 2 * one.training < three.training <= 3 * one.training


def test_convolutions_of_wav2vec2_are_features_and_its_layers_are_trained(tmp_path: Path):
    base = tiny_wav2vec2(tmp_path / "base")
    recipe = change(preset("recommended", "wav2vec2"), {"base": str(base), "epochs": 1})
    needed = arithmetic(recipe, CLIPS)
    assert 0 < needed.features < needed.training


def test_a_split_of_a_few_clips_has_every_label_and_no_common_clip(tmp_path: Path):
    tones = tone_folder(tmp_path / "tones")
    folder = few_clips(str(tones), ["en-US"], 0, 12, tmp_path / "few")
    parts = split(load_data(str(folder)), 0)
    assert label_names(parts["train"]) == label_names(load_data(str(tones))["all"])
    assert len(parts["train"]) == 12 and len(parts["test"]) == 3
    assert set(parts["train"]["label"]) == set(parts["test"]["label"]) == {0, 1, 2}
    assert not set(parts["train"]["name"]) & set(parts["test"]["name"])


def test_each_extrapolated_epoch_has_its_evaluation():
    took = Timing(0.5, 115.0, first_epoch=80.0, evaluation=20.0, features=60.0)
    whole = extrapolate(took, few=1, epochs=10)
    assert (whole.seconds, whole.evaluations) == (115 + 9 * (80 + 20), 9 * 20)
    assert (whole.features, whole.accuracy, whole.extrapolated) == (600, None, True)
    assert extrapolate(took, few=1, epochs=1) == took


def test_the_full_window_is_the_bases_own(tmp_path: Path):
    assert full_window(str(tiny_whisper(tmp_path / "base", window_seconds=4))) == 4


@pytest.mark.parametrize("method", ["leave-one-out", "fine-tune"])
def test_without_a_step_the_plain_side_fits_the_same_head_as_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
):
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))
    base, data = tiny_whisper(tmp_path / "base"), tone_folder(tmp_path / "tones", 20)
    recipe = whisper_recipe(
        base,
        data=str(data),
        method=method,
        head="closed-form",
        trainable_layers=1,
        copies=1,
        learning_rate=0,
        head_learning_rate=0,
        batch_size=48,
    )
    events: list[Event] = []
    (tmp_path / "run").mkdir()
    train(recipe, RunDir(tmp_path / "run"), events.append)
    ours = next(event for event in events if isinstance(event, Finished)).accuracy
    parts = split(load_data(recipe.data), recipe.seed, recipe.test_share)
    arguments = training_arguments(recipe, options("same-recipe", tmp_path / "plain"))
    plain = train_same_recipe(recipe, parts, arguments, Stopwatch())
    assert plain == pytest.approx(ours, abs=1.5 / len(parts["test"]))
    assert ours > 0.5


@pytest.mark.parametrize(
    ("kind", "still", "learns"),
    [
        ("unfrozen", (), ("projector", "feature_extractor", "encoder")),
        ("frozen-convolutions", ("feature_extractor",), ("projector", "encoder")),
        ("frozen-encoder", ("feature_extractor", "encoder"), ("projector", "classifier")),
    ],
)
def test_the_plain_script_trains_what_its_kind_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    still: tuple[str, ...],
    learns: tuple[str, ...],
):
    from safetensors.numpy import load_file

    base, data = tiny_wav2vec2(tmp_path / "base"), tone_folder(tmp_path / "tones", 6)
    recipe = change(
        preset("recommended", "wav2vec2"), {"base": str(base), "data": str(data), "epochs": 2}
    )
    parts = split(load_data(recipe.data), recipe.seed, recipe.test_share)
    watch, folder = Stopwatch(), tmp_path / "plain"
    arguments = training_arguments(recipe, options(kind, folder))
    accuracy = train_plainly(kind, recipe, parts, arguments, watch)
    assert 0 <= accuracy <= 1
    assert len(watch.epochs) == len(watch.evaluations) == 2
    before = load_file(base / "model.safetensors")
    after = load_file(max(folder.glob("checkpoint-*")) / "model.safetensors")
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not any(part in name.split(".") for name in changed for part in still)
    assert all(any(part in name.split(".") for name in changed) for part in learns)

"""Estimates of a recipe's duration: counted multiply-adds at a measured rate."""

import dataclasses
from pathlib import Path

import pytest
import torch

from intent.errors import CheckpointError
from intent.estimate import duration
from intent.estimate.flops import Clips, clip_cost, recipe_cost
from intent.models.encoders import load_base
from intent.recipes import Recipe, change, preset
from tests.benchmarks import floor
from tests.tiny import LABELS, tiny_wav2vec2, tiny_whisper

CLIPS = Clips(train=100, test=25, seconds=1.5)
RATE = 1e9


@pytest.fixture
def whisper(tmp_path: Path) -> str:
    return str(tiny_whisper(tmp_path / "whisper"))


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "_rates", {})
    monkeypatch.setattr(duration, "REPETITIONS", 1)


def recipe(base: str, name: str, family: str = "whisper", **changes: object) -> Recipe:
    return change(preset(name, family), {"base": base, "window_seconds": 2, **changes})


def test_a_base_is_counted_from_its_config_as_from_its_weights(whisper: str) -> None:
    from intent.estimate.flops import multiply_adds

    model, _ = load_base(whisper, LABELS, 2)
    model.set_attn_implementation("eager")
    counted = multiply_adds(model, torch.zeros(1, 80, 200))
    (Path(whisper) / "model.safetensors").unlink()
    assert clip_cost(recipe(whisper, "instant"), 1.5).whole == counted


def test_a_shorter_window_costs_less_and_a_whisper_clip_costs_its_window(whisper: str) -> None:
    two, one = recipe(whisper, "instant"), recipe(whisper, "instant", window_seconds=1)
    assert clip_cost(one, 1.5).whole < clip_cost(two, 1.5).whole
    assert clip_cost(two, 1.0).whole == clip_cost(two, 1.5).whole


def test_a_longer_clip_costs_a_wav2vec2_more(tmp_path: Path) -> None:
    chosen = recipe(str(tiny_wav2vec2(tmp_path / "base")), "instant", "wav2vec2")
    assert clip_cost(chosen, 1.0).whole < clip_cost(chosen, 3.0).whole
    assert clip_cost(chosen, 2.0).whole == clip_cost(chosen, 3.0).whole  # beyond the window


@pytest.mark.parametrize("name", ["instant", "recommended", "guide"])
@pytest.mark.parametrize("family", ["whisper", "wav2vec2"])
def test_what_training_computes_is_at_least_what_it_cannot_do_without(
    tmp_path: Path, name: str, family: str
) -> None:
    make = tiny_whisper if family == "whisper" else tiny_wav2vec2
    chosen = recipe(str(make(tmp_path / "base")), name, family)
    assert recipe_cost(chosen, CLIPS) >= floor.arithmetic(chosen, CLIPS).total > 0


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("instant", {"copies": 5}),
        ("recommended", {"epochs": 120}),
        ("recommended", {"copies": 5}),
        ("guide", {"epochs": 20}),
        ("guide", {"window_seconds": 2}),
    ],
)
def test_more_work_takes_longer(whisper: str, name: str, more: dict[str, int]) -> None:
    chosen = recipe(whisper, name, **({"window_seconds": 1} if name == "guide" else {}))
    less = duration.seconds(chosen, CLIPS, RATE)
    assert duration.seconds(change(chosen, more), CLIPS, RATE) > less
    assert duration.seconds(chosen, dataclasses.replace(CLIPS, train=200), RATE) > less


def test_twice_the_rate_halves_the_time_of_the_arithmetic(whisper: str) -> None:
    chosen = recipe(whisper, "guide")

    def computing(rate: float) -> float:
        constant = duration.seconds(chosen, CLIPS, float("inf"))
        return duration.seconds(chosen, CLIPS, rate) - constant

    assert computing(RATE) == pytest.approx(2 * computing(2 * RATE))


def test_a_base_that_has_no_config_cannot_be_estimated(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        duration.seconds(recipe(str(tmp_path / "nothing"), "instant"), CLIPS, RATE)


def test_the_rate_is_measured_once() -> None:
    assert not duration.is_measured(Recipe())
    rate = duration.rate_here(Recipe())
    assert rate and duration.is_measured(Recipe())
    assert duration.rate_here(Recipe()) == rate


def test_measuring_leaves_the_number_of_threads_as_it_was() -> None:
    before = torch.get_num_threads()
    assert duration.multiply_adds_per_second("cpu", torch.float32) > 0
    assert torch.get_num_threads() == before


def test_a_device_without_free_memory_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(duration, "multiply_adds_per_second", full)
    assert duration.rate_here(Recipe()) is None

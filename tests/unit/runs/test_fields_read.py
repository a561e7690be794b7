"""Which hyperparameters matter to a method: all that the form shows, and none that it hides."""

import dataclasses
import sys
from pathlib import Path

import pytest

from intent import recipes
from intent.errors import RecipeError
from intent.recipes import METHODS, Recipe, fields_read_by
from intent.runs.directory import RunDir
from intent.runs.events import EvalPoint, Event, Finished
from intent.training.train import train
from tests.tiny import tiny_wav2vec2, tiny_whisper, tone_folder

FAMILIES = {"whisper": tiny_whisper, "wav2vec2": tiny_wav2vec2}
CHOSEN_ELSEWHERE = {*recipes.OF_ANY_RECIPE}
OTHERWISE: dict[str, object] = {  # valid values, none of them a default
    "head": "closed-form",
    "mute_padding": True,
    "trainable_layers": 1,
    "learning_rate": 0.5,
    "head_learning_rate": 0.5,
    "batch_size": 7,
    "eval_batch_size": 3,
    "accumulation_steps": 3,
    "epochs": 5,
    "warmup_ratio": 0.5,
    "weight_decay": 0.5,
    "label_smoothing": 0.5,
    "spec_augment": False,
    "logging_steps": 3,
    "keep_best": True,
}
SAID: set[str] = set()


class ListeningRecipe(Recipe):
    """A recipe that records which of its fields are read, other than by copying all of them."""

    def __getattribute__(self, name: str) -> object:
        if sys._getframe(1).f_globals["__name__"].startswith("intent."):
            SAID.add(name)
        return super().__getattribute__(name)


def trained(recipe: Recipe, folder: Path) -> list[tuple[float | None, ...]]:
    """Train, and return the recorded accuracies and losses."""
    events: list[Event] = []
    folder.mkdir()
    train(recipe, RunDir(folder), events.append)
    points = [(e.accuracy, e.loss) for e in events if isinstance(e, EvalPoint)]
    return [*points, *((e.accuracy,) for e in events if isinstance(e, Finished))]


def recipe_for(method: str, family: str, tmp_path: Path, **changes: object) -> Recipe:
    base = FAMILIES[family](tmp_path / "base")
    data = tone_folder(tmp_path / "tones")
    values = {"base": str(base), "data": str(data), "window_seconds": 1, "epochs": 2, "copies": 1}
    return recipes.change(Recipe(), {**values, "method": method, **changes})


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))


each_training = pytest.mark.parametrize(
    ("method", "family"),
    [(m, f) for m in METHODS for f in FAMILIES if (m, f) != ("leave-one-out", "wav2vec2")],
)


@each_training
def test_every_field_that_a_method_uses_changes_the_result(
    method: str, family: str, tmp_path: Path
) -> None:
    values = dataclasses.asdict(recipe_for(method, family, tmp_path))
    SAID.clear()
    trained(ListeningRecipe(**values), tmp_path / "run")
    assert fields_read_by(method, family) <= SAID


@each_training
def test_a_field_that_a_method_ignores_changes_nothing(
    method: str, family: str, tmp_path: Path
) -> None:
    unread = {f.name for f in dataclasses.fields(Recipe)} - fields_read_by(method, family)
    recipe = recipe_for(method, family, tmp_path)
    other = {name: OTHERWISE[name] for name in unread - CHOSEN_ELSEWHERE}
    assert all(getattr(recipe, name) != value for name, value in other.items())
    first = trained(recipe, tmp_path / "first")
    assert trained(recipes.change(recipe, other), tmp_path / "second") == first


def test_leave_one_out_refuses_a_batch_that_holds_few_of_its_clips(tmp_path: Path) -> None:
    recipe = recipe_for("leave-one-out", "whisper", tmp_path, batch_size=23)
    with pytest.raises(RecipeError) as caught:
        trained(recipe, tmp_path / "run")
    assert str(caught.value) == (
        "leave-one-out classifies each recording with a head fitted on the rest of its batch: "
        "batch_size must be at least 24 here, but is 23."
    )


@pytest.mark.parametrize("method", ["leave-one-out", "fine-tune"])
def test_a_batch_of_all_clips_or_another_method_is_not_refused(method: str, tmp_path: Path) -> None:
    batch = {"leave-one-out": 24, "fine-tune": 5}[method]
    recipe = recipe_for(method, "whisper", tmp_path, batch_size=batch, epochs=1)
    assert trained(recipe, tmp_path / "run")

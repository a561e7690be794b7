"""When the hint about accuracy at chance level is shown."""

import dataclasses
import functools

import pytest

from intent.recipes import preset
from intent.runs.chance_hint import GUIDE, USUAL, plateau
from intent.runs.events import EvalPoint, Finished, History, Started
from intent.runs.folding import add_event

LABELS = tuple("abcdefghijklmn")


def history(*accuracies: float, ended: bool = False) -> History:
    happened = [Started("fine-tune", LABELS, 450, 113, seen_clips=0, device="CPU")]
    happened += [EvalPoint(a, 2.6, step=i, epoch=float(i)) for i, a in enumerate(accuracies, 1)]
    happened += [Finished("done", accuracies[-1], (0.0, 0.2), 113, 9.0)] if ended else []
    return functools.reduce(add_event, happened, History())


def test_a_curve_at_chance_is_explained_from_the_second_evaluation_on() -> None:
    recipe = preset("recommended", "wav2vec2")
    assert plateau(history(0.08), recipe) is None
    assert plateau(history(0.08, 0.06), recipe) == USUAL
    assert plateau(history(0.08), dataclasses.replace(recipe, epochs=5)) == USUAL


def test_the_guide_recipe_explains_its_usual_accuracy() -> None:
    assert plateau(history(0.08, 0.06), preset("guide", "wav2vec2")) == GUIDE


@pytest.mark.parametrize(
    "happened",
    [History(), history(0.08, 0.3), history(0.3, 0.4), history(0.08, 0.07, ended=True)],
    ids=["nothing yet", "left chance", "never there", "over"],
)
def test_no_hint_is_shown_without_a_plateau(happened: History) -> None:
    assert plateau(happened, preset("recommended", "wav2vec2")) is None


def test_a_head_fitted_in_closed_form_has_no_plateau() -> None:
    assert plateau(history(0.08, 0.06), preset("instant")) is None

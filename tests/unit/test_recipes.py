"""Recipes: presets, ranges, wild text, and JSON there and back."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.errors import RecipeError
from intent.recipes import HEADS, METHODS, OF_ANY_RECIPE, PRESETS, RANGES, Recipe, change, preset

NAMES = [field.name for field in dataclasses.fields(Recipe)]
OPTIONAL = ("trainable_layers", "head_learning_rate")
WHOLE = [name for name in RANGES if type(getattr(Recipe(), name)) is int] + ["trainable_layers"]


def number_in(name: str) -> st.SearchStrategy:
    low, high = RANGES[name]
    numbers = st.integers(low, high) if name in WHOLE else st.floats(low, high)
    return st.none() | numbers if name in OPTIONAL else numbers


recipes = st.builds(
    Recipe,
    preset=st.sampled_from(PRESETS),
    data=st.text(),
    base=st.text(),
    locales=st.lists(st.sampled_from(["en-US", "fr-FR", "zh-CN"]), min_size=1).map(tuple),
    method=st.sampled_from(METHODS),
    head=st.sampled_from(HEADS),
    **{
        field.name: st.booleans()
        for field in dataclasses.fields(Recipe)
        if type(field.default) is bool
    },
    **{name: number_in(name) for name in RANGES},
)


@given(recipes)
def test_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe


@given(recipes)
def test_every_field_survives_as_text(recipe: Recipe) -> None:
    values = {
        name: ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in dataclasses.asdict(recipe).items()
    }
    assert change(Recipe(), values) == recipe


@pytest.mark.parametrize("name", RANGES)
def test_number_below_and_above_its_range_is_named_with_the_range(name: str) -> None:
    low, high = RANGES[name]
    for value in (low - 1, high + 1):
        with pytest.raises(RecipeError) as error:
            change(Recipe(), {name: value})
        assert str(error.value) == (f"{name} must be from {low:g} to {high:g}, but is {value:g}.")


@pytest.mark.parametrize("name", RANGES)
def test_both_ends_of_a_range_are_allowed(name: str) -> None:
    for value in RANGES[name]:
        assert getattr(change(Recipe(), {name: value}), name) == value


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), st.text() | st.none() | st.floats()))
def test_wild_changes_give_a_recipe_or_one_line(values: dict[str, object]) -> None:
    try:
        assert isinstance(change(Recipe(), values), Recipe)
    except RecipeError as error:
        assert len(str(error).splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner),
)


@given(st.text() | JSON.map(json.dumps))
def test_wild_json_gives_a_recipe_or_a_recipe_error(text: str) -> None:
    try:
        assert isinstance(Recipe.from_json(text), Recipe)
    except RecipeError:
        pass


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epochs", "many", "epochs must be a whole number, but is 'many'."),
        ("epochs", "2.5", "epochs must be a whole number, but is '2.5'."),
        ("epochs", True, "epochs must be a whole number, but is True."),
        ("learning_rate", "nan", "learning_rate must be a number, but is 'nan'."),
        ("spec_augment", "so", "spec_augment must be true or false, but is 'so'."),
        ("base", None, "base must be a string, but is None."),
        ("locales", 3, "locales must be a list, but is 3."),
        (
            "head",
            "large",
            "head must be one of random, closed-form, but is 'large'.",
        ),
    ],
)
def test_wrong_type_is_named_with_what_is_wanted(name: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        change(Recipe(), {name: value})
    assert str(error.value) == message


def test_unknown_name_is_reported_with_the_valid_names() -> None:
    with pytest.raises(RecipeError) as error:
        change(Recipe(), {"lr": "1"})
    accepted = ", ".join(name for name in NAMES if name not in OF_ANY_RECIPE)
    assert str(error.value) == f"There is no hyperparameter 'lr': choose from {accepted}."


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(RecipeError):
        Recipe.from_json("[" * 100_000)


def test_guide_preset_has_the_hyperparameters_of_the_guide() -> None:
    guide = preset("guide", "wav2vec2")
    assert (guide.learning_rate, guide.epochs, guide.warmup_ratio) == (3e-5, 10, 0.1)
    assert (guide.batch_size, guide.eval_batch_size, guide.accumulation_steps) == (32, 32, 4)
    assert (guide.logging_steps, guide.window_seconds, guide.keep_best) == (10, 1, True)
    assert (guide.method, guide.head, guide.trainable_layers) == ("fine-tune", "random", None)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("family", ["whisper", "wav2vec2", "hubert", "wavlm"])
def test_presets_know_their_name(name: str, family: str) -> None:
    assert preset(name, family).preset == name


def test_unknown_preset_is_refused_with_the_valid_presets() -> None:
    with pytest.raises(RecipeError) as error:
        preset("fast")
    assert str(error.value) == ("preset must be one of guide, recommended, instant, but is 'fast'.")

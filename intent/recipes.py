"""A recipe: all choices for training in one frozen dataclass, stored as JSON."""

import dataclasses
import json
import math
import re
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intent.errors import RecipeError
from intent.json_reader import JsonError, read_json
from intent.paths import BUNDLED, OWN_WORDS

PRESETS = ("guide", "recommended", "instant")
WHISPER = "whisper"
METHODS = ("fine-tune", "closed-form", "leave-one-out")
HEADS = ("random", "closed-form")

NOT_READ = "not used"  # in place of the value of a hyperparameter that a method ignores
# not hyperparameters
OF_ANY_RECIPE = (
    "preset",
    "data",
    "locales",
    "base",
    "audio_column",
    "label_column",
    "reject_label",
)

# The hyperparameters that each method uses.
OF_EVERY_METHOD = ("seed", "test_share", "window_seconds", "copies", "mixed_precision")
OF_GRADIENTS = (
    "learning_rate",
    "batch_size",
    "epochs",
    "warmup_ratio",
    "weight_decay",
    "logging_steps",
    "keep_best",
)
OF_METHOD: dict[str, tuple[str, ...]] = {
    "closed-form": (),
    "leave-one-out": OF_GRADIENTS,
    "fine-tune": (
        *OF_GRADIENTS,
        "head",
        "trainable_layers",
        "head_learning_rate",
        "eval_batch_size",
        "accumulation_steps",
        "label_smoothing",
    ),
}

EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}

LOCALE = re.compile(r"[A-Za-z0-9_-]{1,20}")
MAX_LOCALES = 100

# field → (lowest, highest), inclusive
RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**32 - 1),
    "test_share": (0.05, 0.5),
    "window_seconds": (1, 30),
    "trainable_layers": (0, 48),
    "learning_rate": (0, 1),
    "head_learning_rate": (0, 1),
    "batch_size": (1, 4096),
    "eval_batch_size": (1, 256),
    "accumulation_steps": (1, 64),
    "epochs": (1, 200),
    "warmup_ratio": (0, 0.9),
    "weight_decay": (0, 1),
    "label_smoothing": (0, 0.9),
    "logging_steps": (1, 1000),
    "copies": (0, 8),
}


@dataclass(frozen=True)
class Recipe:
    """What to train, on which data, and how; raises RecipeError for a value out of range.

    `trainable_layers` counts the upper transformer layers that are trained (0: only the head); None
    trains the whole model, with its convolutions. `copies` is the number of augmented copies (tempo,
    noise) of each training clip, besides the original. `mute_padding` excludes the padding of a
    Whisper window from the mean over its frames. `mixed_precision` uses bf16 or fp16 on a GPU.
    `keep_best` keeps the epoch with the best test accuracy, as the guide does; otherwise the last
    epoch is kept, so that the test accuracy is not biased by selection. `audio_column` and
    `label_column` name columns of the data's table; "" finds them by their usual names.
    `reject_label` is the label of the data that means "none of the intents"; "": there is none.
    """

    preset: str = "recommended"
    data: str = "minds14"
    locales: tuple[str, ...] = ("en-US",)
    base: str = BUNDLED
    seed: int = 42
    test_share: float = 0.2
    method: str = "fine-tune"
    head: str = "random"
    window_seconds: int = 10
    mute_padding: bool = False
    trainable_layers: int | None = None
    copies: int = 0
    learning_rate: float = 3e-5
    head_learning_rate: float | None = None
    batch_size: int = 32
    eval_batch_size: int = 32
    accumulation_steps: int = 1
    epochs: int = 10
    warmup_ratio: float = 0.1
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    spec_augment: bool = True
    logging_steps: int = 10
    mixed_precision: bool = True
    keep_best: bool = False
    audio_column: str = ""
    label_column: str = ""
    reject_label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "locales", tuple(self.locales))
        _check_choice("preset", self.preset, PRESETS)
        _check_choice("method", self.method, METHODS)
        _check_choice("head", self.head, HEADS)
        if self.data == OWN_WORDS:
            raise RecipeError(
                f'"{OWN_WORDS}" is an exam, used only to evaluate: train on other data, such as minds14.'
            )
        if len(self.locales) > MAX_LOCALES or not all(map(LOCALE.fullmatch, self.locales)):
            raise RecipeError(
                f"locales must be at most {MAX_LOCALES} names such as en-US, but are "
                f"{reprlib.repr(self.locales)}."
            )
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not lowest <= value <= highest:
                raise RecipeError(
                    f"{name} must be from {lowest:g} to {highest:g}, but is {value:g}."
                )

    def to_json(self) -> str:
        """Return the recipe as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Return the recipe in JSON that `to_json` wrote; raises RecipeError for anything else."""
        try:
            return read_json(cls, text)
        except JsonError as error:
            raise RecipeError(f"{error}.") from None


def preset(name: str, family: str = WHISPER) -> Recipe:
    """Return a preset for an encoder family (a `model_type`, such as "whisper").

    guide: exactly as in huggingface.co/docs/transformers/tasks/audio_classification.
    recommended, Whisper: fine-tunes the last feed-forward network with a leave-one-out loss
    (intent/training/leave_one_out/loss.py). recommended, others: the hyperparameters of public model
    cards of encoders fine-tuned on MInDS-14 (batch 8, no accumulation, lr 5e-5).
    """
    _check_choice("preset", name, PRESETS)
    if name == "guide":
        return Recipe(
            preset="guide",
            window_seconds=1,
            accumulation_steps=4,
            mixed_precision=False,
            keep_best=True,
        )
    if name == "instant":
        return Recipe(
            preset="instant",
            method="closed-form",
            head="closed-form",
            trainable_layers=0,
            window_seconds=15,
            mute_padding=True,
            copies=2,
        )
    if family == WHISPER:
        return Recipe(
            method="leave-one-out",
            head="closed-form",
            window_seconds=15,
            mute_padding=True,
            copies=3,
            learning_rate=1e-3,
            warmup_ratio=0.2,
            batch_size=256,
            epochs=12,
        )
    return Recipe(
        trainable_layers=48,
        learning_rate=5e-5,
        batch_size=8,
        eval_batch_size=8,
        epochs=20,
    )


def fields_read_by(method: str, family: str = WHISPER) -> frozenset[str]:
    """Return the hyperparameters that a method uses with an encoder family, `method` included."""
    of_family = ("mute_padding",) if family == WHISPER else ()
    if family != WHISPER and method == "fine-tune":  # Whisper classifiers have no SpecAugment
        of_family = ("spec_augment",)
    return frozenset(("method", *OF_EVERY_METHOD, *OF_METHOD[method], *of_family))


def value_read(recipe: Recipe, name: str) -> object:
    """Return a field's value, or NOT_READ if the method ignores it with every encoder family."""
    read = fields_read_by(recipe.method, WHISPER) | fields_read_by(recipe.method, "another")
    return getattr(recipe, name) if name in read or name in OF_ANY_RECIPE else NOT_READ


def change(recipe: Recipe, values: Mapping[str, object]) -> Recipe:
    """Return the recipe with some fields changed, each value converted to its field's type.

    Values may be text, as typed on a command line or in a form ("3e-5", "true", "none").
    Raises RecipeError for an unknown name, a wrong type, or a value out of range.
    """
    hints = typing.get_type_hints(Recipe)
    unknown = [name for name in values if name not in hints]
    if unknown:
        found = reprlib.repr(unknown[0])
        known = ", ".join(name for name in hints if name not in OF_ANY_RECIPE)
        raise RecipeError(f"There is no hyperparameter {found}: choose from {known}.")
    converted = {name: _convert(name, hints[name], value) for name, value in values.items()}
    return dataclasses.replace(recipe, **converted)


def _convert(name: str, hint: Any, value: Any) -> Any:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(None) in kinds and (value is None or str(value).strip().lower() in ("none", "")):
        return None
    kind = kinds[0]
    try:
        if typing.get_origin(kind) is tuple:
            items = value.split(",") if isinstance(value, str) else map(str, value)
            return tuple(item.strip() for item in items if item.strip())
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        if kind is str and isinstance(value, str):
            return value
        if kind is str or isinstance(value, bool):
            raise TypeError
        number = float(value)
        if math.isnan(number) or (kind is int and number != int(number)):
            raise ValueError
        return kind(number)
    except (TypeError, ValueError, KeyError, OverflowError):
        expected = EXPECTED.get(kind, "a list")
        found = reprlib.repr(value)
        raise RecipeError(f"{name} must be {expected}, but is {found}.") from None


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        found = reprlib.repr(value)
        raise RecipeError(f"{name} must be one of {', '.join(choices)}, but is {found}.")

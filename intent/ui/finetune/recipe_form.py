"""The recipe as a form: base, preset, and every hyperparameter by its field of the dataclass."""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr

from intent.devices import best_device
from intent.errors import IntentError
from intent.models.encoders import BASES
from intent.paths import BUNDLED
from intent.recipes import (
    HEADS,
    METHODS,
    OF_ANY_RECIPE,
    PRESETS,
    RANGES,
    WHISPER,
    Recipe,
    fields_read_by,
    preset,
)
from intent.runs.access import is_public
from intent.ui.shared.html import notice_html
from intent.ui.shared.requests import family
from intent.ui.shared.visitors import told

CHOICES = {"method": METHODS, "head": HEADS}
SENTENCES = {
    "instant": "The encoder stays as it is and hears each recording once; the best linear head on "
    "top is solved, not searched.",
    "recommended": "On top of that the last layer learns, asked of each recording by a head that was "
    "solved without it. More minutes, fewer mistakes.",
    "guide": "The task guide’s own hyperparameters, to the letter, with the first second of each "
    "recording. To see where one starts from.",
}
WORDS = {  # field → its name on the page, and what it does
    "window_seconds": ("Window, seconds", "what is heard of a recording"),
    "mute_padding": ("Mute the padding", "Whisper: keep it out of the mean over the window"),
    "copies": ("Altered copies", "of each training recording: other tempo, noise"),
    "spec_augment": ("SpecAugment", "hides parts of the sound while learning"),
    "method": ("Method", "fine-tune by gradient, solve the head, or teach the last layer"),
    "head": ("First head", "random, or solved on the frozen encoder"),
    "trainable_layers": ("Layers that learn", "counted from the top; empty: all of the model"),
    "learning_rate": ("Learning rate", "its highest, after the warm-up"),
    "head_learning_rate": ("Head’s learning rate", "empty: the same as for the layers"),
    "epochs": ("Epochs", "passes over the training part"),
    "batch_size": ("Batch size", "recordings in a micro-batch"),
    "accumulation_steps": ("Accumulation", "micro-batches in a step"),
    "warmup_ratio": ("Warm-up", "the share of all steps"),
    "weight_decay": ("Weight decay", "pulls weights towards zero"),
    "label_smoothing": ("Label smoothing", "the share given to all intents alike"),
    "mixed_precision": ("Mixed precision", "on a GPU: half precision where it is safe"),
    "test_share": ("Test share", "kept apart; a data set’s own test part stays"),
    "seed": ("Seed", "of the split and of all chance"),
    "eval_batch_size": ("Evaluation batch size", "recordings at a time"),
    "logging_steps": ("Logging steps", "between two lines of Trainer’s own log"),
    "keep_best": ("Keep the best epoch", "chosen on the test part, as the guide does"),
}


@dataclass(frozen=True)
class RecipeForm:
    """The components of the form; `fields` are in the order of `field_names()`.

    `expected` says where the figures in the presets' cards come from; `filled` is the
    (base, preset) that the fields were last filled in for.
    """

    base: gr.Dropdown
    preset: gr.Radio
    expected: gr.HTML
    filled: gr.State
    fields: tuple[gr.components.Component, ...]


def field_names() -> tuple[str, ...]:
    """Return the hyperparameters of a recipe in the order in which the form shows them."""
    names = [f.name for f in dataclasses.fields(Recipe) if f.name not in OF_ANY_RECIPE]
    known = list(WORDS)
    return tuple(sorted(names, key=lambda name: known.index(name) if name in known else len(known)))


def build_recipe_form(cards: list[tuple[str, str]], origin: str) -> RecipeForm:
    """Lay the form out inside the present Blocks; choosing a preset or a base fills it in.

    `cards` are the presets with their first texts, as `preset_cards` makes them; `origin`, where
    the figures in them come from.
    """
    chosen = default_preset()
    base = gr.Dropdown(
        [(f"{one.checkpoint} — {one.note}", one.checkpoint) for one in BASES],
        value=BUNDLED,
        allow_custom_value=True,
        label="Base checkpoint",
        elem_id="base",
        info=base_note(BUNDLED),
    )
    which = gr.Radio(cards, value=chosen, label="Preset", elem_id="preset", elem_classes="is-cards")
    expected = gr.HTML(origin, elem_id="expected", elem_classes="is-quiet")
    with gr.Accordion("Every hyperparameter", open=False, elem_id="hyperparameters"):
        with gr.Row(elem_classes="is-fields"):
            fields = tuple(_component(name, preset(chosen)) for name in field_names())
    method = fields[field_names().index("method")]
    note = gr.HTML(elem_id="recipe-note", elem_classes="is-note")
    filled = gr.State((BUNDLED, chosen))
    form = RecipeForm(base, which, expected, filled, fields)
    for component in (base, which):
        component.input(
            fill_in,
            [base, which],
            [note, base, filled, *fields],
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )
    method.input(
        show_fields,
        [base, method],
        list(fields),
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    return form


def preset_cards(figures: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each preset with the text of its card: name, figures a line each, what it does."""
    return [
        (f"{name.capitalize()}\n{figures[name]}\n{SENTENCES[name]}", name)
        for name in reversed(PRESETS)
    ]


def fill_in(base: str | None, preset_name: str) -> tuple[object, ...]:
    """Return a note, empty if all is well, the base's words, what for, and each field's value."""
    note, kind = "", WHISPER
    try:
        kind = family(base)
    except IntentError as error:
        note = notice(told(str(error)))
    recipe = preset(preset_name, kind)
    about = gr.update(info=base_note(base or BUNDLED))
    fields = (
        gr.update(value=getattr(recipe, name), visible=name in fields_read_by(recipe.method, kind))
        for name in field_names()
    )
    return note, about, (base, preset_name), *fields


def show_fields(base: str | None, method: str) -> tuple[object, ...]:
    """Show the hyperparameters that the method reads, and hide the others."""
    read = fields_read_by(method, family_or_whisper(base))
    return tuple(gr.update(visible=name in read) for name in field_names())


def values_of(
    base: str | None, preset_name: str, filled: tuple[str | None, str], values: tuple[object, ...]
) -> dict[str, object]:
    """Return the value of each hyperparameter that a visitor means.

    A click may overtake the filling in of the fields: then they still show another preset, and the
    chosen one's values are meant.
    """
    if tuple(filled) != (base, preset_name):
        recipe = preset(preset_name, family_or_whisper(base))
        values = tuple(getattr(recipe, name) for name in field_names())
    return dict(zip(field_names(), values, strict=True))


def family_or_whisper(base: str | None) -> str:
    """Return the model type of a base; where it cannot be known, that of the presets' default."""
    try:
        return family(base)
    except IntentError:
        return WHISPER


def base_note(base: str) -> str:
    """Return a word on a base, and how to choose one that the menu does not have."""
    notes = {one.checkpoint: f"{one.note[:1].upper()}{one.note[1:]}. " for one in BASES}
    others = "A Hub id or the id of a run" if is_public() else "A Hub id or a folder"
    return f"{notes.get(base, '')}{others} can be typed in, too."


def default_preset() -> str:
    """Return the preset that suits this machine: without a GPU only Instant is quick."""
    return "instant" if best_device() == "cpu" else "recommended"


def notice(sentence: str) -> str:
    """Return a sentence in a calm box that a screen reader announces."""
    return f"<div role='alert'>{notice_html(sentence)}</div>"


def _component(name: str, recipe: Recipe) -> gr.components.Component:
    label, meaning = WORDS.get(name, (name.replace("_", " ").capitalize(), ""))
    value = getattr(recipe, name)
    info = " · ".join(part for part in (name, _range(name), meaning) if part)
    looks = {"label": label, "info": info, "min_width": 190}
    looks["visible"] = name in fields_read_by(recipe.method)
    if name in CHOICES:
        return gr.Dropdown(list(CHOICES[name]), value=value, **looks)
    hint = typing.get_type_hints(Recipe)[name]
    return gr.Checkbox(value, **looks) if hint is bool else gr.Number(value, **looks)


def _range(name: str) -> str:
    return "{:g} to {:g}".format(*RANGES[name]) if name in RANGES and name != "seed" else ""

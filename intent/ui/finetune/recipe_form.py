"""The recipe as a form: base model, preset, and one field per hyperparameter."""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from intent.devices import best_device, may_have_gpu
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
from intent.ui.shared.format import capitalized
from intent.ui.shared.html import alert_html
from intent.ui.shared.requests import family
from intent.ui.shared.wiring import Updates, errors_in, on, sentence_of

Field = gr.Dropdown | gr.Checkbox | gr.Number
FieldUpdates = dict[str, dict[str, Any]]  # name of a hyperparameter → gr.update of its field

CHOICES = {"method": METHODS, "head": HEADS}
NOT_IN_FORM = ("logging_steps",)  # of Trainer's own log, which the page does not show
SENTENCES = {
    "instant": "Keeps the encoder frozen and fits a linear classifier on its features in closed "
    "form.",
    "recommended": "Fine-tunes the encoder’s last feed-forward network with a leave-one-out loss, "
    "then fits the classifier as Instant does. Slower than Instant.",
    "guide": "The hyperparameters of Hugging Face’s audio classification guide, with the first "
    "second of each recording’s part with speech. A baseline for comparison.",
}
RECOMMENDED_OTHERS = (  # for encoders other than Whisper
    "Fine-tunes all transformer layers and the classifier with a cross-entropy loss. Slower than "
    "Instant."
)
WORDS = {  # field → its name on the page, and what it does
    "window_seconds": ("Window, seconds", "how much of the part with speech is used"),
    "mute_padding": ("Mute padding", "Whisper: excludes padding from the mean over the window"),
    "copies": ("Augmented copies", "per training recording, with added noise or a changed tempo"),
    "spec_augment": ("SpecAugment", "masks parts of the spectrogram during training"),
    "method": ("Method", "gradient descent, closed-form head, or leave-one-out loss (Whisper)"),
    "head": ("Initial head", "random, or fitted in closed form on the frozen encoder"),
    "trainable_layers": ("Trainable layers", "counted from the top; empty: the whole model"),
    "learning_rate": ("Learning rate", "peak value, after the warm-up"),
    "head_learning_rate": ("Head learning rate", "empty: the same as the learning rate"),
    "epochs": ("Epochs", "passes over the training set"),
    "batch_size": ("Batch size", "recordings per micro-batch"),
    "accumulation_steps": ("Accumulation", "micro-batches per optimizer step"),
    "warmup_ratio": ("Warm-up", "fraction of all steps"),
    "weight_decay": ("Weight decay", "shrinks weights toward zero"),
    "label_smoothing": ("Label smoothing", "fraction of the target spread evenly over all intents"),
    "mixed_precision": ("Mixed precision", "bf16 or fp16 on a GPU"),
    "test_share": ("Test set fraction", "ignored if the data set has its own test set"),
    "seed": ("Seed", "for the split and all random numbers"),
    "eval_batch_size": ("Evaluation batch size", "recordings per batch"),
    "keep_best": ("Keep the best epoch", "by accuracy on the test set, as in the guide"),
}


@dataclass(frozen=True)
class RecipeForm:
    """The components of the form; `fields` are in the order of `field_names()`.

    `expected` says what the accuracies in the presets' cards were measured with; `filled` is the
    (base, preset) whose values the fields were last filled with.
    """

    base: gr.Dropdown
    preset: gr.Radio
    expected: gr.HTML
    filled: gr.State
    fields: tuple[Field, ...]
    note: gr.HTML


def field_names() -> tuple[str, ...]:
    """Return the hyperparameters in the order of their fields in the form."""
    hidden = (*OF_ANY_RECIPE, *NOT_IN_FORM)
    names = [field.name for field in dataclasses.fields(Recipe) if field.name not in hidden]
    known = list(WORDS)
    return tuple(sorted(names, key=lambda name: known.index(name) if name in known else len(known)))


def build_recipe_form(cards: list[tuple[str, str]], origin: str) -> RecipeForm:
    """Lay out the form inside the current Blocks; choosing a preset or a base fills its fields.

    `cards` are the presets with their first texts, from `preset_cards`; `origin` says what the
    accuracies in them were measured with.
    """
    chosen = default_preset()
    base = gr.Dropdown(
        [(f"{one.checkpoint} — {one.note}", one.checkpoint) for one in BASES],
        value=BUNDLED,
        allow_custom_value=True,
        label="Base model",
        elem_id="base",
        info=base_note(BUNDLED),
    )
    which = gr.Radio(cards, value=chosen, label="Recipe", elem_id="preset", elem_classes="is-cards")
    expected = gr.HTML(origin, elem_id="expected", elem_classes="is-quiet")
    with gr.Accordion("Hyperparameters", open=False, elem_id="hyperparameters"):
        with gr.Row(elem_classes="is-fields"):
            fields = tuple(_component(name, preset(chosen)) for name in field_names())
    note = gr.HTML(elem_id="recipe-note", elem_classes="is-note")
    form = RecipeForm(base, which, expected, gr.State((BUNDLED, chosen)), fields, note)
    _wire(form)
    return form


def preset_cards(figures: Mapping[str, str], kind: str = WHISPER) -> list[tuple[str, str]]:
    """Return (text, name) of each preset's card; the text is its name, figures and description.

    kind: the model type of the base model, which decides what Recommended trains.
    """
    sentences = SENTENCES if kind == WHISPER else {**SENTENCES, "recommended": RECOMMENDED_OTHERS}
    return [
        (f"{name.capitalize()}\n{figures[name]}\n{sentences[name]}", name)
        for name in reversed(PRESETS)
    ]


def fill_in(base: str | None, preset_name: str) -> tuple[str, FieldUpdates]:
    """Return the fields with a preset's values, and why the base cannot be used ("" if it can)."""
    note, kind = "", WHISPER
    try:
        kind = family(base)
    except IntentError as error:
        note = sentence_of(error)
    recipe = preset(preset_name, kind)
    read = fields_read_by(recipe.method, kind)
    fields = {
        name: gr.update(value=getattr(recipe, name), visible=name in read) for name in field_names()
    }
    return note, fields


def show_fields(base: str | None, method: str) -> FieldUpdates:
    """Show the hyperparameters that the method uses, and hide the others."""
    read = fields_read_by(method, family_or_whisper(base))
    return {name: gr.update(visible=name in read) for name in field_names()}


def values_of(
    base: str | None, preset_name: str, filled: tuple[str | None, str], values: Sequence[object]
) -> dict[str, object]:
    """Return the value of each hyperparameter in the form.

    A click can arrive before the fields are filled for the preset just chosen: then the values of
    the chosen preset are returned, not those of the fields.
    """
    if tuple(filled) != (base, preset_name):
        recipe = preset(preset_name, family_or_whisper(base))
        values = tuple(getattr(recipe, name) for name in field_names())
    return dict(zip(field_names(), values, strict=True))


def family_or_whisper(base: str | None) -> str:
    """Return the model type of a base, or Whisper's if the base cannot be used."""
    try:
        return family(base)
    except IntentError:
        return WHISPER


def base_note(base: str) -> str:
    """Return a description of a base model, and how to use one that is not in the menu."""
    notes = {one.checkpoint: f"{capitalized(one.note)}. " for one in BASES}
    others = "a Hub id or the id of a run"
    if not is_public():
        others = "a Hub id, the id of a run or the path of a folder"
    return f"{notes.get(base, '')}You can also type {others}."


def default_preset() -> str:
    """Return the default preset for this machine: Instant without a GPU, which is the fastest."""
    return "recommended" if may_have_gpu() and best_device() != "cpu" else "instant"


def _wire(form: RecipeForm) -> None:
    by_name = dict(zip(field_names(), form.fields, strict=True))

    @errors_in(form.note)
    def fill_form(base: str | None, preset_name: str) -> Updates:
        note, fields = fill_in(base, preset_name)
        return {
            form.note: alert_html(note) if note else "",
            form.base: gr.update(info=base_note(base or BUNDLED)),
            form.filled: (base, preset_name),
            **{by_name[name]: update for name, update in fields.items()},
        }

    @errors_in(form.note)
    def show_method_fields(base: str | None, method: str) -> Updates:
        return {by_name[name]: update for name, update in show_fields(base, method).items()}

    filled = [form.note, form.base, form.filled, *form.fields]
    for component in (form.base, form.preset):
        chosen = [form.base, form.preset]
        on(component.input, fill_form, chosen, filled, trigger_mode="always_last")
    method = by_name["method"]
    shown = [form.note, *form.fields]
    on(method.input, show_method_fields, [form.base, method], shown, trigger_mode="always_last")


def _component(name: str, recipe: Recipe) -> Field:
    label, meaning = WORDS.get(name, (capitalized(name.replace("_", " ")), ""))
    value = getattr(recipe, name)
    options: dict[str, Any] = {
        "label": label,
        "info": " · ".join(part for part in (name, _range(name), meaning) if part),
        "min_width": 190,
        "visible": name in fields_read_by(recipe.method),
    }
    if name in CHOICES:
        return gr.Dropdown(list(CHOICES[name]), value=value, **options)
    hint = typing.get_type_hints(Recipe)[name]
    return gr.Checkbox(value, **options) if hint is bool else gr.Number(value, **options)


def _range(name: str) -> str:
    return "{:g} to {:g}".format(*RANGES[name]) if name in RANGES and name != "seed" else ""

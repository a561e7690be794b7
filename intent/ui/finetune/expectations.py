"""Show the expected accuracy and time of each preset, and the time of the chosen recipe."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from intent.devices import device_name
from intent.errors import CheckpointError, IntentError
from intent.evaluation.benchmark_results import Measured
from intent.paths import BUNDLED
from intent.recipes import PRESETS, WHISPER, Recipe, preset
from intent.ui.finetune.data_choice import DataChoice
from intent.ui.finetune.data_view import DataView
from intent.ui.finetune.expected_accuracy import accuracy_line, origin, rows_for
from intent.ui.finetune.form_values import FormValues, form_inputs
from intent.ui.finetune.recipe_form import RecipeForm, family_or_whisper, preset_cards
from intent.ui.shared.format import time_in_words
from intent.ui.shared.recordings import DataPreview
from intent.ui.shared.requests import checked_recipe
from intent.ui.shared.wiring import NO_LIMIT, Updates, any_of, errors_in, on, sentence_of

if TYPE_CHECKING:
    from intent.ui.finetune.data_amounts import Amount

MEASURING = "Measuring the speed of this machine…"
NOT_MEASURED = "No estimate: the device has too little free memory to measure its speed."
UNKNOWN = "unknown"
INVALID = "—"
IN_PROGRESS = "measuring…"
CAVEAT = "Shorter if features are cached. Downloads are not included."
COUNT = "Preview the data to count its recordings."


@dataclasses.dataclass(frozen=True)
class Expectation:
    """The texts of the presets' cards, and two lines of HTML."""

    cards: list[tuple[str, str]]
    origin: str  # what the accuracies were measured with
    estimate: str  # the time of the chosen recipe


@dataclasses.dataclass(frozen=True)
class Times:
    """Estimated seconds of each preset and the "chosen" recipe; for `per` recordings, if set."""

    seconds: dict[str, float]
    per: int | None


@dataclasses.dataclass(frozen=True)
class Accuracies:
    """The measured rows of the presets; `is_exact`: with the chosen data and base model."""

    rows: Mapping[str, Measured]
    is_exact: bool
    family: str  # of the base model

    def with_times(self, time_of: Callable[[str], str], estimate: str) -> Expectation:
        """Combine the accuracies with the time of each preset and the line of the estimate."""
        figures = {
            name: f"{accuracy_line(name, self.rows)}\nEstimated time: {time_of(name)}"
            for name in PRESETS
        }
        return Expectation(
            preset_cards(figures, self.family),
            f"<p>{escape(origin(self.rows, self.is_exact))}</p>",
            estimate,
        )


def first_expectation(source: str) -> Expectation:
    """Return what the page shows before the machine is measured."""
    accuracies = Accuracies(*rows_for(source, ["en-US"], BUNDLED), WHISPER)
    return accuracies.with_times(lambda name: IN_PROGRESS, estimate_html(MEASURING))


def wire_expectations(
    data: DataChoice,
    form: RecipeForm,
    estimate: gr.HTML,
    view: DataView,
    result: gr.HTML,
    tab: gr.Tab,
) -> None:
    """Update the expectation when the tab opens, the choice changes, or a run ends."""

    @errors_in(estimate)
    def update_expectation(preview: DataPreview | None, *values: object) -> Iterator[Updates]:
        for found in expect(FormValues.of(values), preview):
            yield {
                form.preset: gr.update(choices=found.cards),
                form.expected: found.origin,
                estimate: found.estimate,
            }

    changed = any_of(
        tab.select,
        data.source.change,
        data.locales.change,
        data.folder.blur,
        form.base.input,
        form.preset.input,
        view.figures.change,
        result.change,
        *(field.input for field in form.fields),
    )
    on(
        changed,
        update_expectation,
        [view.preview, *form_inputs(data, form)],
        [form.preset, form.expected, estimate],
        limit=NO_LIMIT,
        trigger_mode="always_last",
    )


def expect(form: FormValues, preview: DataPreview | None) -> Iterator[Expectation]:
    """Yield the expectation for the values in the form, first without measuring this machine."""
    from intent.estimate import duration  # imports transformers, which would delay the page
    from intent.ui.finetune.data_amounts import amount_of

    rows, is_exact = rows_for(form.source, form.locales, form.base)
    accuracies = Accuracies(rows, is_exact, family_or_whisper(form.base))
    try:
        recipe = checked_recipe(form.request())
    except IntentError as error:
        time = UNKNOWN if isinstance(error, CheckpointError) else INVALID
        yield accuracies.with_times(lambda name: time, _reason(sentence_of(error)))
        return
    if not duration.is_measured(recipe):
        yield accuracies.with_times(lambda name: IN_PROGRESS, _reason(MEASURING))
    rate = duration.rate_here(recipe)
    if rate is None:
        yield accuracies.with_times(lambda name: UNKNOWN, _reason(NOT_MEASURED))
        return
    amount = amount_of(form.source, form.locales, form.folder, preview)
    try:
        times = _times(recipe, amount, rate)
    except CheckpointError as error:
        yield accuracies.with_times(lambda name: UNKNOWN, _reason(sentence_of(error)))
        return
    yield accuracies.with_times(partial(_time, times), _estimate(times))


def _times(chosen: Recipe, amount: "Amount", rate: float) -> Times:
    """Estimate the chosen recipe, then the presets; raises CheckpointError for a missing base."""
    from intent.estimate.duration import seconds

    def estimate(recipe: Recipe) -> float:
        return seconds(recipe, amount.split(recipe.test_share), rate)

    times = {"chosen": estimate(chosen)}
    for name in PRESETS:
        recipe = preset(name, family_or_whisper(chosen.base))
        with suppress(CheckpointError):  # a base with a shorter window than the preset's
            times[name] = estimate(dataclasses.replace(recipe, base=chosen.base))
    return Times(times, None if amount.is_known else amount.clips)


def _estimate(times: Times) -> str:
    per = "" if times.per is None else f" for {times.per} recordings"
    about = f"About {time_in_words(times.seconds['chosen'])}{per}"
    where = f"on this machine ({device_name()})."
    more = CAVEAT if times.per is None else f"{CAVEAT} {COUNT}"
    return estimate_html(f"<b>{escape(about)}</b> {escape(where)} {more}")


def _time(times: Times, name: str) -> str:
    if name not in times.seconds:
        return UNKNOWN
    return time_in_words(times.seconds[name]) + ("" if times.per is None else f" for {times.per}")


def estimate_html(text: str) -> str:
    """Render the line below the form with the time of the chosen recipe; `text` is HTML."""
    return f"<section aria-label='Estimated time'><p>{text}</p></section>"


def _reason(sentence: str) -> str:
    return estimate_html(escape(sentence))

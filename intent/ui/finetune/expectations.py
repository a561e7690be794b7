"""What to expect before the start: accuracy and time of each preset, time of what is chosen."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from intent.devices import device_name
from intent.errors import CheckpointError, IntentError
from intent.paths import BUNDLED
from intent.recipes import PRESETS, Recipe, preset
from intent.ui.finetune.data_view import DataChoice, DataView
from intent.ui.finetune.expected_accuracy import accuracy_line, origin, rows_for
from intent.ui.finetune.live_view import time_in_words
from intent.ui.finetune.recipe_form import RecipeForm, family_or_whisper, preset_cards, values_of
from intent.ui.shared.recordings import Looked
from intent.ui.shared.requests import checked_recipe, request_of
from intent.ui.shared.visitors import told

if TYPE_CHECKING:
    from intent.ui.finetune.data_amounts import Amount

MEASURING = "Measuring this machine …"
NOT_MEASURED = "This machine could not be measured: its device has no memory left."
UNKNOWN = "not known yet"
LESS = "Less for recordings that were heard before; downloads come on top."
COUNT = "Look at the data to have it counted."
Updates = tuple[object, object, object]  # cards, where their figures come from, the estimate


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of each preset, and of what is "chosen"; for how many, where nobody has counted."""

    seconds: dict[str, float]
    per: int | None


def first_cards(source: str) -> tuple[list[tuple[str, str]], str]:
    """Return the presets' cards before anything was measured, and where their figures come from."""
    rows, is_exact = rows_for(source, ["en-US"], BUNDLED)
    cards = preset_cards({name: _figures(name, rows, "measuring …") for name in PRESETS})
    return cards, _origin(rows, is_exact)


def wire_expectations(
    runs: Path,
    data: DataChoice,
    form: RecipeForm,
    estimate: gr.HTML,
    view: DataView,
    result: gr.HTML,
    tab: gr.Tab | None,
) -> None:
    """Show what to expect when the tab is opened, the choice changes, or a run has its result."""
    chosen = [data.source, data.locales, data.folder, form.base, form.preset]
    fields = [field.input for field in form.fields]
    gr.on(
        [
            *([tab.select] if tab else []),
            data.source.change,
            data.locales.change,
            form.base.input,
            form.preset.input,
            view.figures.change,
            result.change,
            *fields,
        ],
        partial(expect, runs),
        [*chosen, form.filled, view.looked, *form.fields],
        [form.preset, form.expected, estimate],
        show_progress="hidden",
        concurrency_limit=None,
        trigger_mode="always_last",
        api_visibility="private",
    )


def expect(
    runs: Path,
    source: str | None,
    locales: list[str],
    folder: str,
    base: str | None,
    preset_name: str,
    filled: tuple[str | None, str],
    looked: Looked | None,
    *values: object,
) -> Iterator[Updates]:
    """Yield what to expect of the choice: at once, or after the machine has been measured."""
    from intent.estimate import duration  # brings transformers, which no page need wait for
    from intent.ui.finetune.data_amounts import amount_of

    rows, is_exact = rows_for(source, locales, base)
    try:
        changes = values_of(base, preset_name, filled, values)
        chosen = checked_recipe(request_of(source, locales, folder, base, preset_name, changes))
    except CheckpointError as error:
        yield _cards(rows, lambda name: UNKNOWN), _origin(rows, is_exact), _line(told(str(error)))
        return
    except IntentError as error:
        yield _cards(rows, lambda name: "—"), _origin(rows, is_exact), _line(told(str(error)))
        return
    if not duration.is_measured(chosen):
        cards = _cards(rows, lambda name: "measuring …")
        yield cards, _origin(rows, is_exact), _line(MEASURING)
    rate = duration.rate_here(chosen)
    if rate is None:
        yield _cards(rows, lambda name: UNKNOWN), _origin(rows, is_exact), _line(NOT_MEASURED)
        return
    amount = amount_of(source, locales, folder, looked)
    try:
        times = _times(chosen, amount, rate)
    except CheckpointError as error:
        yield _cards(rows, lambda name: UNKNOWN), _origin(rows, is_exact), _line(told(str(error)))
        return
    yield _cards(rows, lambda name: _time(times, name)), _origin(rows, is_exact), _words(times)


def _times(chosen: Recipe, amount: "Amount", rate: float) -> Times:
    """The time of the recipe chosen, first: it raises CheckpointError for a base not at hand."""
    from intent.estimate.duration import seconds

    def of(recipe: Recipe) -> float:
        return seconds(recipe, amount.divided(recipe.test_share), rate)

    times = {"chosen": of(chosen)}
    for name in PRESETS:
        recipe = preset(name, family_or_whisper(chosen.base))
        with suppress(CheckpointError):  # a base with a shorter window than the preset's
            times[name] = of(dataclasses.replace(recipe, base=chosen.base))
    return Times(times, None if amount.is_known else amount.clips)


def _words(times: Times) -> str:
    per = "" if times.per is None else f" per {times.per} recordings"
    about = f"About {time_in_words(times.seconds['chosen'])}{per}"
    where = f"on this machine ({device_name()})."
    more = LESS if times.per is None else f"{LESS} {COUNT}"
    return f"<p><b>{escape(about)}</b> {escape(where)} {more}</p>"


def _time(times: Times, name: str) -> str:
    if name not in times.seconds:
        return UNKNOWN
    return time_in_words(times.seconds[name]) + ("" if times.per is None else f" per {times.per}")


def _cards(rows: dict, time_of: Callable[[str], str]) -> object:
    cards = preset_cards({name: _figures(name, rows, time_of(name)) for name in PRESETS})
    return gr.update(choices=cards)


def _figures(name: str, rows: dict, time: str) -> str:
    return f"{accuracy_line(name, rows)}\nTime here: {time}"


def _origin(rows: dict, is_exact: bool) -> str:
    return _line(origin(rows, is_exact))


def _line(words: str) -> str:
    return f"<p>{escape(words)}</p>"

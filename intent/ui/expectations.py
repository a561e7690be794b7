"""What to expect before the start: accuracy and time of each preset, time of what is chosen."""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from intent import runs as all_runs
from intent.devices import device_name
from intent.errors import CheckpointError, IntentError
from intent.paths import BUNDLED
from intent.recipes import PRESETS, Recipe, preset
from intent.ui.accuracies import accuracy_line, origin, rows_for
from intent.ui.ask import data_name, recipe_of
from intent.ui.data_view import DataChoice, DataView
from intent.ui.live_view import time_in_words
from intent.ui.recipe_form import RecipeForm, family_or_whisper, preset_cards, values_of
from intent.ui.recordings import Looked

if TYPE_CHECKING:
    from intent.ui.amounts import Amount

MEASURING = "Measuring this machine …"
WHILE_TRAINING = "Something trains now: this machine is measured when that has ended."
NOT_MEASURED = "This machine could not be measured: its device has no memory left."
NO_BASE = "No estimate: this base is not at hand yet, or is no audio classifier."
LESS = "Less for recordings that were heard before; downloads come on top."
COUNT = "Look at the data to have it counted."
Updates = tuple[object, object, object]  # cards, where their figures come from, the estimate


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of each preset and of the recipe chosen; None where nobody can tell."""

    presets: dict[str, float | None]
    chosen: float | None
    per: int | None  # recordings, where their number is not known


def first_cards(source: str) -> list[tuple[str, str]]:
    """Return the presets' cards as they are before anything was measured."""
    rows, _ = rows_for(source, ["en-US"], BUNDLED)
    return preset_cards({name: _figures(name, rows, "measuring …") for name in PRESETS})


def wire_expectations(
    runs: Path, data: DataChoice, form: RecipeForm, estimate: gr.HTML, view: DataView,
    tab: gr.Tab | None,
) -> None:  # fmt: skip
    """Show what to expect when the tab is opened and whenever the choice changes."""
    chosen = [data.source, data.locales, data.folder, form.base, form.preset]
    fields = [field.input for field in form.fields]
    gr.on(
        [
            *([tab.select] if tab else []), data.source.change, data.locales.change,
            form.base.input, form.preset.input, view.figures.change, *fields,
        ],
        partial(expect, runs), [*chosen, form.filled, view.looked, *form.fields],
        [form.preset, form.expected, estimate], show_progress="hidden", concurrency_limit=None,
        trigger_mode="always_last", api_visibility="private",
    )  # fmt: skip


def expect(
    runs: Path, source: str | None, locales: list[str], folder: str, base: str | None,
    preset_name: str, filled: tuple[str | None, str], looked: Looked | None, *values: object,
) -> Iterator[Updates]:  # fmt: skip
    """Yield what to expect of the choice: at once, or after the machine has been measured."""
    from intent import estimate  # brings transformers, which no page need wait for
    from intent.ui.amounts import amount_of

    rows, is_exact = rows_for(source, locales, base)
    try:
        data = data_name(source, folder)
        chosen = recipe_of(
            data, locales, base, preset_name, preset(preset_name),
            values_of(base, preset_name, filled, values),
        )  # fmt: skip
    except IntentError as error:
        yield _cards(rows, lambda name: "—"), _origin(rows, is_exact), _line(str(error))
        return
    if not estimate.is_measured(chosen):
        cards = _cards(rows, lambda name: "measuring …")
        yield cards, _origin(rows, is_exact), _line(MEASURING)
    rate = estimate.rate_here(chosen, lambda: all_runs.live_run(runs) is not None)
    if rate is None:
        is_training = all_runs.live_run(runs) is not None
        line = _line(WHILE_TRAINING if is_training else NOT_MEASURED)
        yield _cards(rows, lambda name: "not known yet"), _origin(rows, is_exact), line
        return
    amount = amount_of(source, locales, folder, looked)
    times = _times(chosen, amount, rate)
    cards = _cards(rows, lambda name: _time(times.presets[name], times.per))
    yield cards, _origin(rows, is_exact), _estimate(times)


def _times(chosen: Recipe, amount: "Amount", rate: float) -> Times:
    from intent.estimate import seconds

    def of(recipe: Recipe) -> float | None:
        try:
            return seconds(recipe, amount.divided(recipe.test_share), rate)
        except CheckpointError:
            return None

    kind = family_or_whisper(chosen.base)
    presets = {name: dataclasses.replace(preset(name, kind), base=chosen.base) for name in PRESETS}
    per = None if amount.is_known else amount.clips
    return Times({name: of(recipe) for name, recipe in presets.items()}, of(chosen), per)


def _estimate(times: Times) -> str:
    if times.chosen is None:
        return _line(NO_BASE)
    per = "" if times.per is None else f" per {times.per} recordings"
    about = f"About {time_in_words(times.chosen)}{per}"
    where = f"on this machine ({device_name()})."
    more = LESS if times.per is None else f"{LESS} {COUNT}"
    return f"<p><b>{escape(about)}</b> {escape(where)} {more}</p>"


def _time(seconds: float | None, per: int | None) -> str:
    if seconds is None:
        return "not known"
    return time_in_words(seconds) + ("" if per is None else f" per {per}")


def _cards(rows: dict, time_of: Callable[[str], str]) -> object:
    cards = preset_cards({name: _figures(name, rows, time_of(name)) for name in PRESETS})
    return gr.update(choices=cards)


def _figures(name: str, rows: dict, time: str) -> str:
    return f"{accuracy_line(name, rows)}\nTime here: {time}"


def _origin(rows: dict, is_exact: bool) -> str:
    return _line(origin(rows, is_exact))


def _line(words: str) -> str:
    return f"<p>{escape(words)}</p>"

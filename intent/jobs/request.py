"""A request to train: turned into one recipe, which is checked before any data is read."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from intent.checkpoints.resolve import locate
from intent.data.dataset import (
    check_available,
    check_reject_label,
    columns_of,
    label_names,
    load_data,
)
from intent.data.metadata import is_manifest
from intent.data.minds14 import LOCALES
from intent.data.schema import NO_COLUMNS, Columns
from intent.errors import DataError, RecipeError, RunError
from intent.jobs.control import start_run
from intent.jobs.queue import check_room
from intent.labels import MINDS14_LABELS
from intent.models.encoders import family
from intent.paths import BUNDLED, MINDS14, SAMPLE
from intent.recipes import Recipe, change, preset
from intent.runs import access
from intent.runs.access import Visitor
from intent.runs.directory import RunDir
from intent.runs.store import create_run

MAX_TEXT = 4_096  # characters of a name or a path
# recipe field that is set with an option of its own → that option on the command line
OPTIONS = {"preset": "recipe", "data": "data", "locales": "locale", "base": "base"}
COLUMN_OPTIONS = {"audio_column": "audio-column", "label_column": "label-column"}  # not in the API


@dataclass(frozen=True)
class TrainingRequest:
    """What to train; `changes` differ from the preset: hyperparameters, and the `reject_label`."""

    data: str
    base: str = BUNDLED
    preset: str = "recommended"
    locales: Sequence[str] = ("en-US",)
    changes: Mapping[str, object] = field(default_factory=dict)
    columns: Columns = NO_COLUMNS  # of the data's table


def recipe_of(request: TrainingRequest, visitor: Visitor) -> Recipe:
    """Return the recipe of a visitor's request: the preset for the base's family, with changes.

    Reads only the config of the base, from the Hub if necessary. Raises RecipeError for a value out
    of range, DataError or CheckpointError for what is missing or the visitor may not use.
    """
    _check_kinds(request)
    _check_changes(request.changes)
    if request.data == MINDS14 and not request.locales:
        raise DataError(
            "MInDS-14 needs at least one locale, but none was given: choose from "
            f"{', '.join(LOCALES)}."
        )
    values = {
        "data": request.data,
        "base": request.base.strip() or BUNDLED,
        "locales": list(request.locales) or ["en-US"],
        "audio_column": request.columns.audio,
        "label_column": request.columns.label,
        **request.changes,
    }
    # First without the base's family: wrong values are reported before the base is looked up.
    base = access.check_recipe(visitor, change(preset(request.preset), values)).base
    recipe = change(preset(request.preset, family(base)), values)
    recipe = replace(recipe, base=base, data=absolute_path(recipe.data))
    return access.check_recipe(visitor, recipe)


def check_exists(recipe: Recipe) -> None:
    """Raise DataError or CheckpointError if the data or the base is missing.

    Raises RecipeError if the data has no such reject label; only then are its labels read.
    """
    check_available(recipe.data, recipe.locales)
    locate(recipe.base, weights=False)
    if recipe.reject_label:
        check_reject_label(recipe, _labels(recipe))


def start(runs: Path, request: TrainingRequest, visitor: Visitor) -> RunDir:
    """Create and start the run of a visitor's request; it is queued while another run is training.

    Raises IntentError, with nothing created, if that is impossible or not allowed.
    """
    access.check_may_start(visitor)
    recipe = recipe_of(request, visitor)
    check_exists(recipe)
    check_room(runs, None if visitor.is_owner else visitor.key)
    run = create_run(runs, recipe, visitor)
    try:
        start_run(run)
    except RunError:  # the queue filled up meanwhile
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def absolute_path(data: str) -> str:
    """Return the absolute path of a folder or table, so that a recipe works from any directory."""
    if data in (MINDS14, SAMPLE):
        return data
    path = Path(os.path.expanduser(data))
    if path.is_dir():
        return str(path.resolve())
    return str(path.parent.resolve() / path.name) if is_manifest(path) else data


def _labels(recipe: Recipe) -> tuple[str, ...]:
    """Return the labels of a recipe's data, without a download."""
    if recipe.data == MINDS14:
        return tuple(MINDS14_LABELS)
    return label_names(load_data(recipe.data, recipe.locales, columns=columns_of(recipe)))


def _check_kinds(request: TrainingRequest) -> None:
    """Raise RecipeError for a value of the wrong type: an API call may send anything."""
    texts = (request.data, request.base, request.preset)
    are_texts = all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts)
    are_locales = isinstance(request.locales, (list, tuple)) and all(
        isinstance(locale, str) for locale in request.locales
    )
    if not (are_texts and are_locales and isinstance(request.changes, Mapping)):
        raise RecipeError(
            f"data, base and preset must be strings of at most {MAX_TEXT:,} characters, locales a list "
            "of strings, and overrides an object of names and values."
        )


def _check_changes(changes: Mapping[str, object]) -> None:
    own = {**OPTIONS, **COLUMN_OPTIONS}
    for name in changes:
        if name in own:
            option = own[name]
            in_api = f", or in the API with the parameter {name}" if name in OPTIONS else ""
            raise RecipeError(
                f"{name} is not a hyperparameter: set it with its own option --{option}{in_api}."
            )

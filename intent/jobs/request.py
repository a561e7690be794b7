"""What somebody asks to train, as one recipe that is checked as a whole, before anything is read."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from intent.checkpoints.resolve import locate
from intent.data.dataset import check_at_hand
from intent.data.minds14 import LOCALES
from intent.errors import DataError, RecipeError, RunError
from intent.jobs.control import start_run
from intent.jobs.queue import check_room
from intent.models.encoders import family
from intent.paths import BUNDLED, MINDS14, SAMPLE
from intent.recipes import OF_ANY_RECIPE, Recipe, change, preset
from intent.runs import access
from intent.runs.access import Visitor
from intent.runs.directory import RunDir
from intent.runs.store import create_run

MAX_TEXT = 4_096  # characters of a name or a path


@dataclass(frozen=True)
class TrainingRequest:
    """What is asked for; `changes` are hyperparameters that differ from the preset's."""

    data: str
    base: str = BUNDLED
    preset: str = "recommended"
    locales: Sequence[str] = ("en-US",)
    changes: Mapping[str, object] = field(default_factory=dict)


def recipe_of(request: TrainingRequest, visitor: Visitor) -> Recipe:
    """Return the recipe that a visitor asks for: the preset as it suits the base, with changes.

    Of the base only its config is read, from the Hub if need be. Raises RecipeError for a value out
    of range, DataError or CheckpointError for what the visitor may not use or what is not there.
    """
    _check_kinds(request)
    _check_changes(request.changes)
    if request.data == MINDS14 and not request.locales:
        raise DataError(
            "At least one locale of MInDS-14 is needed, but none is chosen: choose one, such as "
            f"en-US, of {', '.join(LOCALES)}."
        )
    values = {
        "data": request.data,
        "base": request.base.strip() or BUNDLED,
        "locales": list(request.locales) or ["en-US"],
        **request.changes,
    }
    # Once for any base, so that a wrong value is told before the base is looked up, then for this.
    base = access.check_recipe(visitor, change(preset(request.preset), values)).base
    whole = change(preset(request.preset, family(base)), values)
    return access.check_recipe(visitor, replace(whole, base=base, data=whole_path(whole.data)))


def check_exists(recipe: Recipe) -> None:
    """Raise DataError or CheckpointError where a run would find no data or no base."""
    check_at_hand(recipe.data, recipe.locales)
    locate(recipe.base, weights=False)


def start(runs: Path, request: TrainingRequest, visitor: Visitor) -> RunDir:
    """Create the run that a visitor asks for and begin it; where another one trains, it waits.

    Raises IntentError, with nothing created, for a request that cannot or may not be met.
    """
    access.check_may_start(visitor)
    recipe = recipe_of(request, visitor)
    check_exists(recipe)
    check_room(runs, None if visitor.is_owner else visitor.key)
    run = create_run(runs, recipe, visitor)
    try:
        start_run(run)
    except RunError:  # the last place went to another one meanwhile
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def whole_path(data: str) -> str:
    """Return the whole path of a data folder, so that a recipe means the same from any folder."""
    if data in (MINDS14, SAMPLE):
        return data
    folder = Path(os.path.expanduser(data))
    return str(folder.resolve()) if folder.is_dir() else data


def _check_kinds(request: TrainingRequest) -> None:
    """Raise RecipeError for a value of another kind than the form has: a call may send anything."""
    texts = (request.data, request.base, request.preset)
    are_texts = all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts)
    are_locales = isinstance(request.locales, (list, tuple)) and all(
        isinstance(locale, str) for locale in request.locales
    )
    if not (are_texts and are_locales and isinstance(request.changes, Mapping)):
        raise RecipeError(
            "data, base and preset must be texts, locales a list of texts, and the changes names "
            "with values: correct what is something else."
        )


def _check_changes(changes: Mapping[str, object]) -> None:
    for name in changes:
        if name in OF_ANY_RECIPE:
            raise RecipeError(
                f"Hyperparameters were expected among the changes, found {name!r}, which is chosen "
                "beside them: choose it there."
            )

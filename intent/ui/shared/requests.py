"""Validate the input of the page and its API as requests; choose the run that a page shows."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from intent.errors import DataError, RecipeError
from intent.jobs.request import TrainingRequest, recipe_of, start
from intent.models import encoders
from intent.paths import BUNDLED, SAMPLE
from intent.recipes import Recipe
from intent.runs import access
from intent.runs.directory import RunDir
from intent.runs.live import live_run
from intent.runs.store import list_runs
from intent.ui.shared.visitors import current_visitor, may

FOLDER = "folder"  # the data choice that needs a path


def data_name(choice: str | None, folder: str | None) -> str:
    """Return the recipe's name for the data chosen on the page; raises DataError for an empty path."""
    if choice != FOLDER:
        return choice or SAMPLE
    path = (folder or "").strip()
    if not path:
        raise DataError(
            "The path of the folder is empty: enter the path of a folder of recordings, or choose the "
            "bundled sample."
        )
    return path


def usable_data(data: str) -> str:
    """Return the data's name if the visitor may use it; raises DataError for a server's folder."""
    return access.check_data(current_visitor(), data)


def usable_checkpoint(name: str | None) -> str:
    """Return the checkpoint's name if the visitor may use it; no name means the bundled one."""
    if name is None or (isinstance(name, str) and not name.strip()):
        name = BUNDLED
    return access.check_checkpoint(current_visitor(), name)


def family(base: str | None) -> str:
    """Return the model type of a base model that the visitor may use; raises IntentError."""
    return encoders.family(usable_checkpoint(base))


def request_of(
    source: str | None,
    locales: Sequence[str],
    folder: str | None,
    base: str | None,
    preset: str,
    changes: Mapping[str, object],
) -> TrainingRequest:
    """Build the request for the values in the page's form."""
    return TrainingRequest(data_name(source, folder), base or BUNDLED, preset, locales, changes)


def checked_recipe(request: TrainingRequest) -> Recipe:
    """Return the checked recipe of a request; raises IntentError."""
    return recipe_of(request, current_visitor())


def start_new(runs: Path, request: TrainingRequest) -> RunDir:
    """Start the requested run, or queue it; raises IntentError."""
    return start(runs, request, current_visitor())


def overrides_of(text: str) -> dict[str, object]:
    """Parse hyperparameters from a JSON object; raises RecipeError for anything else."""
    try:
        values = json.loads(text.strip() or "{}") if isinstance(text, str) else text
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise RecipeError(
            f'overrides must be a JSON object such as {{"epochs": 4}}, but is {str(text)[:60]!r}.'
        )
    return values


def shown_run(runs: Path) -> RunDir | None:
    """Return the run that a new page shows: the live one, else the newest that has started."""
    live = live_run(runs)
    if live and may("read", live):
        return live
    started = (run for run in list_runs(runs) if run.events_file.exists())
    return next((run for run in started if may("read", run)), None)

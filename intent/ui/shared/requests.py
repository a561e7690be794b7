"""What the page and its API ask for, turned into requests, and the run that a page shows."""

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

FOLDER = "folder"  # the page's choice that a path belongs to


def data_name(choice: str | None, folder: str | None) -> str:
    """Return how a recipe names the data chosen on the page; raises DataError for a bare folder."""
    if choice != FOLDER:
        return choice or SAMPLE
    if not (folder or "").strip():
        raise DataError(
            "A folder of recordings was expected, but its path is empty: type its path, or choose "
            "the bundled sample."
        )
    return folder.strip()


def usable_data(data: str) -> str:
    """Return the data's name if this visitor may use it; raises DataError for a server's folder."""
    return access.check_data(current_visitor(), data)


def usable_checkpoint(name: str | None) -> str:
    """Return the checkpoint's name if this visitor may use it; no name means the bundled one."""
    is_empty = name is None or (isinstance(name, str) and not name.strip())
    return access.check_checkpoint(current_visitor(), BUNDLED if is_empty else name)


def family(base: str | None) -> str:
    """Return the model type of a base that this visitor may use; raises IntentError."""
    return encoders.family(usable_checkpoint(base))


def request_of(
    source: str | None,
    locales: Sequence[str],
    folder: str | None,
    base: str | None,
    preset: str,
    changes: Mapping[str, object],
) -> TrainingRequest:
    """Return what the form on the page asks for."""
    return TrainingRequest(data_name(source, folder), base or BUNDLED, preset, locales, changes)


def checked_recipe(request: TrainingRequest) -> Recipe:
    """Return the recipe that this visitor asks for; raises IntentError."""
    return recipe_of(request, current_visitor())


def start_new(runs: Path, request: TrainingRequest) -> RunDir:
    """Start the run that this visitor asks for; raises IntentError."""
    return start(runs, request, current_visitor())


def overrides_of(text: str) -> dict[str, object]:
    """Return the hyperparameters in a JSON object; raises RecipeError for anything else."""
    try:
        values = json.loads(text.strip() or "{}") if isinstance(text, str) else text
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise RecipeError(
            f'Overrides must be a JSON object such as {{"epochs": 4}}, found {str(text)[:60]!r}: '
            "mend it, or leave it empty."
        )
    return values


def shown_run(runs: Path) -> RunDir | None:
    """Return the run that a page which opens shows: the live one, else the newest begun one."""
    live = live_run(runs)
    if live and may("read", live):
        return live
    begun = (run for run in list_runs(runs) if run.events_file.exists())
    return next((run for run in begun if may("read", run)), None)

"""What a visitor or a program asks for, as a recipe, and as a run that has begun."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from intent import runs as all_runs
from intent.data import LOCALES
from intent.errors import DataError, RecipeError
from intent.paths import BUNDLED, SAMPLE
from intent.recipes import Recipe, change
from intent.rundir import RunDir

MINDS14 = "minds14"  # how a recipe names MInDS-14 on the Hub
FOLDER = "folder"  # the page's choice that a path belongs to


def is_space() -> bool:
    """Return whether this is a Space, where a visitor may not look into the machine's folders."""
    return bool(os.environ.get("SPACE_ID"))


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


def checked_data(data: str) -> str:
    """Return the data's name if this visitor may use it; raises DataError for a Space's folders."""
    if is_space() and data not in (MINDS14, SAMPLE):
        raise DataError(
            "Folders cannot be used on a Space: choose minds14 or sample, or run the app on your "
            "own machine."
        )
    return data


def recipe_of(
    data: str, locales: Sequence[str], base: str | None, preset: str,
    start: Recipe, values: Mapping[str, object],
) -> Recipe:
    """Return the recipe that `start` becomes; raises RecipeError or DataError in a sentence."""
    if data == MINDS14 and not locales:
        raise DataError(
            "At least one locale of MInDS-14 is needed, but none is chosen: choose one, such as "
            f"en-US, of {', '.join(LOCALES)}."
        )
    chosen = {"data": checked_data(data), "base": (base or "").strip() or BUNDLED, "preset": preset}
    return change(start, {**chosen, "locales": list(locales) or ["en-US"], **values})


def overrides_of(text: str) -> dict[str, object]:
    """Return the hyperparameters in a JSON object; raises RecipeError for anything else."""
    try:
        values = json.loads(text.strip() or "{}")
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise RecipeError(
            f"Overrides must be a JSON object such as {{\"epochs\": 4}}, found {text[:60]!r}: "
            "mend it, or leave it empty."
        )
    return values


def start_new(runs: Path, recipe: Recipe) -> RunDir:
    """Create a run and start it; where another one trains, it waits in the queue."""
    run = all_runs.create_run(runs, recipe)
    all_runs.start_run(run)
    return run


def shown_run(runs: Path) -> RunDir | None:
    """Return the run that a page which opens shows: the live one, else the newest begun one."""
    live = all_runs.live_run(runs)
    begun = (run for run in all_runs.list_runs(runs) if run.events_file.exists())
    return live or next(begun, None)

"""The rows of the list of runs, and their order."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from intent.paths import BUNDLED
from intent.recipes import Recipe
from intent.runs.access import Visitor, allows
from intent.runs.listing import summaries
from intent.runs.store import LIVE_STATES, RESUMABLE, State
from intent.runs.summary import RunSummary
from intent.ui.shared.format import NBSP
from intent.ui.shared.visitors import current_visitor

Key = Callable[["RunRow"], str | float]


@dataclass(frozen=True)
class RunRow:
    """A run as a visitor sees it in the list."""

    id: str
    name: str
    data: str
    base: str
    recipe: str
    state: State
    accuracy: float | None  # 0..1
    interval: tuple[float, float] | None  # 95 %
    seconds: float | None  # of training, once it has finished
    bytes: int
    has_model: bool
    events: int  # included so that new events change the row
    is_own: bool = True  # this visitor may stop, resume, rename and remove it

    @property
    def is_live(self) -> bool:
        """Return whether the run is training or queued."""
        return self.state in LIVE_STATES

    @property
    def can_be_used(self) -> bool:
        """Return whether the run has a checkpoint that will not change."""
        return self.has_model and not self.is_live

    @property
    def can_be_resumed(self) -> bool:
        """Return whether this visitor can resume the run."""
        return self.is_own and self.state in RESUMABLE


KEYS: dict[str, Key] = {
    "name": lambda row: row.name.casefold(),
    "data": lambda row: row.data.casefold(),
    "base": lambda row: row.base.casefold(),
    "recipe": lambda row: row.recipe,
    "state": lambda row: row.state,
    "accuracy": lambda row: -1.0 if row.accuracy is None else row.accuracy,
    "time": lambda row: -1.0 if row.seconds is None else row.seconds,
    "size": lambda row: row.bytes,
    "begun": lambda row: row.id[:15],  # to the second; rows of the same second keep their order
}


MAX_KNOWN = 100  # visitors whose rows are kept
_known_rows: dict[tuple[Path, Visitor], tuple[tuple[RunSummary, ...], tuple[RunRow, ...]]] = {}


def rows_of(runs: Path) -> tuple[RunRow, ...]:
    """Return the runs of a folder that the visitor may see, the newest first.

    Runs whose recipe cannot be read are left out.
    """
    visitor, found = current_visitor(), summaries(runs)
    known, rows = _known_rows.get((runs, visitor), ((), ()))
    if known is not found:
        made = (_row(summary, visitor) for summary in found)
        rows = tuple(row for row in made if row is not None)
        if len(_known_rows) >= MAX_KNOWN:
            _known_rows.clear()
        _known_rows[runs, visitor] = found, rows
    return rows


def ordered(rows: Sequence[RunRow], key: str, descending: bool) -> tuple[RunRow, ...]:
    """Return the rows sorted by one of KEYS; an unknown key keeps their order."""
    if key not in KEYS:
        return tuple(rows)
    return tuple(sorted(rows, key=KEYS[key], reverse=descending))


def data_in_words(recipe: Recipe) -> str:
    """Return a short name of the training data."""
    if recipe.data == "sample":
        return "Bundled sample"
    if recipe.data == "minds14":
        return f"MInDS-14 {', '.join(recipe.locales)}"
    return Path(recipe.data).name or recipe.data


def base_in_words(recipe: Recipe) -> str:
    """Return a short name of the base model."""
    if recipe.base == BUNDLED:
        return "Bundled"
    folder = Path(recipe.base)
    return folder.parent.name if folder.name == "model" and folder.parent.name else folder.name


def size_in_words(size: int) -> str:
    """Return bytes as "33 MB"."""
    if size < 1000:
        return f"{size}{NBSP}B"
    power = min(3, int(math.log10(size)) // 3)
    value = size / 1000**power
    digits = 1 if value < 10 and power > 1 else 0
    return f"{value:.{digits}f}{NBSP}{('B', 'kB', 'MB', 'GB')[power]}"


def _row(summary: RunSummary, visitor: Visitor) -> RunRow | None:
    """Return the row of a run, or None if it is unreadable or hidden from the visitor."""
    recipe = summary.recipe
    if recipe is None or not allows(visitor, "read", summary.owner, recipe.data):
        return None
    return RunRow(
        id=summary.id,
        name=summary.name,
        data=data_in_words(recipe),
        base=base_in_words(recipe),
        recipe=recipe.preset.capitalize(),
        state=summary.state,
        accuracy=summary.accuracy,
        interval=summary.interval,
        seconds=summary.seconds,
        bytes=summary.bytes,
        has_model=summary.has_model,
        events=summary.events,
        is_own=allows(visitor, "remove", summary.owner, recipe.data),
    )

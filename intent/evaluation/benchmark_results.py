"""Measured results of the presets: rows of `assets/results.json`, which a benchmark writes.

`python -m tests.benchmarks.results --write` measures a row; the README's table and the page read it.
"""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intent.json_reader import read_json
from intent.paths import ASSETS, written_whole

RESULTS_FILE = ASSETS / "results.json"


@dataclass(frozen=True)
class Measured:
    """What a recipe reached with a base, over some split seeds; accuracies are 0..1, one a seed.

    All figures are of `test_locale`'s test parts, as stock pipeline hears them: `ece`, the expected
    calibration error, of these parts pooled; `macro_f1` the mean over the seeds. `first_seconds` is
    the time of the first seed's whole command on `machine`, nothing cached; `later_seconds` the mean
    of the others, the features of sounds that an earlier seed heard taken from the cache.
    """

    recipe: str  # a preset's name
    base: str  # a Hub id
    data: str
    locales: tuple[str, ...]  # whose training parts it learnt from
    test_locale: str
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    ece: float | None
    macro_f1: float | None
    first_seconds: float | None
    later_seconds: float | None
    machine: str | None
    date: str = ""

    def __post_init__(self) -> None:
        if not self.seeds or len(self.seeds) != len(self.accuracies):
            raise ValueError(f"{len(self.seeds)} seeds, but {len(self.accuracies)} accuracies.")

    @property
    def mean(self) -> float:
        """The mean accuracy over the seeds, 0..1."""
        return statistics.mean(self.accuracies)

    @property
    def spread(self) -> float | None:
        """The standard deviation of the accuracy over the seeds; None for a single one."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    def is_same(self, recipe: str, base: str, locales: Sequence[str]) -> bool:
        """Return whether the row is that of a recipe and base, learnt from these locales."""
        return (self.recipe, self.base, set(self.locales)) == (recipe, base, set(locales))


def load_measured(file: Path = RESULTS_FILE) -> tuple[Measured, ...]:
    """Return all measured rows; none where nothing has been measured yet."""
    if not file.exists():
        return ()
    return read_json(tuple[Measured, ...], file.read_bytes())


def find(
    recipe: str, base: str, locales: Sequence[str], file: Path = RESULTS_FILE
) -> Measured | None:
    """Return what was measured for a preset and a base (Hub id) on these locales, or None."""
    return next((row for row in load_measured(file) if row.is_same(recipe, base, locales)), None)


def add_measured(row: Measured, file: Path = RESULTS_FILE) -> None:
    """Write a row among the others, whole; it takes the place of an earlier measurement."""
    rows = list(load_measured(file))
    same = [i for i, old in enumerate(rows) if old.is_same(row.recipe, row.base, row.locales)]
    if same:
        rows[same[0]] = row
    else:
        rows.append(row)
    text = json.dumps([dataclasses.asdict(one) for one in rows], indent=1)
    with written_whole(file) as part:
        part.write(f"{text}\n".encode())

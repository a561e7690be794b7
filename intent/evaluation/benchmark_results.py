"""Read measured results of the presets from `assets/results.json`.

`python -m tests.benchmarks.results --write` measures a row; the README and the page show it.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intent.json_reader import read_json
from intent.paths import ASSETS

RESULTS_FILE = ASSETS / "results.json"


@dataclass(frozen=True)
class Measured:
    """Results of a recipe with a base over some split seeds.

    All metrics are measured on the test sets of `test_locale` with the stock pipeline: `accuracies`
    (0..1) has one value per seed, `ece` is the expected calibration error of these sets pooled,
    `macro_f1` the mean over the seeds. `first_seconds` is the time of the first seed's whole
    command on `machine` with an empty cache, `later_seconds` the mean of the others, which find
    features of earlier seeds in the cache.
    """

    recipe: str  # a preset's name
    base: str  # a Hub id
    data: str
    locales: tuple[str, ...]  # of the training set
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
        """Return whether this is the row of a recipe and base, trained on these locales."""
        return (self.recipe, self.base, set(self.locales)) == (recipe, base, set(locales))


def load_measured(file: Path = RESULTS_FILE) -> tuple[Measured, ...]:
    """Return all measured rows; none if the file does not exist."""
    if not file.exists():
        return ()
    return read_json(tuple[Measured, ...], file.read_bytes())


def find(
    recipe: str, base: str, locales: Sequence[str], file: Path = RESULTS_FILE
) -> Measured | None:
    """Return the row of a preset and a base (Hub id) on these locales, or None."""
    return next((row for row in load_measured(file) if row.is_same(recipe, base, locales)), None)

"""Look up the accuracy of each preset, measured or published, and describe how it was measured."""

from collections.abc import Mapping, Sequence

from intent.evaluation.benchmark_results import Measured, load_measured
from intent.paths import BUNDLED, MINDS14
from intent.recipes import PRESETS
from intent.ui.shared.format import NBSP

STANDS_FOR_BUNDLED = "openai/whisper-tiny.en"  # the encoder of the bundled checkpoint
MEASURED_LOCALES = ("en-US",)  # shown for data that was not measured
PUBLISHED = {"guide": f"4 to 13{NBSP}%, published"}  # 0.044 to 0.133, as in the README's table
SOURCE = "Guide: from seven published model cards of wav2vec2-base on MInDS-14 en-US."
NOT_MEASURED = "Not measured with this data and base model."


def rows_for(
    source: str | None, locales: Sequence[str], base: str | None
) -> tuple[dict[str, Measured], bool]:
    """Return a measured row for each preset that has one, and whether it is for exactly this choice.

    Data other than MInDS-14 and the bundled base, which was trained on it, have no rows: the
    closest measured choice is returned for comparison.
    """
    exact = source == MINDS14 and base not in (None, "", BUNDLED)
    wanted = tuple(locales) if source == MINDS14 else MEASURED_LOCALES
    known = STANDS_FOR_BUNDLED if base in (None, "", BUNDLED) else base
    rows = (row for row in load_measured() if row.recipe in PRESETS)
    return {row.recipe: row for row in rows if row.is_same(row.recipe, known, wanted)}, exact


def accuracy_line(name: str, rows: Mapping[str, Measured]) -> str:
    """Return the line of a preset's card with its accuracy: mean ± standard deviation, in percent."""
    row = rows.get(name)
    if row is None:
        return f"Accuracy: {PUBLISHED.get(name, 'not measured')}"
    spread = "" if row.spread is None else f" ± {row.spread * 100:.1f}"
    return f"Accuracy: {row.mean * 100:.1f}{spread}{NBSP}%"


def origin(rows: Mapping[str, Measured], is_exact: bool) -> str:
    """Describe what the presets' accuracies were measured with, or say that they were not."""
    published = "" if "guide" in rows else f" {SOURCE}"
    if not rows:
        return NOT_MEASURED + published
    row = next(iter(rows.values()))
    data = f"MInDS-14 {' + '.join(row.locales)}"
    if row.test_locale not in row.locales or len(row.locales) > 1:
        data += f" (tested on {row.test_locale})"
    seeds = sorted({len(one.seeds) for one in rows.values()})
    many = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    splits = "one split" if seeds == [1] else f"mean ± standard deviation over {many} splits"
    begin = "Accuracy" if is_exact else f"{NOT_MEASURED} For comparison: accuracy"
    return f"{begin} of {row.base} on {data}, {splits}.{published}"

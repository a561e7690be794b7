"""Render the table in tests/README.md: rows of assets/results.json, and published results."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from intent.evaluation.benchmark_results import RESULTS_FILE, Measured, load_measured
from intent.paths import written_whole

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- results: python -m tests.benchmarks.results --readme --recipe -->"
END = "<!-- end of results -->"

COLUMNS = (
    "data (trained on → tested on)",
    "split seeds",
    "encoder",
    "recipe",
    "accuracy",
    "ECE",
    "time: first run; later runs",
    "machine",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"
DATA_NAMES = {"minds14": "MInDS-14"}
NOT_MEASURED = "not measured here"


@dataclass(frozen=True)
class Published:
    """A published result of others, and its source."""

    trained_on: str
    encoder: str
    recipe: str
    accuracy: str
    source: str


PUBLISHED = (
    Published(
        "450 en-US → 113 en-US",
        "wav2vec2-base",
        "the guide's",
        "0.044–0.133",
        "seven public model cards",
    ),
    Published(
        "450 en-US → 113 en-US",
        "wav2vec2-base",
        "batch 8, lr 5e-5, 10 epochs",
        "0.761",
        "a public model card",
    ),
    Published("en-US → en-US", "distilhubert", "batch 2, lr 5e-5", "0.526", "a public model card"),
    Published(
        "about 168 en-US → 282 en-US",
        "XLS-R-300M",
        "lr 3e-4, batch 32, 50 epochs, CNN frozen",
        "0.876",
        "a public model card",
    ),
    Published(
        "2,321 of all 14 locales → en-US",
        "XLS-R-300M",
        "the same",
        "0.933",
        "a public model card",
    ),
)

UNMEASURED = (  # encoders whose weights were not available
    "facebook/wav2vec2-base",
    "facebook/hubert-base-ls960",
    "microsoft/wavlm-base-plus",
    "facebook/wav2vec2-xls-r-300m",
)


def table(rows: tuple[Measured, ...]) -> str:
    """Return the Markdown table of measured rows, unmeasured encoders, and published results."""
    measured_bases = {row.base for row in rows if row.recipe == "recommended"}
    cells = [measured_cells(row) for row in rows]
    cells += [_unmeasured_cells(base) for base in UNMEASURED if base not in measured_bases]
    cells += [_published_cells(one) for one in PUBLISHED]
    return "\n".join([HEAD, *map(row_text, cells)])


def row_text(cells: tuple[str, ...]) -> str:
    """Return cells as a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def measured_cells(row: Measured) -> tuple[str, ...]:
    """Return a measured row's cells, in the order of COLUMNS."""
    spread = "" if row.spread is None else f" ± {row.spread:.3f}"
    return (
        f"{DATA_NAMES.get(row.data, row.data)} {' + '.join(row.locales)} → {row.test_locale}",
        ", ".join(map(str, row.seeds)),
        row.base,
        row.recipe.capitalize(),
        f"{row.mean:.3f}{spread}",
        "—" if row.ece is None else f"{row.ece:.3f}",
        _times_text(row),
        row.machine or "—",
    )


def readme_with_table(text: str, rendered: str) -> str:
    """Return README's text with a table between its two markers; ValueError if they are missing."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{README.name} needs one line {BEGIN} and after it one line {END}.")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{rendered}\n\n{END}{after}"


def write_readme(readme: Path = README) -> None:
    """Render the table from assets/results.json into README."""
    text = readme_with_table(readme.read_text(encoding="utf-8"), table(load_measured()))
    readme.write_text(text, encoding="utf-8")


def _unmeasured_cells(base: str) -> tuple[str, ...]:
    return ("MInDS-14 en-US → en-US", "—", base, "Recommended", NOT_MEASURED, "—", "—", "—")


def _published_cells(one: Published) -> tuple[str, ...]:
    source = f"published: {one.source}"
    return (
        f"MInDS-14 {one.trained_on}",
        "—",
        one.encoder,
        one.recipe,
        one.accuracy,
        "—",
        "—",
        source,
    )


def _times_text(row: Measured) -> str:
    if row.first_seconds is None:
        return NOT_MEASURED
    later = NOT_MEASURED if row.later_seconds is None else _time_text(row.later_seconds)
    return f"{_time_text(row.first_seconds)}; {later}"


def _time_text(seconds: float) -> str:
    """Return seconds as text, such as "9.4 s", "123 s", "6 min 34 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 180 else f"{whole // 60} min {whole % 60} s"


def add_measured(row: Measured, file: Path = RESULTS_FILE) -> None:
    """Write a row into the file of results, in the place of an earlier measurement if there is one."""
    rows = list(load_measured(file))
    same = [i for i, old in enumerate(rows) if old.is_same(row.recipe, row.base, row.locales)]
    if same:
        rows[same[0]] = row
    else:
        rows.append(row)
    text = json.dumps([dataclasses.asdict(one) for one in rows], indent=1)
    with written_whole(file) as part:
        part.write(f"{text}\n".encode())

"""Measured results: kept as data, found again, and what README says of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from intent.evaluation.benchmark_results import Measured, find, load_measured
from tests.benchmarks.results_table import (
    BEGIN,
    END,
    README,
    add_measured,
    measured_cells,
    readme_with_table,
    table,
)


def row(**changes: object) -> Measured:
    """A row as a benchmark measures it, with some values changed."""
    values = {
        "recipe": "instant",
        "base": "openai/whisper-tiny.en",
        "data": "minds14",
        "locales": ("en-US",),
        "test_locale": "en-US",
        "seeds": (0, 1),
        "accuracies": (0.9, 0.94),
        "ece": 0.05,
        "macro_f1": 0.9,
        "first_seconds": 200.0,
        "later_seconds": 9.5,
        "machine": "two cores",
        "date": "2026-01-02",
    }
    return Measured(**{**values, **changes})


def test_readme_holds_the_table_of_the_kept_results():
    text = README.read_text(encoding="utf-8")
    assert readme_with_table(text, table(load_measured())) == text


def test_the_kept_results_can_be_read():
    assert all(isinstance(one, Measured) for one in load_measured())


def test_no_file_and_no_rows_mean_nothing_was_measured(tmp_path: Path):
    file = tmp_path / "results.json"
    assert load_measured(file) == ()
    file.write_text("[]")
    assert load_measured(file) == ()
    assert find("instant", "openai/whisper-tiny.en", ("en-US",), file) is None


def test_a_row_is_read_as_it_was_written(tmp_path: Path):
    file = tmp_path / "results.json"
    bare = row(recipe="guide", ece=None, macro_f1=None, later_seconds=None)
    add_measured(row(), file)
    add_measured(bare, file)
    assert load_measured(file) == (row(), bare)


def test_a_second_measurement_replaces_the_first(tmp_path: Path):
    file = tmp_path / "results.json"
    other = row(base="openai/whisper-base")
    for one in (row(), other, row(accuracies=(0.5, 0.6))):
        add_measured(one, file)
    assert load_measured(file) == (row(accuracies=(0.5, 0.6)), other)


@pytest.mark.parametrize(
    ("recipe", "base", "locales", "found"),
    [
        ("instant", "openai/whisper-tiny.en", ["en-GB", "en-US"], True),
        ("instant", "openai/whisper-tiny.en", ["en-US"], False),
        ("recommended", "openai/whisper-tiny.en", ["en-US", "en-GB"], False),
        ("instant", "openai/whisper-base", ["en-US", "en-GB"], False),
    ],
)
def test_find_wants_recipe_base_and_locales_in_any_order(
    tmp_path: Path, recipe: str, base: str, locales: list[str], found: bool
):
    file = tmp_path / "results.json"
    both = row(locales=("en-US", "en-GB"))
    add_measured(both, file)
    assert find(recipe, base, locales, file) == (both if found else None)


def test_mean_and_spread_are_over_the_seeds():
    assert row().mean == pytest.approx(0.92)
    assert row().spread == pytest.approx(0.02 * 2**0.5)
    assert row(seeds=(0,), accuracies=(0.9,)).spread is None


def test_each_seed_has_an_accuracy():
    with pytest.raises(ValueError, match="2 seeds, but 1 accuracies"):
        row(accuracies=(0.9,))


def test_a_row_says_data_seeds_encoder_recipe_accuracy_calibration_time_and_machine():
    assert measured_cells(row(locales=("en-US", "en-GB"))) == (
        "MInDS-14 en-US + en-GB → en-US",
        "0, 1",
        "openai/whisper-tiny.en",
        "Instant",
        "0.920 ± 0.028",
        "0.050",
        "3 min 20 s; 9.5 s",
        "two cores",
    )


def test_unmeasured_rows_are_marked_in_the_table():
    text = table((row(seeds=(0,), accuracies=(0.9,), ece=None, later_seconds=None),))
    assert "| 0.900 | — | 3 min 20 s; not measured here |" in text
    assert "| facebook/wav2vec2-base | Recommended | not measured here |" in text


def test_a_row_without_times_says_so():
    cells = measured_cells(row(first_seconds=None, later_seconds=None, machine=None))
    assert cells[-2:] == ("not measured here", "—")


def test_an_encoder_is_no_longer_unmeasured_once_it_was_measured():
    text = table((row(recipe="recommended", base="facebook/wav2vec2-base"),))
    assert text.count("facebook/wav2vec2-base |") == 1


def test_rendering_a_table_leaves_the_text_around_it():
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert readme_with_table(text, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="README.md needs one line"):
        readme_with_table("no markers", "new")


def test_reading_results_imports_no_model():
    code = (
        "import sys, intent.evaluation.benchmark_results as m; m.load_measured();"
        "import json; print(json.dumps([n for n in ('torch', 'transformers') if n in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []

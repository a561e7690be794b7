"""What the page shows before the start: the number of recordings, accuracy and time."""

import dataclasses
import json
from pathlib import Path

import pytest

from intent.data.dataset import load_data, split
from intent.estimate import duration
from intent.estimate.flops import Clips
from intent.evaluation import benchmark_results
from intent.recipes import PRESETS, preset
from intent.ui.finetune.data_amounts import ASSUMED_CLIPS, Amount, amount_of, counted
from intent.ui.finetune.expectations import MEASURING, UNKNOWN, Expectation, expect
from intent.ui.finetune.expected_accuracy import (
    NOT_MEASURED,
    SOURCE,
    accuracy_line,
    origin,
    rows_for,
)
from intent.ui.finetune.form_values import FormValues
from intent.ui.finetune.recipe_form import field_names
from intent.ui.shared.recordings import measure, open_data
from intent.ui.shared.requests import FOLDER
from tests.tiny import tiny_whisper, tone_folder
from tests.unit.evaluation.test_benchmark_results import row

TINY = "openai/whisper-tiny.en"


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201
    """Keeps the rows that a test says were measured."""
    file = tmp_path / "results.json"
    monkeypatch.setattr(benchmark_results, "RESULTS_FILE", file)
    monkeypatch.setattr(benchmark_results.load_measured, "__defaults__", (file,))

    def keep(*rows: benchmark_results.Measured) -> None:
        file.write_text(json.dumps([dataclasses.asdict(one) for one in rows]))

    return keep


def test_known_locales_add_up_and_an_unknown_one_counts_as_a_hundred() -> None:
    assert amount_of("minds14", ["en-US"], "", None).clips == 563
    assert amount_of("minds14", ["en-US", "en-GB"], "", None).clips == 563 + 592
    for source, locales in (("minds14", ["fr-FR"]), ("minds14", []), (FOLDER, ["en-US"])):
        amount = amount_of(source, locales, "/some/folder", None)
        assert amount.clips == ASSUMED_CLIPS and not amount.is_known


def test_the_bundled_sample_is_counted_as_training_finds_it() -> None:
    parts = split(load_data("sample"), seed=42)
    amount = amount_of("sample", ["en-US"], "", None)
    clips = amount.split(0.3)
    assert (clips.train, clips.test) == (len(parts["train"]), len(parts["test"]))
    preview, _ = measure(open_data("sample", ["en-US"]))
    assert counted(preview).seconds == pytest.approx(amount.seconds, abs=0.01)


def test_a_share_is_split_off_as_training_does(tmp_path: Path) -> None:
    folder = str(tone_folder(tmp_path / "tones", clips_per_label=7))
    preview, _ = measure(open_data(folder, ["en-US"]))
    amount = amount_of(FOLDER, ["en-US"], f" {folder} ", preview)
    parts = split(load_data(folder), seed=1, test_share=0.25)
    assert amount.split(0.25) == Clips(len(parts["train"]), len(parts["test"]), 0.9)


def test_a_preview_counts_only_while_it_is_chosen(tmp_path: Path) -> None:
    preview, _ = measure(open_data(str(tone_folder(tmp_path / "tones")), ["en-US"]))
    assert amount_of(FOLDER, ["en-US"], "/another", preview).clips == ASSUMED_CLIPS
    assert amount_of("minds14", ["en-US"], str(preview.name), preview).clips == 563


def test_a_measured_choice_has_its_own_figures(results) -> None:  # noqa: ANN001
    results(row(), row(recipe="recommended", seeds=(0, 1, 2), accuracies=(0.9, 0.92, 0.94)))
    rows, is_exact = rows_for("minds14", ["en-US"], TINY)
    assert accuracy_line("instant", rows) == "Accuracy: 92.0 ± 2.8\u00a0%"
    assert accuracy_line("recommended", rows) == "Accuracy: 92.0 ± 2.0\u00a0%"
    assert accuracy_line("guide", rows) == "Accuracy: 4 to 13\u00a0%, published"
    assert is_exact and origin(rows, is_exact) == (
        f"Accuracy of {TINY} on MInDS-14 en-US, mean ± standard deviation over 2 to 3 splits. "
        f"{SOURCE}"
    )


def test_one_split_has_no_spread_and_the_guide_can_be_measured_too(results) -> None:  # noqa: ANN001
    results(row(recipe="guide", seeds=(0,), accuracies=(0.08,), locales=("en-US", "en-GB")))
    rows, is_exact = rows_for("minds14", ["en-GB", "en-US"], TINY)
    assert accuracy_line("guide", rows) == "Accuracy: 8.0\u00a0%"
    assert accuracy_line("instant", rows) == "Accuracy: not measured"
    assert origin(rows, is_exact) == (
        f"Accuracy of {TINY} on MInDS-14 en-US + en-GB (tested on en-US), one split."
    )


@pytest.mark.parametrize(
    ("source", "locales", "base"),
    [("sample", [], "bundled"), ("minds14", ["en-US"], "bundled"), (FOLDER, [], TINY)],
)
def test_an_unmeasured_choice_shows_accuracies_for_comparison(
    results,  # noqa: ANN001
    source: str,
    locales: list[str],
    base: str,
) -> None:
    results(row())
    rows, is_exact = rows_for(source, locales, base)
    assert accuracy_line("instant", rows).startswith("Accuracy: 92.0")
    assert origin(rows, is_exact).startswith(f"{NOT_MEASURED} For comparison: accuracy of ")


@pytest.mark.parametrize("base", ["openai/whisper-base", "facebook/wav2vec2-base", "/my/own"])
def test_another_encoder_or_locale_gets_no_figure(results, base: str) -> None:  # noqa: ANN001
    results(row())
    for source, locales, chosen in (("minds14", ["en-US"], base), ("minds14", ["fr-FR"], TINY)):
        rows, is_exact = rows_for(source, locales, chosen)
        assert rows == {} and origin(rows, is_exact) == f"{NOT_MEASURED} {SOURCE}"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "_rates", {})
    monkeypatch.setattr(duration, "REPETITIONS", 1)


def expected(
    tmp_path: Path, base: str, preset_name: str = "instant", **changes: object
) -> list[Expectation]:
    values = {**dataclasses.asdict(preset(preset_name)), "window_seconds": 2, **changes}
    fields = tuple(values[name] for name in field_names())
    filled = (base, preset_name)
    form = FormValues("minds14", ["en-US"], "", None, base, preset_name, filled, fields)
    return list(expect(form, None))


def test_the_first_visitor_waits_for_the_measurement_and_later_ones_do_not(
    quick: None, tmp_path: Path
) -> None:
    base = str(tiny_whisper(tmp_path / "base", window_seconds=15))
    first, second = expected(tmp_path, base)
    assert MEASURING in first.estimate
    assert "About " in second.estimate and "on this machine (" in second.estimate
    assert [name for _, name in second.cards] == list(reversed(PRESETS))
    for card, _ in second.cards:
        name, accuracy, time, words = card.split("\n")
        assert accuracy.startswith("Accuracy: ") and time.startswith("Estimated time: ") and words
    assert expected(tmp_path, base) == [second]


def test_a_wrong_hyperparameter_and_a_missing_base_are_explained(
    quick: None, tmp_path: Path
) -> None:
    base = str(tiny_whisper(tmp_path / "base"))
    assert "epochs must be from 1 to 200" in expected(tmp_path, base, epochs=900)[-1].estimate
    found = expected(tmp_path, str(tmp_path / "nothing"))[-1]
    assert "nothing" in found.estimate and all(UNKNOWN in card for card, _ in found.cards)


def test_the_cards_follow_the_family_of_the_base_model(tmp_path: Path) -> None:
    for base, words in (("bundled", "leave-one-out loss"), ("facebook/wav2vec2-base", "all trans")):
        cards = {name: text for text, name in expected(tmp_path, base, epochs=900)[-1].cards}
        assert words in cards["recommended"]


def test_an_assumed_amount_has_no_test_set_of_its_own() -> None:
    assert Amount(100, 8.44).split(0.2) == Clips(80, 20, 8.4)

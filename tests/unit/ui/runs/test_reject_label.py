"""Reports of runs with a label that means "none of the intents", and of earlier versions."""

import json
from pathlib import Path

import pytest

from intent.recipes import Recipe
from intent.runs.report import read_report
from intent.ui.runs.api import described_report
from intent.ui.runs.confusion import confusion_html
from intent.ui.runs.report_metrics import metrics_html
from tests.finished import finished_run


def test_the_matrix_has_a_row_and_a_column_for_none_but_the_table_of_intents_does_not(
    tmp_path: Path,
) -> None:
    report = read_report(finished_run(tmp_path, Recipe(reject_label="middle")))
    matrix = confusion_html(report.labels, report.confusion)
    assert matrix.count("<th scope='row'>Middle") == 1
    assert matrix.count("<th scope='col'><span>Middle") == 1
    assert "“Low”, predicted as “Middle”: 1 recording" in matrix
    assert "“Middle”, predicted correctly: 2 recordings" in matrix
    table = metrics_html(report)
    assert "Low <small>3" in table and "Middle" not in table


def test_the_report_of_the_api_has_the_figures_of_rejection(tmp_path: Path) -> None:
    described = described_report(read_report(finished_run(tmp_path, Recipe(reject_label="middle"))))
    rejection = json.loads(json.dumps(described))["rejection"]
    assert (rejection["label"], rejection["intent_clips"], rejection["reject_clips"]) == (
        "middle",
        4,
        2,
    )
    assert (rejection["false_rejects"], rejection["false_accepts"]) == (0.25, 0.0)


@pytest.mark.parametrize("is_old", [True, False])
def test_a_report_without_figures_of_rejection_opens(is_old: bool, tmp_path: Path) -> None:
    run = finished_run(tmp_path, Recipe())
    if is_old:
        values = json.loads(run.report_file.read_text())
        del values["evaluation"]["rejection"], values["recipe"]["reject_label"]
        run.report_file.write_text(json.dumps(values))
    report = read_report(run)
    assert report.rejection is None and described_report(report)["rejection"] is None
    assert "Middle" in metrics_html(report) and confusion_html(report.labels, report.confusion)

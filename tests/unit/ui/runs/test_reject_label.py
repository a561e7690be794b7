"""Reports of runs with a label that means "none of the intents", and of earlier versions."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from intent.recipes import Recipe
from intent.runs.report import AnsweredClip, read_report
from intent.ui.runs.api import described_report
from intent.ui.runs.clips_list import Filter, clip_html, clips_html
from intent.ui.runs.confusion import confusion_html, shown_labels
from intent.ui.runs.report_metrics import metrics_html, rejection_html
from intent.ui.runs.rows import rows_of
from intent.ui.runs.view import Selection, page_of
from intent.ui.shared.format import NBSP
from tests.finished import finished_run


def test_the_matrix_has_a_row_and_a_column_for_none_but_the_table_of_intents_does_not(
    tmp_path: Path,
) -> None:
    report = read_report(finished_run(tmp_path, Recipe(reject_label="middle")))
    matrix = confusion_html(report)
    for scope in ("row", "col"):
        heads = re.findall(f"<th scope='{scope}'>(?:<span>)?([^<]+)", matrix)
        assert heads == ["Low", "High", "None of these"]
    assert "“Low”, predicted as “None of these”: 1 recording" in matrix
    assert "“None of these”, predicted correctly: 2 recordings" in matrix
    assert "data-cell='0,2'" in matrix and "data-cell='2,2'" in matrix
    assert shown_labels(report) == ("low", "high", "middle")  # of these cells
    table = metrics_html(report)
    assert "Low <small>3" in table and "Middle" not in table


def test_without_recordings_of_none_the_matrix_has_only_its_column(tmp_path: Path) -> None:
    report = read_report(finished_run(tmp_path, Recipe(reject_label="middle")))
    low, _, high = report.confusion
    matrix = confusion_html(replace(report, confusion=(low, (0, 0, 0), high)))
    assert matrix.count("<th scope='col'><span>None of these") == 1
    assert re.findall("<th scope='row'>([^<]+)", matrix) == ["Low", "High"]


def test_recordings_of_none_are_listed_by_its_readable_name(tmp_path: Path) -> None:
    report = replace(
        read_report(finished_run(tmp_path, Recipe(reject_label="middle"))),
        clips=(AnsweredClip("", "a.wav", "", "Hello", "low", (("middle", 0.9), ("low", 0.1))),),
    )
    wrong = clips_html(report, Filter())
    assert "predicted</small> None of these <b>90" in wrong and "Middle" not in wrong
    pair = clips_html(report, Filter("pair", "low", "middle"))
    assert "“Low”, predicted as “None of these”: 1 recording" in pair
    assert "None of these</span> <b>90" in clip_html(report.clips[0], report.reject_label)


def test_the_report_says_in_one_line_how_many_are_rejected(tmp_path: Path) -> None:
    measured = read_report(finished_run(tmp_path, Recipe(reject_label="middle"))).rejection
    assert measured
    assert "Other requests: 100 % of 2 recognized as none; 25 % of 4 recordings of the intents" in (
        rejection_html(measured).replace(NBSP, " ")
    )
    without = replace(measured, reject_clips=0, false_accepts=None)
    assert "not measured, since no test recording is one; 25" in rejection_html(without)


def test_the_page_of_a_run_has_that_line_only_with_a_reject_label(tmp_path: Path) -> None:
    for label, shown in (("middle", True), ("", False)):
        run = finished_run(tmp_path / (label or "none"), Recipe(reject_label=label))
        found = page_of(run.path.parent, Selection((run.id,)), rows_of(run.path.parent), [])
        assert ("Other requests: 100" in found.summary) is shown


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
    assert "Middle" in metrics_html(report) and confusion_html(report)

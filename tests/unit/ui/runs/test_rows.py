"""The Runs tab shows what is on the disk, for a visitor's selection, and sends only changes."""

import json
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from intent.errors import RunError
from intent.evaluation.metrics import LabelMetrics, reliability
from intent.labels import human_name
from intent.runs.report import read_report
from intent.runs.store import rename_run
from intent.runs.trash import trash_run, trashed_runs
from intent.ui.runs.actions import remove, rename, restore
from intent.ui.runs.clips_list import Filter, chosen, clips_html
from intent.ui.runs.compare_view import distinct_names
from intent.ui.runs.confusion import confusion_html
from intent.ui.runs.events import run_ids_in
from intent.ui.runs.overlay import overlaid
from intent.ui.runs.playback import clip_and_sound
from intent.ui.runs.report_metrics import confidence_in_words, per_intent_html
from intent.ui.runs.report_panel import build_report_panel
from intent.ui.runs.rows import KEYS, ordered, rows_of, size_in_words
from intent.ui.runs.tab_state import Panel, TabState, refresh
from intent.ui.runs.table import table_html
from intent.ui.runs.view import Page, Selection, page_of
from intent.ui.shared.plots import accuracy_chart
from tests.made_runs import make_run, sample_clips


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()


def page(runs: Path, *selected: str, **chosen: object) -> Page:
    return page_of(runs, Selection(selected, **chosen), rows_of(runs), trashed_runs(runs))


def test_without_a_run_the_page_explains_the_list(runs: Path) -> None:
    shown = page(runs)
    assert "No runs yet." in shown.table and shown.summary == ""
    assert "The trash is empty" in shown.trash


def test_a_row_shows_the_setup_and_the_accuracy_of_a_run(runs: Path) -> None:
    make_run(runs, wrong=range(7))
    (row,) = rows_of(runs)
    assert (row.data, row.base, row.recipe, row.state) == (
        "Bundled sample",
        "Bundled",
        "Guide",
        "done",
    )
    assert row.accuracy == pytest.approx(49 / 56) and row.seconds == 93.0 and row.bytes > 1000
    said = text(table_html([row], (), "begun", True))
    assert "Guide, bundled" in said and "87.5\u00a0%" not in row.name
    assert re.search(r"Done 87\.5\s% 76 to 94\s% 2 minutes \d+ kB", said)


@pytest.mark.parametrize("key", KEYS)
def test_rows_are_sorted_by_every_column_both_ways(runs: Path, key: str) -> None:
    for wrong in (3, 1, 2):
        make_run(runs, wrong=range(wrong), seed=wrong)
    rows = rows_of(runs)
    up, down = ordered(rows, key, False), ordered(rows, key, True)
    values = [KEYS[key](row) for row in up]
    assert values == sorted(values) and [KEYS[key](row) for row in down] == values[::-1]
    assert set(up) == set(down) == set(rows)


def test_a_run_that_cannot_be_read_leaves_the_others_in_the_list(runs: Path) -> None:
    kept, broken = make_run(runs), make_run(runs)
    broken.recipe_file.write_text("{")
    assert [row.id for row in rows_of(runs)] == [kept.id]


def test_a_name_is_shown_as_text(runs: Path) -> None:
    run = make_run(runs)
    rename_run(run, "<b>'bold'")
    shown = page(runs, run.id)
    for html in (shown.table, shown.summary):
        assert "<b>'" not in html and "&lt;b&gt;&#x27;bold&#x27;" in html


def test_the_report_of_a_run_has_its_mistakes_and_what_can_be_done(runs: Path) -> None:
    run = make_run(runs, wrong=(5, 2), with_model=True)
    shown = page(runs, run.id)
    assert shown.run_id == run.id and shown.can_use and shown.can_remove and not shown.can_resume
    _, clips = sample_clips()
    said = text(shown.clips)
    assert said.startswith("2 mistakes") and "check whether the true label is wrong" in said
    assert said.index(clips[2].transcription) < said.index(clips[5].transcription)  # surer first
    assert "Accuracy" in shown.curves and "Metrics per intent" in shown.metrics


def test_a_run_without_a_report_says_so_and_can_be_resumed(runs: Path) -> None:
    run = make_run(runs, ends=False)
    shown = page(runs, run.id)
    assert (shown.can_resume, shown.can_use, shown.confusion) == (True, False, "")
    assert "has no report yet" in shown.metrics


def test_cells_of_the_matrix_name_their_labels_and_count(runs: Path) -> None:
    report = read_report(make_run(runs, wrong=(0,)))
    html = confusion_html(report)
    labels, clips = sample_clips()
    true, predicted = clips[0].label_id, clips[0].label_id + 1
    pair = (
        f"“{human_name(labels[true])}”, predicted as “{human_name(labels[predicted])}”: 1 recording"
    )
    assert f"data-cell='{true},{predicted}'" in html and f"aria-label='{pair}'" in html
    assert html.count("<button") == 15 and html.count("tabindex='0'") == 1


def test_a_cell_of_the_matrix_lists_its_recordings_correct_ones_included(runs: Path) -> None:
    report = read_report(make_run(runs, wrong=(0,)))
    labels, clips = sample_clips()
    right = Filter("pair", labels[3], labels[3])
    rows = chosen(report, right)
    assert {clip.true for _, clip in rows} == {labels[3]} and len(rows) == report.confusion[3][3]
    assert all(report.clips[index] is clip for index, clip in rows)
    assert "predicted correctly" in text(clips_html(report, right))


def test_recordings_with_poor_audio_are_marked_and_can_be_listed(runs: Path) -> None:
    report = read_report(make_run(runs, wrong=(4,), flaws={4: "clipped", 9: "silent"}))
    assert "Clipped" in clips_html(report, Filter())
    assert "Poor audio" in text(clips_html(report, Filter()))
    flawed = text(clips_html(report, Filter("flawed")))
    assert "2 recordings with poor audio" in flawed and "Silent" in flawed


def test_a_run_without_a_mistake_says_so(runs: Path) -> None:
    assert "No mistakes" in clips_html(read_report(make_run(runs)), Filter())


def test_two_runs_are_compared_with_a_significance_test_and_their_settings(
    runs: Path,
) -> None:
    good, bad = make_run(runs, wrong=(1,), seed=1), make_run(runs, wrong=range(20), epochs=9)
    rename_run(good, "Good")
    rename_run(bad, "Bad")
    said = text(page(runs, bad.id, good.id).summary)
    assert said.startswith("2 runs compared")
    assert (
        "On the 56 recordings that both were tested on, only Good is correct on 19, and only Bad on "
        "0: Good is significantly better (p &lt; 0.001)."
    ) in said
    assert "2 of 25 fields differ" in said
    assert "Epochs (differs) 9 4" in said and "Seed (differs) 42 1" in said


def test_no_more_runs_are_compared_than_there_are_colors(runs: Path) -> None:
    ids = [make_run(runs, wrong=(number,)).id for number in range(7)]
    said = text(page(runs, *ids).summary)
    assert (
        "7 runs are selected. Only the first 6 are compared" in said and "6 runs compared" in said
    )


def test_an_old_run_has_no_predictions_to_compare(runs: Path) -> None:
    run, old = make_run(runs), make_run(runs)
    report = json.loads(old.report_file.read_text())
    del report["clips"]
    old.report_file.write_text(json.dumps(report))
    rename_run(old, "Old")
    assert "Old cannot be compared recording by recording" in text(
        page(runs, run.id, old.id).summary
    )


def test_runs_with_the_same_name_are_distinguished(runs: Path) -> None:
    for _ in range(3):
        make_run(runs)
    names = distinct_names(rows_of(runs))
    assert len(set(names)) == 3 and all(name.startswith("Guide, bundled (") for name in names)


def test_curves_of_one_kind_keep_their_axis_and_others_share_one(runs: Path) -> None:
    guide, instant = make_run(runs), make_run(runs, preset_name="instant")
    curves = [(run.name, run.history(), run.recipe()) for run in (guide, instant)]
    same = overlaid([curves[0], curves[0]], accuracy_chart)
    assert (same.x_name, same.x_limit) == ("epoch", 4)
    mixed = overlaid(curves, accuracy_chart)
    assert (mixed.x_name, mixed.x_limit) == ("% of training", 100)
    assert [line.points[-1][0] for line in mixed.lines] == [100, 100]
    assert [line.kind for line in mixed.lines] == ["run-1", "run-2"]


def test_calibrated_scores_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 1, 40_000)
    for one in reliability(scores, rng.uniform(size=40_000) < scores):
        assert one.accuracy == pytest.approx(one.score, abs=0.03)
        assert one.interval[0] <= one.accuracy <= one.interval[1]


def test_every_prediction_is_in_a_bin_of_the_reliability() -> None:
    bins = reliability(np.array([0.0, 0.05, 0.5, 1.0]), np.array([False, True, True, True]))
    assert [(one.clips, one.accuracy) for one in bins] == [(2, 0.5), (1, 1.0), (1, 1.0)]
    assert reliability(np.zeros(0), np.zeros(0, bool)) == ()


def test_confident_predictions_are_counted() -> None:
    scores, right = np.array([0.95, 0.91, 0.4]), np.array([True, False, True])
    assert confidence_in_words(scores, right) == (
        "Of 2 predictions with a score of 90\u00a0% or more, 1 is correct."
    )
    assert "No prediction has a score" in confidence_in_words(np.array([0.4]), np.array([True]))


def test_the_hardest_intent_comes_first(runs: Path) -> None:
    report = read_report(make_run(runs, wrong=(0,)))
    labels, clips = sample_clips()
    rows = re.findall(r"<th scope='row'>([^<]*) <", per_intent_html(report.per_intent))
    hardest = {human_name(labels[clips[0].label_id + step]) for step in (0, 1)}
    assert set(rows[:2]) == hardest and len(rows) == 14


def test_an_intent_without_a_test_recording_is_not_measured() -> None:
    figures = {"low": LabelMetrics(0.5, 0.5, 0.5, 2), "high": LabelMetrics(0.0, 0.0, 0.0, 0)}
    html = per_intent_html(figures)
    assert re.findall(r"<th scope='row'>([^<]*) <small>(\d)", html) == [("Low", "2"), ("High", "0")]
    assert html.count("not measured") == 1 and "<b>0</b>" not in html


def test_a_row_plays_the_recording_that_was_tested(runs: Path) -> None:
    run = make_run(runs, wrong=(3,))
    _, clips = sample_clips()
    html, file = clip_and_sound(runs, run.id, 3)
    assert clips[3].transcription in html and Path(file).stat().st_size > 1000


@pytest.mark.parametrize("index", [-1, 56, "0", None, 1.5])
def test_a_recording_that_is_not_in_the_report_is_refused(runs: Path, index: object) -> None:
    html, file = clip_and_sound(runs, make_run(runs).id, index)
    assert "There is no such recording" in html and file is None


def test_a_recording_without_its_data_is_shown_with_the_reason(runs: Path, tmp_path: Path) -> None:
    run = make_run(runs, data=str(tmp_path / "gone"))
    html, file = clip_and_sound(runs, run.id, 0)
    assert "can no longer be opened" in html and file is None


@pytest.mark.parametrize("run_id", ["", "../..", "20261122-100000-guide-0a1b"])
def test_an_id_that_is_no_run_is_refused(runs: Path, run_id: str) -> None:
    assert "There is no run" in clip_and_sound(runs, run_id, 0)[0]
    assert "There is no run" in remove(runs, [run_id])
    with pytest.raises(RunError, match="in the trash"):
        restore(runs, [run_id])


def test_a_removed_run_is_in_the_trash_until_that_is_undone(runs: Path) -> None:
    run = make_run(runs)
    said = remove(runs, [run.id])
    assert f"data-restore='{run.id}'" in said
    assert rows_of(runs) == () and run.id in page(runs).trash
    assert "Restored" in restore(runs, [run.id])
    assert [row.id for row in rows_of(runs)] == [run.id]


def test_an_impossible_name_is_refused_in_one_sentence(runs: Path) -> None:
    run = make_run(runs)
    with pytest.raises(RunError, match="1 to 60 printable characters"):
        rename(runs, [run.id], " ")
    assert "Renamed to “Mine”" in rename(runs, [run.id], "Mine")
    assert rows_of(runs)[0].name == "Mine"


@pytest.fixture
def panel(runs: Path) -> Panel:
    """The components of the tab, outside a page."""
    with gr.Blocks():
        return Panel(gr.HTML(), gr.HTML(), gr.HTML(), build_report_panel(runs), gr.State())


def test_nothing_is_sent_while_nothing_changes_and_the_selection_stays(
    runs: Path, panel: Panel
) -> None:
    run = make_run(runs)
    state = refresh(runs, panel, TabState(), Selection((run.id,)))[panel.state]
    assert refresh(runs, panel, state) == {panel.state: gr.skip()}
    make_run(runs)
    updates = refresh(runs, panel, state)
    assert set(updates) == {panel.table, panel.state}  # the report is as it was
    assert updates[panel.table].count("<tr role='row' data-open") == 2
    assert updates[panel.state].selection.selected == (run.id,)


def test_a_new_page_gets_every_component_but_the_note(runs: Path, panel: Panel) -> None:
    make_run(runs)
    updates = refresh(runs, panel, TabState())
    rest = {panel.note, panel.report.naming.name}
    assert set(updates) == set(panel.outputs()) - rest


def test_another_run_stops_the_player_and_opens_no_name_field(runs: Path, panel: Panel) -> None:
    one, other = make_run(runs), make_run(runs)
    state = refresh(runs, panel, TabState(), Selection((one.id,)))[panel.state]
    updates = refresh(runs, panel, state, Selection((one.id,), naming=True))
    assert updates[panel.report.naming.name] == one.name
    assert panel.report.confusion.player not in updates
    updates = refresh(runs, panel, updates[panel.state], Selection((other.id,)))
    assert updates[panel.report.confusion.player] is None
    assert panel.report.naming.name not in updates


def test_a_removed_run_is_no_longer_selected(runs: Path, panel: Panel) -> None:
    run, other = make_run(runs), make_run(runs)
    state = refresh(runs, panel, TabState(), Selection((run.id, other.id)))[panel.state]
    trash_run(run)
    state = refresh(runs, panel, state)[panel.state]
    assert state.selection.selected == (other.id,) and state.run_id == other.id


@pytest.mark.parametrize("ids", [None, "abc", {"a": 1}, [1, None, []]])
def test_what_a_page_sends_as_ids_may_be_anything(ids: object) -> None:
    assert run_ids_in(ids) == ()


@pytest.mark.parametrize(
    ("size", "words"),
    [(12, "12 B"), (5_300, "5 kB"), (33_400_000, "33 MB"), (1_260_000_000, "1.3 GB")],
)
def test_a_size_has_a_unit_and_few_digits(size: int, words: str) -> None:
    assert size_in_words(size).replace("\u00a0", " ") == words


def test_a_picked_id_is_opened_as_a_run_of_the_folder_or_not_at_all(runs: Path) -> None:
    make_run(runs)
    (row,) = rows_of(runs)
    with pytest.raises(RunError, match="There is no run"):
        page_of(runs.parent / "elsewhere", Selection((row.id,)), [row], [])

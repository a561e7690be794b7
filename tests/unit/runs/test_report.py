"""Reports: the predictions for each clip are read back; old and damaged reports are reported."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.data.dataset import load_data
from intent.data.find_clip import find_clip
from intent.data.labelled_clip import LabelledClip
from intent.errors import DataError, RunError
from intent.evaluation.metrics import LabelMetrics, score
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.report import AnsweredClip, answered_clips, read_report, to_json
from intent.runs.store import create_run
from tests.tiny import LABELS, tone, tone_folder, wav_bytes

SCORES = np.array([[0.7, 0.2, 0.1], [0.05, 0.15, 0.8], [0.1, 0.3, 0.6]])


def heard(row: int, label_id: int, flaw: str = "") -> LabelledClip:
    return LabelledClip(f"{row}.wav", label_id, "en-US", f"words {row}", f"hash {row}", None, flaw)


def run_with(folder: Path, report: object) -> RunDir:
    run = create_run(folder / "runs", Recipe())
    run.report_file.write_text(report if isinstance(report, str) else json.dumps(report))
    return run


@pytest.fixture
def report() -> dict:
    """The report of a run on three clips, of which the second and third are misclassified."""
    clips = [heard(0, 0), heard(1, 0, "silent"), heard(2, 1)]
    figures = score(
        LABELS,
        np.array([0, 0, 1]),
        SCORES,
        [clip.name for clip in clips],
        [clip.transcription for clip in clips],
        ["en-US"] * 3,
    )
    answers = to_json(answered_clips(LABELS, clips, SCORES))
    return {"outcome": "done", "evaluation": figures.to_dict(), "clips": answers}


def test_a_report_gives_back_the_answers_to_each_clip(tmp_path: Path, report: dict) -> None:
    found = read_report(run_with(tmp_path, report))
    assert found.is_whole and len(found.clips) == 3
    assert found.clips[1] == AnsweredClip(
        "hash 1",
        "1.wav",
        "en-US",
        "words 1",
        "low",
        (("high", 0.8), ("middle", 0.15), ("low", 0.05)),
        "silent",
    )
    assert found.accuracy == pytest.approx(1 / 3) and found.labels == LABELS
    assert found.per_intent["low"].support == 2


def test_an_intent_without_test_clips_has_no_figures_in_an_old_report(
    tmp_path: Path, report: dict
) -> None:
    report["evaluation"]["per_intent"]["low"] = {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    found = read_report(run_with(tmp_path, report))
    assert found.per_intent["low"] == LabelMetrics(None, None, None, 0)


def test_mistakes_come_the_most_confident_first(tmp_path: Path, report: dict) -> None:
    found = read_report(run_with(tmp_path, report))
    assert [(clip.name, clip.predicted, clip.score) for clip in found.mistakes] == [
        ("1.wav", "high", 0.8),
        ("2.wav", "high", 0.6),
    ]


def test_five_answers_are_kept_of_many() -> None:
    labels = [f"label {i}" for i in range(14)]
    scores = np.arange(14.0)[None] / 91
    (clip,) = answered_clips(labels, [heard(0, 13)], scores)
    assert [label for label, _ in clip.top] == labels[:8:-1] and clip.right


def test_an_old_report_has_its_mistakes_alone(tmp_path: Path, report: dict) -> None:
    del report["clips"]
    found = read_report(run_with(tmp_path, report))
    assert not found.is_whole
    assert [(clip.hash, clip.name, clip.top) for clip in found.mistakes] == [
        ("", "1.wav", (("high", 0.8),)),
        ("", "2.wav", (("high", 0.6),)),
    ]


def test_a_run_without_a_test_clip_has_no_figures(tmp_path: Path) -> None:
    found = read_report(run_with(tmp_path, {"evaluation": None, "clips": []}))
    assert (found.accuracy, found.labels, found.clips) == (None, (), ())


def test_a_run_without_a_report_says_when_there_will_be_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no report yet: one is written when it ends"):
        read_report(create_run(tmp_path / "runs", Recipe()))


@given(
    st.recursive(
        st.none() | st.floats() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["evaluation", "clips", "top", "labels", "interval", "mistakes"]), x
            )
        ),
    )
)
def test_a_damaged_report_is_reported_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, damaged: object
) -> None:
    run = run_with(tmp_path_factory.mktemp("run"), damaged)
    try:
        read_report(run)
    except RunError as error:
        assert "cannot be read" in str(error)


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    return tone_folder(tmp_path / "tones", clips_per_label=3)


def test_the_sound_of_a_clip_is_found_by_its_name(tones: Path) -> None:
    name = load_data(str(tones))["all"]["name"][4]
    clip = find_clip(Recipe(data=str(tones)), name, "")
    assert clip.sample_rate == 8000 and clip.seconds > 0.5


def test_a_recording_that_was_changed_is_not_played_for_the_one_that_was_tested(
    tones: Path,
) -> None:
    (tones / "low" / "low-00.wav").write_bytes(wav_bytes(tone("high")))
    with pytest.raises(DataError, match="was removed from the data set or changed"):
        find_clip(Recipe(data=str(tones)), "low/low-00.wav", "some other hash")


def test_a_missing_data_set_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can no longer be opened"):
        find_clip(Recipe(data=str(tmp_path / "gone")), "low/low-00.wav", "")

"""Figures are right, and clips that a checkpoint was trained on never count as a test."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intent.audio.clip import clip_hash, read_clip
from intent.checkpoints.provenance import Provenance, write_provenance
from intent.data.dataset import load_data, readable_clips, split
from intent.errors import CheckpointError, DataError
from intent.evaluation.accuracy_metric import AccuracyMetric
from intent.evaluation.evaluate import evaluate_checkpoint
from intent.evaluation.label_match import match_labels
from intent.evaluation.metrics import (
    Accuracy,
    Evaluation,
    LabelMetrics,
    calibration_error,
    interval,
    reliability,
    score,
)
from tests import tiny
from tests.late_speech import late_folder
from tests.repository import ROOT

LABELS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (45, 50, 0.7864, 0.9565),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 2, 0.0945, 0.9055),
        (100, 113, 0.8131, 0.9315),
    ],
)
def test_the_interval_is_wilsons(correct, total, low, high):
    assert interval(correct, total) == pytest.approx((low, high), abs=1e-4)


def test_no_clip_leaves_everything_possible():
    assert interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_narrows_with_more_clips(counts):
    correct, total = counts
    low, high = interval(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    low_4, high_4 = interval(4 * correct, 4 * total)
    assert high_4 - low_4 < high - low


@given(st.integers(2, 2000).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_each_bound_is_a_share_that_lies_1_96_standard_errors_from_what_was_counted(counts):
    correct, total = counts
    for bound in interval(correct, total):
        standard_error = math.sqrt(bound * (1 - bound) / total)
        assert abs(correct / total - bound) / standard_error == pytest.approx(1.959964, rel=1e-5)


def one_hot(ids: list[int], score_of_top: float = 1.0) -> np.ndarray:
    """Scores (n, 3) that put `score_of_top` on these labels and share the rest."""
    rest = (1 - score_of_top) / (len(LABELS) - 1)
    scores = np.full((len(ids), len(LABELS)), rest)
    scores[np.arange(len(ids)), ids] = score_of_top
    return scores


def evaluate(true: list[int], predicted: list[int], **options: object) -> Evaluation:
    names = [f"clip {i}" for i in range(len(true))]
    return score(
        LABELS,
        np.array(true),
        options.pop("scores", one_hot(predicted)),
        names,
        [name.upper() for name in names],
        options.pop("locales", ["en-US"] * len(true)),
        **options,
    )


def test_a_perfect_classifier_makes_no_mistake():
    result = evaluate([0, 1, 2, 2], [0, 1, 2, 2])
    assert (result.accuracy, result.macro_f1, result.ece, result.mistakes) == (1.0, 1.0, 0.0, ())
    assert result.confusion == ((1, 0, 0), (0, 1, 0), (0, 0, 2))
    assert result.per_intent["c"].support == 2
    assert result.message is None


def test_a_perverse_classifier_is_always_wrong():
    result = evaluate([0, 1, 2], [1, 2, 0])
    assert (result.accuracy, result.macro_f1, result.ece) == (0.0, 0.0, 1.0)
    assert result.confusion == ((0, 1, 0), (0, 0, 1), (1, 0, 0))
    assert len(result.mistakes) == 3


def test_the_accuracy_has_its_interval_and_each_score_its_clips():
    result = evaluate([0, 0, 1, 2], [0, 1, 1, 2])
    assert (result.accuracy, result.interval, result.clips) == (0.75, interval(3, 4), 4)
    assert result.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_rows_of_the_confusion_are_true_labels_and_columns_predicted_ones():
    result = evaluate([0, 0, 0, 1], [0, 1, 1, 1])
    assert result.confusion == ((1, 2, 0), (0, 1, 0), (0, 0, 0))
    assert result.per_intent["a"].recall == pytest.approx(1 / 3)
    assert result.per_intent["b"].precision == pytest.approx(1 / 3)
    assert result.per_intent["c"] == LabelMetrics(None, None, None, 0)


def test_a_label_that_neither_occurs_nor_is_predicted_leaves_macro_f1_alone():
    assert evaluate([0, 1], [0, 1]).macro_f1 == 1.0


def test_mistakes_come_most_confident_first_with_what_was_said():
    scores = np.vstack([one_hot([1], 0.5), one_hot([1], 0.9), one_hot([2], 0.7), one_hot([2], 0.8)])
    mistakes = evaluate([0, 0, 2, 0], [], scores=scores).mistakes
    assert [mistake.clip for mistake in mistakes] == ["clip 1", "clip 3", "clip 0"]
    first = mistakes[0]
    assert (first.transcription, first.true, first.predicted) == ("CLIP 1", "a", "b")
    assert first.score == pytest.approx(0.9)


def test_each_locale_has_its_own_figure_and_unknown_ones_none():
    result = evaluate([0, 0, 0, 1], [0, 1, 0, 1], locales=["en-GB", "en-GB", "de-DE", ""])
    assert result.per_locale == {
        "de-DE": Accuracy(1.0, interval(1, 1), 1),
        "en-GB": Accuracy(0.5, interval(1, 2), 2),
    }
    assert list(result.per_locale) == ["de-DE", "en-GB"]
    assert result.clips == 4


def test_seen_clips_have_a_separate_accuracy_and_change_no_other():
    unseen = evaluate([0, 1, 2, 0], [0, 1, 0, 0])
    mixed = evaluate([0, 1, 2, 0, 1, 1], [0, 1, 0, 0, 1, 2], seen=[False] * 4 + [True] * 2)
    assert mixed.seen_in_training == 2
    assert mixed.seen_figure == Accuracy(0.5, interval(1, 2), 2)
    for name in ("accuracy", "interval", "clips", "macro_f1", "ece", "confusion", "mistakes"):
        assert getattr(mixed, name) == getattr(unseen, name)


def test_without_an_unseen_clip_there_is_a_sentence_instead_of_figures():
    result = evaluate([0, 1], [0, 1], seen=[True, True])
    assert (result.accuracy, result.interval, result.macro_f1, result.ece) == (None,) * 4
    assert result.clips == 0
    assert result.message == (
        "Not measured: no unseen test recordings. The checkpoint was trained on all 2 test "
        "recordings: choose another data set, or include the recordings seen in training."
    )
    assert evaluate([], []).message == "Not measured: no test recordings. Choose another data set."


def test_calibrated_scores_have_no_calibration_error():
    confidence = np.repeat([0.15, 0.55, 0.95], 1000)
    right = np.concatenate([np.arange(1000) < 1000 * share for share in (0.15, 0.55, 0.95)])
    assert calibration_error(confidence, right) == pytest.approx(0, abs=1e-9)


def test_the_calibration_error_of_overconfident_scores_is_how_far_they_are_off():
    assert calibration_error(np.full(1000, 0.95), np.arange(1000) < 600) == pytest.approx(0.35)


def test_clips_of_about_the_same_score_share_a_bin_and_1_is_in_the_last():
    low, high = reliability(np.array([1.0, 0.91, 0.95, 0.02, 0.08]), np.array([1, 0, 1, 1, 0]))
    assert (low.clips, low.score, low.accuracy, low.interval) == (2, 0.05, 0.5, interval(1, 2))
    assert (high.clips, high.accuracy, high.interval) == (3, 2 / 3, interval(2, 3))
    assert high.score == pytest.approx((1 + 0.91 + 0.95) / 3)
    scores, right = np.array([0.91, 0.99]), np.array([True, False])
    assert calibration_error(scores, right) == pytest.approx(0.45)
    assert calibration_error(scores, right, bins=100) == pytest.approx((0.09 + 0.99) / 2)
    assert calibration_error(np.array([]), np.array([])) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_the_calibration_error_is_between_0_and_1(pairs):
    confidence, right = map(np.array, zip(*pairs, strict=True))
    assert 0 <= calibration_error(confidence, right) <= 1 + 1e-9


def test_an_evaluation_survives_json():
    result = evaluate([0, 1, 2], [0, 1, 0], seen=[False, False, True])
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert list(values)[:4] == ["accuracy", "interval", "clips", "seen_in_training"]
    assert values["clips"] == 2
    assert values["seen_figure"]["clips"] == 1
    assert values["message"] is None


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=50))
def test_the_accuracy_metric_is_the_share_of_right_predictions(pairs):
    predictions, references = map(list, zip(*pairs, strict=True))
    share = sum(a == b for a, b in pairs) / len(pairs)
    result = AccuracyMetric().compute(predictions=predictions, references=references)
    assert math.isclose(result["accuracy"], share)


def test_the_accuracy_metric_needs_neither_network_nor_a_writable_cache(tmp_path):
    (tmp_path / "file").touch()
    script = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from intent.evaluation.accuracy_metric import AccuracyMetric\n"
        "print(AccuracyMetric().compute(predictions=[1, 0], references=[1, 1])['accuracy'])"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "file" / "cannot-be-made")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "0.5\n", done.stderr


@pytest.fixture
def whisper(tmp_path):
    return tiny.tiny_whisper(tmp_path / "whisper")


@pytest.fixture
def tones(tmp_path):
    return tiny.tone_folder(tmp_path / "tones")


def learn(folder: Path, clips: list[str]) -> None:
    """Give a checkpoint a provenance that says it was trained on these clips."""
    write_provenance(
        folder,
        Provenance(
            base="x",
            preset="instant",
            data="x",
            locales=(),
            seed=0,
            accuracy=None,
            interval=None,
            test_clips=0,
            trained_on=tuple(clips),
        ),
    )


def hashes(tones: Path, part: str, seed: int) -> list[str]:
    dataset = split(load_data(str(tones)), seed)[part]
    return [clip_hash(clip) for _, clip in readable_clips(dataset, lambda name, reason: None)]


def test_a_checkpoint_is_tested_on_the_part_that_was_asked_for(whisper, tones):
    counts = {
        part: evaluate_checkpoint(str(whisper), str(tones), part=part).clips
        for part in ("test", "train", "all")
    }
    assert counts == {"test": 6, "train": 24, "all": 30}


def test_batches_give_the_scores_that_clips_get_alone(whisper, tones, tmp_path):
    from intent.models.classifier import classify

    for checkpoint in (whisper, tiny.tiny_wav2vec2(tmp_path / "wav2vec2")):
        result = evaluate_checkpoint(str(checkpoint), str(tones), part="all")
        assert result.mistakes
        for mistake in result.mistakes:
            top = classify(read_clip(tones / mistake.clip), str(checkpoint)).top[0]
            assert top.label == mistake.predicted
            assert top.score == pytest.approx(mistake.score, abs=1e-5)


def test_what_was_trained_on_never_counts_whatever_the_seed_of_the_split(whisper, tones):
    trained_on = hashes(tones, "train", seed=1)
    learn(whisper, trained_on)
    for seed in (1, 2, 3):
        overlap = len(set(hashes(tones, "test", seed)) & set(trained_on))
        result = evaluate_checkpoint(str(whisper), str(tones), seed=seed)
        assert (result.clips, result.seen_in_training) == (6 - overlap, overlap)
        assert sum(map(sum, result.confusion)) == 6 - overlap
        assert result.seen_figure is None


def test_included_seen_clips_are_reported_separately(whisper, tones):
    learn(whisper, hashes(tones, "train", seed=1))
    result = evaluate_checkpoint(str(whisper), str(tones), part="all", include_seen=True)
    assert (result.clips, result.seen_in_training) == (6, 24)
    assert result.seen_figure.clips == 24
    without = evaluate_checkpoint(str(whisper), str(tones), part="all")
    assert (without.accuracy, without.clips, without.seen_in_training) == (result.accuracy, 6, 24)


def test_a_part_that_was_all_trained_on_has_no_test_accuracy(whisper, tones):
    learn(whisper, hashes(tones, "train", seed=42))
    result = evaluate_checkpoint(str(whisper), str(tones), part="train")
    assert (result.accuracy, result.clips, result.seen_in_training) == (None, 0, 24)
    assert result.message == (
        "Not measured: no unseen test recordings. The checkpoint was trained on all 24 test "
        "recordings: choose another data set, or include the recordings seen in training."
    )


def test_clips_that_cannot_be_read_are_left_out_and_named(whisper, tones):
    (tones / "low" / "broken.wav").write_text("no sound")
    result = evaluate_checkpoint(str(whisper), str(tones), part="all")
    assert result.clips == 30
    assert [Path(name).name for name in result.skipped] == ["broken.wav"]


def test_progress_ends_with_every_clip(whisper, tones):
    steps: list[tuple[int, int]] = []
    evaluate_checkpoint(
        str(whisper), str(tones), part="all", on_progress=lambda *step: steps.append(step)
    )
    assert steps == [(done, 30) for done in range(1, 31)]


def test_labels_are_matched_by_name_not_by_number(tones, tmp_path):
    one = tiny.tiny_whisper(tmp_path / "one", labels=("low", "middle", "high"))
    other = tiny.tiny_whisper(tmp_path / "other", labels=("high", "low", "middle"))
    favourite = evaluate_checkpoint(str(one), str(tones), part="all").mistakes[0].predicted
    result = evaluate_checkpoint(str(other), str(tones), part="all")
    renamed = dict(zip(("low", "middle", "high"), ("high", "low", "middle"), strict=True))
    assert {mistake.predicted for mistake in result.mistakes} == {renamed[favourite]}
    assert result.per_intent[renamed[favourite]].recall == 1.0


def test_labels_without_a_clip_in_the_data_are_named_and_the_others_evaluated(tones, tmp_path):
    checkpoint = tiny.tiny_whisper(tmp_path / "c", labels=("low", "middle", "high", "top"))
    result = evaluate_checkpoint(str(checkpoint), str(tones), part="all")
    assert (result.clips, result.absent, result.renamed) == (30, ("top",), {})
    assert result.labels == ("low", "middle", "high", "top")
    assert [sum(row) for row in result.confusion] == [10, 10, 10, 0]


def test_labels_that_differ_in_case_and_separators_are_matched_and_named(tones, tmp_path):
    names = {"low": "Pay-Bill", "middle": "lost card", "high": "freeze"}
    for label, name in names.items():
        (tones / label).rename(tones / name)
    checkpoint = tiny.tiny_whisper(tmp_path / "c", labels=("freeze", "pay_bill", "Lost_Card", "x"))
    result = evaluate_checkpoint(str(checkpoint), str(tones), part="all")
    assert result.renamed == {"Pay-Bill": "pay_bill", "lost card": "Lost_Card"}
    assert result.absent == ("x",)
    assert [sum(row) for row in result.confusion] == [10, 10, 10, 0]
    assert {mistake.true for mistake in result.mistakes} <= {"freeze", "pay_bill", "Lost_Card"}
    assert result.to_dict()["renamed"] == result.renamed


@pytest.mark.parametrize(
    ("names", "labels", "matched", "unknown"),
    [
        (["a b"], ["a_b"], {"a b": "a_b"}, ()),
        (["A.B"], ["a-b"], {"A.B": "a-b"}, ()),
        (["a b"], ["a_b", "A-B"], {}, ("a b",)),  # which of the two?
        (["a b", "A_B"], ["ab"], {}, ("a b", "A_B")),  # two labels would become one
        (["ab", "A_B"], ["ab"], {"ab": "ab"}, ("A_B",)),
        (["a_b", "ab"], ["ab", "a_b"], {"a_b": "a_b", "ab": "ab"}, ()),
        (["cafe\u0301"], ["caf\u00e9"], {"cafe\u0301": "caf\u00e9"}, ()),  # as macOS spells it
        (["_"], ["-"], {}, ("_",)),
        (["STRASSE"], ["straße"], {"STRASSE": "straße"}, ()),
    ],
)
def test_only_labels_that_one_label_alone_resembles_are_matched(names, labels, matched, unknown):
    match = match_labels(names, labels)
    assert (match.matched, match.unknown) == (matched, unknown)
    assert match.absent == tuple(label for label in labels if label not in matched.values())


@pytest.mark.parametrize(
    ("labels", "differences"),
    [
        (("low", "middle"), "missing from the checkpoint: high"),
        (
            ("low", "bass"),
            "missing from the checkpoint: high, middle; missing from the data set: bass",
        ),
    ],
)
def test_other_labels_than_the_data_sets_are_refused_by_name(tones, tmp_path, labels, differences):
    checkpoint = tiny.tiny_whisper(tmp_path / "c", labels=labels)
    with pytest.raises(CheckpointError) as caught:
        evaluate_checkpoint(str(checkpoint), str(tones))
    from intent.checkpoints.resolve import short

    assert str(caught.value) == (
        f'The checkpoint "{short(str(checkpoint))}" has other labels than the data set: '
        f"{differences}. Choose a checkpoint that was trained on these labels."
    )


def test_a_part_that_does_not_exist_is_refused(whisper, tones):
    with pytest.raises(DataError) as caught:
        evaluate_checkpoint(str(whisper), str(tones), part="validation")
    assert str(caught.value) == ("The split must be test, train or all, but is 'validation'.")


def test_speech_after_a_long_noise_is_evaluated_as_it_is_classified(tmp_path):
    evaluation = evaluate_checkpoint("bundled", str(late_folder(tmp_path / "late")), part="all")
    assert (evaluation.clips, evaluation.accuracy) == (2, 1.0)

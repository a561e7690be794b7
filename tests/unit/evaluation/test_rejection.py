"""Figures of a checkpoint with a label that means "none of the intents"."""

import json
from pathlib import Path

import numpy as np
import pytest

from intent.cli.output import evaluation_text
from intent.evaluation.evaluate import evaluate_checkpoint
from intent.evaluation.metrics import Evaluation, calibration_error, score
from intent.evaluation.rejection import Rejection, rejection
from tests import tiny

LABELS = ("a", "none", "z")
NONE = 1


def evaluate(
    true: list[int], predicted: list[int], top: float = 0.8, seen: list[bool] | None = None
) -> Evaluation:
    """The metrics of scores that put `top` on the predicted labels and share the rest."""
    scores = np.full((len(true), 3), (1 - top) / 2)
    scores[np.arange(len(true)), predicted] = top
    names = [f"clip {i}" for i in range(len(true))]
    return score(
        LABELS,
        np.array(true, int),
        scores,
        names,
        [""] * len(true),
        ["en-US"] * len(true),
        seen=seen,
        reject_label="none",
    )


def test_an_intent_answered_as_none_is_a_mistake_and_a_clip_of_none_is_not_in_the_accuracy() -> (
    None
):
    found = evaluate([0, 0, 2, 2, NONE, NONE, NONE], [0, NONE, 2, 0, NONE, NONE, 2])
    assert (found.accuracy, found.clips) == (0.5, 4)
    assert found.per_locale["en-US"].clips == 4 and found.per_locale["en-US"].accuracy == 0.5
    assert found.confusion == ((1, 1, 0), (0, 2, 1), (1, 0, 1))
    assert set(found.per_intent) == {"a", "z"}
    assert (found.per_intent["z"].precision, found.per_intent["z"].recall) == (1.0, 0.5)
    assert found.per_intent["a"].precision == 0.5  # none is no intent, so it lowers no precision
    assert {(one.true, one.predicted) for one in found.mistakes} == {
        ("a", "none"),
        ("z", "a"),
        ("none", "z"),
    }


def test_macro_f1_is_the_mean_over_the_intents() -> None:
    found = evaluate([0, 0, 2, 2, NONE], [0, NONE, 2, 2, NONE])
    assert found.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_calibration_covers_every_answer() -> None:
    found = evaluate([0, 0, 2, NONE, NONE], [0, NONE, 2, NONE, 2])
    right = np.array([True, False, True, True, False])
    assert found.ece == pytest.approx(calibration_error(np.full(5, 0.8), right))


def test_errors_are_counted_at_the_operating_point() -> None:
    found = evaluate([0, 0, 2, 2, NONE, NONE, NONE], [0, NONE, 2, 0, NONE, NONE, 2]).rejection
    assert found and (found.intent_clips, found.reject_clips) == (4, 3)
    assert (found.false_rejects, found.false_accepts) == (0.25, pytest.approx(1 / 3))


def test_data_without_clips_of_none_gives_false_rejects_only() -> None:
    found = evaluate([0, 0, 2, 2], [0, NONE, 2, 0])
    assert found.rejection == Rejection("none", 4, 0, 0.25, None, None, None)
    assert found.confusion == ((1, 1, 0), (0, 0, 0), (1, 0, 1))


def test_data_with_clips_of_none_alone_has_no_accuracy_and_says_so() -> None:
    found = evaluate([NONE, NONE], [NONE, 0])
    assert (found.accuracy, found.clips, found.per_intent) == (None, 0, {})
    assert found.rejection == Rejection("none", 0, 2, None, 0.5, None, None)
    assert found.message == (
        'Accuracy is not measured: all recordings have the label "none", which is none of the '
        "intents. Choose a data set with recordings of the intents."
    )


def test_clips_seen_in_training_are_in_no_figure_of_rejection() -> None:
    found = evaluate([0, 0, NONE, NONE], [0, NONE, NONE, 0], seen=[False, True, False, True])
    assert found.rejection == Rejection("none", 1, 1, 0.0, 0.0, 1.0, 0.0)
    assert found.seen_in_training == 2
    assert found.seen_figure and (found.seen_figure.clips, found.seen_figure.accuracy) == (1, 0)


def scores_with(of_none: np.ndarray) -> np.ndarray:
    """Scores (n, 3) with these scores (n,) of none; the rest goes to the first label."""
    return np.stack([1 - of_none, of_none, np.zeros_like(of_none)], axis=1)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    of_none = np.concatenate([rng.beta(1, 3, 60), rng.beta(3, 1, 40)])
    true = np.repeat([0, NONE], [60, 40])
    found = rejection(true, scores_with(of_none), LABELS, "none")
    pairs = of_none[60:, None] > of_none[:60]
    assert found.auroc == pytest.approx(pairs.mean())


@pytest.mark.parametrize("clips", [1, 19, 20, 21, 100])
def test_the_threshold_lets_95_percent_of_the_intents_pass_and_no_more_than_needed(
    clips: int,
) -> None:
    of_intents = np.linspace(0, 0.5, clips)  # scores of none
    of_others = np.linspace(0, 1, 1001)
    true = np.repeat([0, NONE], [clips, len(of_others)])
    scores = scores_with(np.concatenate([of_intents, of_others]))
    found = rejection(true, scores, LABELS, "none").false_accepts_at_recall
    passing = int(np.ceil(0.95 * clips - 1e-9))  # clips of the intents
    assert found == pytest.approx((of_others <= of_intents[passing - 1]).mean())


def test_scores_of_none_too_small_to_be_taken_from_1_are_still_ordered() -> None:
    scores = scores_with(np.array([1e-20, 1e-19, 1e-18]))
    assert rejection(np.array([0, 0, NONE]), scores, LABELS, "none").auroc == 1.0


def test_a_checkpoint_without_a_reject_label_has_no_such_figures() -> None:
    found = score(LABELS, np.array([0]), np.eye(3)[:1], ["x"], [""], [""])
    assert found.rejection is None and found.to_dict()["rejection"] is None
    assert set(found.per_intent) == set(LABELS)


def test_the_figures_are_printed_and_in_the_json() -> None:
    found = evaluate([0, 0, 2, 2, NONE, NONE, NONE], [0, NONE, 2, 0, NONE, NONE, 2])
    assert found.rejection
    assert json.loads(json.dumps(found.to_dict()))["rejection"]["false_rejects"] == 0.25
    assert evaluation_text(found).splitlines()[1:] == [
        "False rejects, intents answered as none: 25.0% of 4 recordings",
        "False accepts, none answered as an intent: 33.3% of 3 recordings",
        f"AUROC of intents against none: {found.rejection.auroc:.3f}; where 95% of the intents "
        f"pass, {found.rejection.false_accepts_at_recall:.1%} false accepts",
    ]


def with_reject_label(folder: Path, label: str) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "reject_label": label}))
    return folder


def test_data_is_evaluated_with_its_label_matched_to_the_reject_label(tmp_path: Path) -> None:
    tones = tiny.tone_folder(tmp_path / "tones")
    (tones / "high").rename(tones / "NONE")
    labels = ("low", "none", "middle")
    checkpoint = with_reject_label(tiny.tiny_whisper(tmp_path / "c", labels=labels), "none")
    found = evaluate_checkpoint(str(checkpoint), str(tones), part="all")
    assert (found.clips, found.renamed, found.absent) == (20, {"NONE": "none"}, ())
    assert found.rejection and found.rejection.reject_clips == 10
    assert sum(map(sum, found.confusion)) == 30


def test_data_without_the_reject_label_lacks_no_intent(tmp_path: Path) -> None:
    tones = tiny.tone_folder(tmp_path / "tones", labels=("low", "middle"))
    labels = ("low", "none", "middle")
    checkpoint = with_reject_label(tiny.tiny_whisper(tmp_path / "c", labels=labels), "none")
    found = evaluate_checkpoint(str(checkpoint), str(tones), part="all")
    assert (found.clips, found.absent) == (20, ())
    assert found.rejection and found.rejection.false_accepts is None

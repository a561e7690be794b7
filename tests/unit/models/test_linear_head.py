"""Laws of the head in closed form."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForAudioClassification

from intent.models.linear_head import (
    ABSENT_BIAS,
    MAX_FALSE_REJECTS,
    Head,
    calibrate,
    calibrated,
    fit_calibration,
    fit_linear_head,
    fit_reject_bias,
    fit_temperature,
    fold_head,
    logits_of,
    probabilities,
)
from tests.tiny import tiny_wav2vec2, tiny_whisper


def clusters(
    classes: int, each: int = 20, spread: float = 1.0, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 32) around one centre for each class, and a share of 1; the seed moves points."""
    centres = np.random.default_rng(classes).standard_normal((classes, 32)) * 3
    ids = np.repeat(np.arange(classes), each)
    noise = np.random.default_rng(seed).standard_normal((len(ids), 32))
    return np.column_stack([centres[ids] + spread * noise, np.ones(len(ids))]), ids


@pytest.mark.parametrize("classes", [2, 3, 14])
def test_a_fitted_head_separates_clusters(classes: int) -> None:
    points, ids = clusters(classes)
    scores = probabilities(points, fit_linear_head(points, ids, classes))
    assert (scores.argmax(1) == ids).mean() > 0.95
    assert np.allclose(scores.sum(1), 1)


def test_two_classes_score_as_scikit_learn_says() -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    points, ids = clusters(2, spread=4)
    expected = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(points[:, :-1], ids)
    scores = probabilities(points, fit_linear_head(points, ids, 2))
    assert np.allclose(scores, expected.predict_proba(points[:, :-1]), atol=1e-4)


def test_a_class_without_clips_is_never_predicted() -> None:
    points, ids = clusters(4)
    present = ids != 1
    weights, biases = fit_linear_head(points[present], ids[present], 4)
    assert probabilities(points, (weights, biases))[:, 1].max() < 1e-6
    assert not weights[1].any() and biases[1] == ABSENT_BIAS
    assert biases[[0, 2, 3]].mean() == pytest.approx(
        0, abs=1e-4
    )  # so that it is low beside the others


def test_a_class_may_have_a_single_clip() -> None:
    points, ids = clusters(3)
    few = (ids != 1) | (np.arange(len(ids)) == 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head = fit_linear_head(points[few], ids[few], 3)
    assert (probabilities(points, head).argmax(1) == ids).mean() > 0.9


@pytest.mark.parametrize("make", [tiny_whisper, tiny_wav2vec2])
@pytest.mark.parametrize("classes", [2, 14])
def test_folded_into_the_stock_head_it_gives_the_same_logits(
    make, classes: int, tmp_path: Path
) -> None:
    labels = tuple(f"label{i}" for i in range(classes))
    model = AutoModelForAudioClassification.from_pretrained(make(tmp_path / "tiny", labels))
    points, ids = clusters(classes)
    weights, biases = fit_linear_head(points, ids, classes)
    points[:, 0] += 500  # as Whisper's activations have
    fold_head(model, (weights, biases), points[:, :-1].mean(0))
    points = points[:, :-1]
    frames = torch.from_numpy(points).float().reshape(len(points), 1, 32).expand(-1, 5, -1)
    with torch.no_grad():
        logits = model.classifier(model.projector(frames).mean(1)).numpy()
    expected = points @ weights.T + biases
    assert np.allclose(
        logits - logits.mean(1, keepdims=True),
        expected - expected.mean(1, keepdims=True),
        atol=1e-2,
    )
    assert np.abs(logits.mean(1)).max() < 1e-3  # softmax ignores it
    assert np.abs(logits).max() < 2 * np.abs(expected - expected.mean(1, keepdims=True)).max()


def test_a_head_of_one_class_more_than_the_projector_has_outputs_is_the_largest_that_fits(
    tmp_path: Path,
) -> None:
    model = AutoModelForAudioClassification.from_pretrained(
        tiny_whisper(tmp_path / "tiny", tuple(f"label{i}" for i in range(17)))
    )
    assert model.projector.out_features == 16
    rng = np.random.default_rng(0)
    weights, biases = rng.standard_normal((17, 32)), rng.standard_normal(17)
    fold_head(model, (weights, biases), np.zeros(32))
    with torch.no_grad():
        folded = (model.classifier.weight @ model.projector.weight).numpy()
    assert np.allclose(folded, weights - weights.mean(0), atol=1e-4)
    with pytest.raises(ValueError, match="rank 17 does not fit a projector of 16"):
        fold_head(model, (rng.standard_normal((18, 32)), np.zeros(18)), np.zeros(32))


def test_calibration_keeps_the_order_and_corrects_the_confidence() -> None:
    points, ids = clusters(4, each=8, spread=9)
    head = fit_linear_head(points, ids, 4)
    calibrated = calibrate(head, points, ids, np.arange(len(ids)))
    fresh, fresh_ids = clusters(4, each=100, spread=9, seed=2)
    before, after = probabilities(fresh, head), probabilities(fresh, calibrated)
    assert (before.argmax(1) == after.argmax(1)).all()

    def log_loss(scores: np.ndarray) -> float:
        return -np.log(scores[np.arange(len(fresh_ids)), fresh_ids] + 1e-12).mean()

    assert log_loss(after) < log_loss(before)


@pytest.mark.parametrize("temperature", [0.5, 2.5])
def test_the_temperature_that_logits_were_multiplied_by_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((20_000, 3))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(1)  # drawn from their softmax
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_a_temperature_is_from_a_tenth_to_a_hundred() -> None:
    logits = np.eye(3)
    assert fit_temperature(logits, np.arange(3)) == pytest.approx(0.1, rel=0.01)
    assert fit_temperature(logits, np.array([1, 2, 0])) == pytest.approx(100, rel=0.01)


def test_augmented_copies_are_trained_on_but_not_used_for_calibration() -> None:
    points, ids = clusters(4, each=30, spread=6)
    altered, _ = clusters(4, each=30, spread=40, seed=1)
    both, both_ids = np.concatenate([points, altered]), np.concatenate([ids, ids])
    head = fit_linear_head(both, both_ids, 4)
    calibrated = calibrate(head, both, both_ids, np.tile(np.arange(len(ids)), 2))
    fresh, fresh_ids = clusters(4, each=200, spread=6, seed=2)
    on_copies_too = calibrate(head, both, both_ids, np.arange(len(both_ids)))

    def gap(head: Head) -> float:
        scores = probabilities(fresh, head)
        return abs(scores.max(1).mean() - (scores.argmax(1) == fresh_ids).mean())

    assert gap(calibrated) < gap(on_copies_too)


def test_calibration_needs_ten_clips_and_five_a_class() -> None:
    for classes, clips, is_calibrated in (
        (2, 9, False),
        (2, 10, True),
        (4, 19, False),
        (4, 20, True),
    ):
        points, ids = clusters(classes, each=10, spread=6)
        rows = np.arange(len(ids)).reshape(classes, -1).T.ravel()[:clips]  # as many of each class
        points, ids = points[rows], ids[rows]
        head = fit_linear_head(points, ids, classes)
        for copies in (1, 3):
            groups = np.repeat(np.arange(clips), copies)
            features = np.repeat(points, copies, axis=0)
            found = calibrate(head, features, np.repeat(ids, copies), groups)
            assert (found is not head) == is_calibrated


def test_calibration_needs_two_classes_whichever_clips_are_held_out() -> None:
    points, ids = clusters(2, each=10)
    points, ids = points[:11], ids[:11]  # one clip alone is of the second class
    head = fit_linear_head(points, ids, 2)
    assert calibrate(head, points, ids, np.arange(len(ids))) is head


REJECT = 1  # the class that means "none of the intents"


def overlapping(clips: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of three classes with different shares of speech; their logits, shares and classes.

    Half of the clips are of the class to reject.
    """
    rng = np.random.default_rng(seed)
    ids = np.repeat([0, 1, 1, 2], clips // 4)
    shares = rng.uniform(0.1, 1, len(ids))
    features = rng.standard_normal((len(ids), 4)) + 1.5 * np.eye(4)[ids]
    features = np.column_stack([features, shares])
    logits = logits_of(features, (3 * np.eye(4)[:3], np.zeros(3)))
    return features, logits, shares, ids


@pytest.mark.parametrize("clips", [40, 200, 404, 4000])
def test_the_reject_bias_is_the_largest_that_rejects_at_most_1_percent_of_the_intents(
    clips: int,
) -> None:
    _, logits, shares, ids = overlapping(clips)
    bias = fit_reject_bias(logits, shares, ids, REJECT)

    def rejected(more: float) -> float:
        shifted = logits.copy()
        shifted[:, REJECT] += shares * (bias + more)
        return (shifted[ids != REJECT].argmax(1) == REJECT).mean()

    assert rejected(0) <= MAX_FALSE_REJECTS
    assert rejected(1e-5) > MAX_FALSE_REJECTS


def test_a_head_with_the_reject_bias_rejects_what_was_planned_whatever_the_share_of_speech() -> (
    None
):
    features, logits, shares, ids = overlapping(4000)
    head = (3 * np.eye(4, dtype=np.float32)[:3], np.zeros(3, np.float32))
    calibration = fit_calibration(logits, shares, ids, REJECT)
    scores = probabilities(features, calibrated(head, calibration, REJECT))
    false_rejects = (scores[ids != REJECT].argmax(1) == REJECT).mean()
    assert MAX_FALSE_REJECTS - 0.001 < false_rejects <= MAX_FALSE_REJECTS
    assert calibration.reject_bias != 0 and calibration.temperature != 1
    assert head[1].max() == 0  # the head that was given is unchanged


def test_the_temperature_is_fitted_on_the_shifted_logits() -> None:
    _, logits, shares, ids = overlapping(2000)
    calibration = fit_calibration(logits, shares, ids, REJECT)
    shifted = logits.copy()
    shifted[:, REJECT] += shares * calibration.reject_bias
    assert calibration.temperature == fit_temperature(shifted, ids)
    assert calibration.temperature != pytest.approx(fit_temperature(logits, ids), rel=1e-3)


@pytest.mark.parametrize("kept", [(0, 2), (1,)])
def test_without_clips_to_reject_or_to_accept_there_is_no_reject_bias(
    kept: tuple[int, ...],
) -> None:
    _, logits, shares, ids = overlapping(40)
    rows = np.isin(ids, kept)
    assert fit_reject_bias(logits[rows], shares[rows], ids[rows], REJECT) == 0


def test_cross_validation_rejects_few_fresh_clips_of_the_intents() -> None:
    points, ids = clusters(4, each=200, spread=9)
    head = fit_linear_head(points, ids, 4)
    fresh, fresh_ids = clusters(4, each=500, spread=9, seed=2)
    rejected = {}
    for reject_id in (None, REJECT):
        found = calibrate(head, points, ids, np.arange(len(ids)), reject_id)
        scores = probabilities(fresh, found)
        rejected[reject_id] = (scores[fresh_ids != REJECT].argmax(1) == REJECT).mean()
    assert rejected[REJECT] == pytest.approx(MAX_FALSE_REJECTS, abs=0.015)
    assert rejected[None] > 1.5 * rejected[REJECT]

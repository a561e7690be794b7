"""Instant: the encoder frozen and each clip heard once, under a linear head in closed form."""

import numpy as np

from intent.data.labelled_clip import LabelledClip
from intent.models.linear_head import Head, calibrated, fit_linear_head, install_head, probabilities
from intent.runs.events import EvalPoint, Phase
from intent.training.context import ProgressMeter, Stopped, Work
from intent.training.held_out import HeldOut
from intent.training.pooling import pooled_rows

CURVE_POINTS = 20  # refits while features arrive


def fit_instant(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Fit the head, fold it into the model, and return the test clips heard and their scores.

    Scores are (clips, classes) float64. Ended early, the head is fitted on the clips heard so far;
    without two of different intents the head stays as it is.
    """
    learner = _Learner(work)
    try:
        learner.held_out.hear(also_pool=True)
        learner.hear_train()
    except Stopped:
        pass
    learner.fit()
    learner.fold()
    try:
        # Without a head there is nothing quicker to evaluate by than the model as it is.
        scores = learner.held_out.probabilities(may_stop=learner.head is not None)
    except Stopped:
        scores = learner.test_probabilities()
    learner.draw_point(scores)
    return learner.held_out.clips, scores


class _Learner:
    """Features as they arrive, and the head that was fitted last."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.held_out = HeldOut(work)
        self.train_features: list[np.ndarray] = []
        self.train_ids: list[int] = []
        self.train_rows: list[int] = []  # which clip each feature comes from
        self.heard = 0
        self.head: Head | None = None

    def hear_train(self) -> None:
        work = self.work
        work.emit(Phase("hearing the training clips"))
        meter = ProgressMeter(work.emit, len(work.train))
        order = np.random.default_rng(work.recipe.seed).permutation(len(work.train))
        clips = [work.train[index] for index in order]
        every = max(1, round(len(clips) / CURVE_POINTS))
        for index, rows in pooled_rows(work, clips):
            self.train_features += list(rows)
            self.train_ids += [clips[index].label_id] * len(rows)
            self.train_rows += [index] * len(rows)
            meter.show(index + 1, index + 1)
            work.watch.check()
            self.heard = index + 1
            if self.heard % every == 0 and self.heard < len(clips):
                self.fit()
                if self.head is not None:
                    self.draw_point(self.test_probabilities())

    def fit(self) -> None:
        """Fit the head on the clips heard so far."""
        classes = len(set(self.train_ids))
        if len(self.train_ids) > classes > 1:
            features, ids = np.stack(self.train_features), np.array(self.train_ids)
            self.head = fit_linear_head(features, ids, len(self.work.labels))

    def fold(self) -> None:
        """Calibrate the head and fold it into the model."""
        if self.head is None:
            return
        self.work.emit(Phase("calibrating the scores"))
        features, ids = np.stack(self.train_features), np.array(self.train_ids)
        self.head = calibrated(self.head, features, ids, np.array(self.train_rows))
        install_head(self.work.model, self.head, features)

    def test_probabilities(self) -> np.ndarray:
        return probabilities(np.stack(self.held_out.pooled), self.head)

    def draw_point(self, scores: np.ndarray) -> None:
        """Emit the accuracy of scores (clips, classes) against the clips heard so far."""
        if self.head is None or not self.held_out.clips:
            return
        accuracy, loss = self.held_out.accuracy_and_loss(scores)
        self.work.emit(EvalPoint(accuracy, loss, clips=self.heard))

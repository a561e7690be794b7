"""Instant: compute features of each clip once, and fit a linear head in closed form."""

import numpy as np

from intent.data.labelled_clip import LabelledClip
from intent.models.linear_head import Head, calibrate, fit_linear_head, install_head, probabilities
from intent.runs.events import EvalPoint, Phase
from intent.training import phases
from intent.training.context import ProgressMeter, Stopped, Work
from intent.training.held_out import HeldOut
from intent.training.pooling import pooled_rows

CURVE_POINTS = 20  # fits of the head while features arrive


def fit_instant(work: Work) -> tuple[list[LabelledClip], np.ndarray]:
    """Fit the head, install it in the model, and return the test clips and their scores.

    Scores are (clips, classes) float64. If stopped early, the head is fitted on the clips so far;
    without clips of at least two intents, the model keeps its head.
    """
    fitter = _Fitter(work)
    try:
        fitter.held_out.compute_features(also_pool=True)
        fitter.compute_features()
    except Stopped:
        pass
    fitter.fit()
    fitter.install()
    try:
        # Without a fitted head, the model itself is the only thing to evaluate.
        scores = fitter.held_out.probabilities(may_stop=fitter.head is not None)
    except Stopped:
        assert fitter.head is not None
        scores = fitter.head_probabilities(fitter.head)
    fitter.emit_point(scores)
    return fitter.held_out.clips, scores


class _Fitter:
    """The features so far, and the head fitted on them."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.held_out = HeldOut(work)
        self.rows = np.empty(
            (0, 0), np.float32
        )  # (clips · (copies + 1), width + 1), filled in order
        self.train_ids: list[int] = []
        self.train_rows: list[int] = []  # index of the clip of each feature row
        self.clips = 0  # so far
        self.head: Head | None = None

    @property
    def train_features(self) -> np.ndarray:
        """The rows so far, (n, width + 1) float32."""
        return self.rows[: len(self.train_ids)]

    def compute_features(self) -> None:
        """Compute the features of the training set, and fit the head at intervals."""
        work = self.work
        work.emit(Phase(phases.TRAINING_FEATURES))
        meter = ProgressMeter(work.emit, len(work.train))
        order = np.random.default_rng(work.recipe.seed).permutation(len(work.train))
        clips = [work.train[index] for index in order]
        every = max(1, round(len(clips) / CURVE_POINTS))
        for index, rows in pooled_rows(work, clips):
            if not self.rows.size:  # all at once: a list would have to be copied at each fit
                self.rows = np.empty((len(clips) * len(rows), rows.shape[1]), np.float32)
            self.rows[len(self.train_ids) :][: len(rows)] = rows
            self.train_ids += [clips[index].label_id] * len(rows)
            self.train_rows += [index] * len(rows)
            meter.show(index + 1, index + 1)
            work.watch.check()
            self.clips = index + 1
            if self.clips % every == 0 and self.clips < len(clips):
                self.fit()
                if self.head is not None:
                    self.emit_point(self.head_probabilities(self.head))

    def fit(self) -> None:
        """Fit the head on the clips so far."""
        classes = len(set(self.train_ids))
        if len(self.train_ids) > classes > 1:
            ids = np.array(self.train_ids)
            self.head = fit_linear_head(self.train_features, ids, len(self.work.labels))

    def install(self) -> None:
        """Calibrate the head and write it into the model."""
        if self.head is None:
            return
        self.work.emit(Phase(phases.CALIBRATING))
        features, ids = self.train_features, np.array(self.train_ids)
        rows = np.array(self.train_rows)
        self.head = calibrate(self.head, features, ids, rows, self.work.reject_id)
        install_head(self.work.model, self.head, features)

    def head_probabilities(self, head: Head) -> np.ndarray:
        """Return the scores (clips, classes) of a head for the test clips."""
        return probabilities(np.stack(self.held_out.pooled), head)

    def emit_point(self, scores: np.ndarray) -> None:
        """Emit the accuracy of scores (clips, classes) at the number of clips so far."""
        of_intents = self.held_out.label_ids != self.work.reject_id
        if self.head is None or not of_intents.any():
            return
        accuracy, loss = self.held_out.accuracy_and_loss(scores)
        self.work.emit(EvalPoint(accuracy, loss, clips=self.clips))

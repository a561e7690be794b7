"""Compute metrics: accuracy with its interval, per intent and locale, calibration, mistakes."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from intent.evaluation.rejection import Rejection, rejection

ECE_BINS = 10


@dataclass(frozen=True)
class Accuracy:
    """An accuracy (0..1), its 95 % interval, and its number of clips."""

    accuracy: float
    interval: tuple[float, float]
    clips: int


@dataclass(frozen=True)
class LabelMetrics:
    """Precision, recall and F1 of one label, each 0..1; `support` is its number of clips.

    Without clips they are not measured: None, or 0 in the reports of earlier versions.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class ReliabilityBin:
    """Clips with about the same top score, and how many of them are classified correctly."""

    clips: int
    score: float  # mean, 0..1
    accuracy: float  # 0..1
    interval: tuple[float, float]  # 95 %, of the accuracy


@dataclass(frozen=True)
class Mistake:
    """A misclassified clip, and the score of the predicted label."""

    clip: str
    transcription: str
    true: str
    predicted: str
    score: float  # 0..1


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a checkpoint on clips that it was not trained on.

    Clips with the reject label count only for `ece`, `confusion`, `mistakes` and `rejection`: the
    other metrics are on clips of the intents, for which the reject label is a wrong answer. Only
    `seen_figure` covers clips that it was trained on. Without any unseen clip of an intent, the
    metrics are None and `message` gives the reason; without any unseen clip, all tables are empty.
    """

    accuracy: float | None  # 0..1
    interval: tuple[float, float] | None  # 95 %
    clips: int  # unseen, of the intents
    seen_in_training: int  # clips that the checkpoint was trained on, not counted in `clips`
    macro_f1: float | None  # over intents that occur or were predicted
    ece: float | None  # expected calibration error, 0..1
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]  # a row per true label, a column per predicted one
    per_intent: dict[str, LabelMetrics]
    per_locale: dict[str, Accuracy]
    mistakes: tuple[Mistake, ...]  # most confident first
    seen_figure: Accuracy | None = None  # on clips seen in training, if requested
    skipped: tuple[str, ...] = ()  # names of unreadable clips
    not_used: tuple[str, ...] = ()  # sentences on files and parts of the data
    renamed: dict[str, str] = field(default_factory=dict)  # label of the data → of the checkpoint
    absent: tuple[str, ...] = ()  # intents of the checkpoint that the data set does not have
    rejection: Rejection | None = None  # None: the checkpoint has no reject label

    @property
    def message(self) -> str | None:
        """The reason why there are no metrics, as a sentence; None if there are."""
        if self.clips:
            return None
        if self.rejection and self.rejection.reject_clips:
            return (
                f'Accuracy is not measured: all recordings have the label "{self.rejection.label}", '
                "which is none of the intents. Choose a data set with recordings of the intents."
            )
        if not self.seen_in_training:
            return "Not measured: no test recordings. Choose another data set."
        return (
            f"Not measured: no unseen test recordings. The checkpoint was trained on all "
            f"{self.seen_in_training} test recordings: choose another data set, or include the "
            "recordings seen in training."
        )

    def to_dict(self) -> dict[str, object]:
        """Return the evaluation as JSON-compatible values."""
        return {**dataclasses.asdict(self), "message": self.message}


def interval(correct: int, total: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of `correct` out of `total`, each bound 0..1.

    Wilson's score interval (1927), which unlike the normal approximation keeps its coverage for
    few clips and near 0 and 1. Without clips the interval is (0, 1).
    """
    if total == 0:
        return 0.0, 1.0
    z = 1.959963984540054  # the normal distribution's 97.5 % point
    share = correct / total
    scale = 1 + z * z / total
    center = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if correct == 0 else max(0.0, center - half)
    high = 1.0 if correct == total else min(1.0, center + half)
    return low, high


def score(
    labels: Sequence[str],
    true_ids: np.ndarray,
    probabilities: np.ndarray,
    clip_names: Sequence[str],
    transcriptions: Sequence[str],
    locales: Sequence[str],
    seen: Sequence[bool] | None = None,
    reject_label: str | None = None,
) -> Evaluation:
    """Compute all metrics from the scores of a checkpoint.

    `true_ids` (n,) int and the columns of `probabilities` (n, labels), 0..1, index into `labels`;
    `seen` marks the clips that the checkpoint was trained on (None: there are none); `reject_label`
    is the one that means "none of the intents" (None: there is none).
    """
    true = np.asarray(true_ids, dtype=np.int64).reshape(-1)  # (n,)
    scores = np.asarray(probabilities, dtype=np.float64).reshape(len(true), len(labels))
    seen_mask = np.zeros(len(true), bool) if seen is None else np.asarray(seen, dtype=bool)
    predicted = scores.argmax(axis=1)  # (n,)
    right = predicted == true
    intents = [index for index, label in enumerate(labels) if label != reject_label]
    of_intents = np.isin(true, intents)
    unseen = np.flatnonzero(~seen_mask)
    rows = np.flatnonzero(~seen_mask & of_intents)
    on_unseen = _accuracy(right[rows])
    return Evaluation(
        accuracy=on_unseen.accuracy if on_unseen else None,
        interval=on_unseen.interval if on_unseen else None,
        clips=len(rows),
        seen_in_training=int(seen_mask.sum()),
        macro_f1=_macro_f1(true[rows], predicted[rows], intents) if on_unseen else None,
        ece=calibration_error(scores[unseen].max(axis=1), right[unseen]) if len(unseen) else None,
        labels=tuple(labels),
        confusion=_confusion(true[unseen], predicted[unseen], len(labels)) if len(unseen) else (),
        per_intent=_per_intent(true[rows], predicted[rows], labels, intents) if on_unseen else {},
        per_locale=_per_locale(right, rows, locales),
        mistakes=tuple(
            Mistake(
                clip_names[row],
                transcriptions[row],
                labels[true[row]],
                labels[predicted[row]],
                float(scores[row, predicted[row]]),
            )
            for row in sorted(unseen[~right[unseen]], key=lambda row: -scores[row].max())
        ),
        seen_figure=_accuracy(right[seen_mask & of_intents]),
        rejection=(
            rejection(true[unseen], scores[unseen], labels, reject_label) if reject_label else None
        ),
    )


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error, 0..1, with bins of equal width.

    The mean distance between top score and accuracy (Guo et al. 2017, "On Calibration of Modern
    Neural Networks"). `confidence` (n,) 0..1, `right` (n,) bool.
    """
    filled = reliability(confidence, right, bins)
    return sum(b.clips * abs(b.score - b.accuracy) for b in filled) / max(1, len(confidence))


def reliability(
    confidence: np.ndarray, right: np.ndarray, bins: int = ECE_BINS
) -> tuple[ReliabilityBin, ...]:
    """Return the accuracy of clips with about the same top score, for a reliability diagram.

    `confidence` (n,) 0..1, `right` (n,) bool; bins of equal width, empty ones left out.
    """
    scores, correct = np.asarray(confidence, float), np.asarray(right, bool)
    which = np.minimum((scores * bins).astype(int), bins - 1)  # (n,)
    return tuple(
        ReliabilityBin(
            clips=int(inside.sum()),
            score=float(scores[inside].mean()),
            accuracy=float(correct[inside].mean()),
            interval=interval(int(correct[inside].sum()), int(inside.sum())),
        )
        for inside in (which == number for number in np.unique(which))
    )


def _accuracy(right: np.ndarray) -> Accuracy | None:
    if not len(right):
        return None
    correct = int(right.sum())
    return Accuracy(correct / len(right), interval(correct, len(right)), len(right))


def _macro_f1(true: np.ndarray, predicted: np.ndarray, intents: Sequence[int]) -> float:
    from sklearn.metrics import f1_score

    found = np.intersect1d(np.union1d(true, predicted), intents)
    return float(f1_score(true, predicted, labels=found, average="macro", zero_division=0))


def _confusion(true: np.ndarray, predicted: np.ndarray, labels: int) -> tuple[tuple[int, ...], ...]:
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(true, predicted, labels=range(labels))
    return tuple(tuple(map(int, row)) for row in matrix)


def _per_intent(
    true: np.ndarray, predicted: np.ndarray, labels: Sequence[str], intents: Sequence[int]
) -> dict[str, LabelMetrics]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(true, predicted, labels=intents, zero_division=0)
    return {
        labels[intent]: (
            LabelMetrics(float(precision), float(recall), float(f1), int(support))
            if support
            else LabelMetrics(None, None, None, 0)
        )
        for intent, precision, recall, f1, support in zip(intents, *columns, strict=True)
    }


def _per_locale(right: np.ndarray, rows: np.ndarray, locales: Sequence[str]) -> dict[str, Accuracy]:
    """Return the accuracy on the unseen clips of each known locale."""
    rows_of: dict[str, list[int]] = {}
    for row in rows:
        rows_of.setdefault(locales[row], []).append(row)
    accuracies = {locale: _accuracy(right[rows_of[locale]]) for locale in sorted(rows_of) if locale}
    return {locale: found for locale, found in accuracies.items() if found}

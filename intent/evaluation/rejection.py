"""Measure how well a checkpoint tells other requests from its intents: AUROC and error rates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RECALL = 0.95  # of the clips of the intents, for the false accepts at a threshold


@dataclass(frozen=True)
class Rejection:
    """How well the reject label separates clips of something else from those of the intents.

    A clip is accepted if its top label is an intent. All shares are 0..1, and None without clips to
    measure them on. `auroc` and `false_accepts_at_recall` need no threshold: they use the known
    score, 1 − the score of the reject label.
    """

    label: str  # that means "none of the intents"
    intent_clips: int
    reject_clips: int  # clips with the reject label
    false_rejects: float | None  # share of `intent_clips` that are rejected
    false_accepts: float | None  # share of `reject_clips` that are accepted
    auroc: float | None  # how often a clip of an intent has the higher known score of a pair
    false_accepts_at_recall: float | None  # of `reject_clips`, where 95 % of `intent_clips` pass


def rejection(true: np.ndarray, scores: np.ndarray, labels: Sequence[str], label: str) -> Rejection:
    """Return the figures for clips with true ids (n,) and scores (n, labels), 0..1."""
    reject_id = labels.index(label)
    is_reject = true == reject_id  # (n,)
    rejected = scores.argmax(axis=1) == reject_id
    # Not 1 − score, which rounds the smallest scores to the same value.
    known = -scores[:, reject_id]
    both = is_reject.any() and not is_reject.all()
    return Rejection(
        label=label,
        intent_clips=int((~is_reject).sum()),
        reject_clips=int(is_reject.sum()),
        false_rejects=_share(rejected[~is_reject]),
        false_accepts=_share(~rejected[is_reject]),
        auroc=_auroc(~is_reject, known) if both else None,
        false_accepts_at_recall=(
            _share(known[is_reject] >= _threshold(known[~is_reject])) if both else None
        ),
    )


def in_words(measured: Rejection) -> tuple[str, ...]:
    """Return the figures as lines of text."""
    lines = []
    if measured.false_rejects is not None:
        lines.append(
            f"False rejects, intents answered as {measured.label}: {measured.false_rejects:.1%} of "
            f"{_recordings(measured.intent_clips)}"
        )
    if measured.false_accepts is not None:
        lines.append(
            f"False accepts, {measured.label} answered as an intent: {measured.false_accepts:.1%} of "
            f"{_recordings(measured.reject_clips)}"
        )
    if measured.auroc is not None and measured.false_accepts_at_recall is not None:
        lines.append(
            f"AUROC of intents against {measured.label}: {measured.auroc:.3f}; where {RECALL:.0%} of "
            f"the intents pass, {measured.false_accepts_at_recall:.1%} false accepts"
        )
    return tuple(lines)


def _auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores))


def _threshold(known: np.ndarray) -> float:
    """Return the highest threshold that at least RECALL of these scores (n,) reach."""
    return float(np.sort(known)[int((1 - RECALL) * len(known) + 1e-9)])


def _share(which: np.ndarray) -> float | None:
    return float(which.mean()) if len(which) else None


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"

"""Fit a linear head in closed form: discriminant analysis on the features of a frozen encoder."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from intent.models.typed import linear_head
from intent.models.whisper_padding import hide_padding

FOLDS = 10  # so that each fold's head is fitted on nearly as many clips as the final one
MIN_CLIPS = 5  # per class on average, or the head is not calibrated
ABSENT_BIAS = -30.0  # logit of a class without clips: a score below 1e-9
# Share of the held-out clips of the intents that may be rejected. A caller turned away although the
# model knows the intent costs more than one who is asked again, so nearly all of these clips have to
# pass; within this limit, as many others as possible are rejected.
MAX_FALSE_REJECTS = 0.01
ROUNDING = 1e-6  # of logits: the clip at the limit is not rejected


Head = tuple[np.ndarray, np.ndarray]  # weights (classes, width) and biases (classes,), float32


@dataclass(frozen=True)
class Calibration:
    """What is fitted on held-out clips: a bias of the reject label, then a temperature."""

    temperature: float = 1.0
    reject_bias: float = 0.0  # added to that of the head, before the temperature divides it


def fit_linear_head(features: np.ndarray, label_ids: np.ndarray, classes: int) -> Head:
    """Return the weights and biases of a linear softmax classifier.

    Linear discriminant analysis with Ledoit-Wolf shrinkage (Ledoit & Wolf 2004) on `features`
    (clips, width + 1) as PooledEncoder returns them; the last column, the share of speech, is
    left out. `label_ids` (clips,) need two different classes and two clips of one class. Classes
    without clips get no weights and a bias that keeps them from being predicted.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from threadpoolctl import threadpool_limits

    analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    one_thread = threadpool_limits(
        1, user_api="blas"
    )  # on matrices this small, threads only add overhead
    with one_thread, warnings.catch_warnings():
        # A class may have a single clip at first; shrinkage handles that.
        warnings.filterwarnings("ignore", "Only one sample available")
        analysis.fit(features[:, :-1], label_ids)
    weights, biases = analysis.coef_, analysis.intercept_
    if len(analysis.classes_) == 2:  # scikit-learn returns only the difference of the two
        weights = np.concatenate([-weights / 2, weights / 2])
        biases = np.concatenate([-biases / 2, biases / 2])
    all_weights = np.zeros((classes, features.shape[1] - 1), np.float32)
    all_biases = np.full(classes, ABSENT_BIAS, np.float32)
    all_weights[analysis.classes_] = weights
    all_biases[analysis.classes_] = biases - biases.mean()
    return all_weights, all_biases


def calibrate(
    head: Head,
    features: np.ndarray,
    label_ids: np.ndarray,
    groups: np.ndarray,
    reject_id: int | None = None,
) -> Head:
    """Return the head with a calibration that fits unseen clips.

    It is fitted in cross-validation over the training clips (`fit_calibration`). `groups` (clips,)
    keeps a clip and its augmented copies in one fold; only the first row of a group, the clip
    itself, is scored, since real callers are not augmented. `reject_id` is the class that means
    "none of the intents". With too few clips the head is returned unchanged.
    """
    from sklearn.model_selection import GroupKFold

    if len(set(groups)) < max(FOLDS, MIN_CLIPS * len(head[1])):
        return head
    logits = np.zeros((len(features), len(head[1])))
    for train, held_out in GroupKFold(FOLDS).split(features, label_ids, groups):
        if len(set(label_ids[train])) < 2:
            return head
        fold = fit_linear_head(features[train], label_ids[train], len(head[1]))
        logits[held_out] = logits_of(features[held_out], fold)
    _, originals = np.unique(groups, return_index=True)
    shares, ids = features[originals, -1], label_ids[originals]
    return calibrated(head, fit_calibration(logits[originals], shares, ids, reject_id), reject_id)


def calibrated(head: Head, calibration: Calibration, reject_id: int | None) -> Head:
    """Return the head with a calibration applied to its weights and biases."""
    weights, biases = head[0], head[1].copy()
    if reject_id is not None:
        biases[reject_id] += np.float32(calibration.reject_bias)
    temperature = np.float32(calibration.temperature)
    return weights / temperature, biases / temperature


def fit_calibration(
    logits: np.ndarray, shares: np.ndarray, label_ids: np.ndarray, reject_id: int | None
) -> Calibration:
    """Return the calibration for logits (clips, classes) of held-out clips.

    First the bias of the reject label, then the temperature (Guo et al. 2017, "On calibration of
    modern neural networks") that minimizes the log loss. `shares` (clips,) are the shares of speech
    that the logits were scaled by, `label_ids` (clips,) the true classes.
    """
    if reject_id is None:
        return Calibration(fit_temperature(logits, label_ids))
    bias = fit_reject_bias(logits, shares, label_ids, reject_id)
    shifted = logits.copy()
    shifted[:, reject_id] += shares * bias
    return Calibration(fit_temperature(shifted, label_ids), bias)


def fit_reject_bias(
    logits: np.ndarray, shares: np.ndarray, label_ids: np.ndarray, reject_id: int
) -> float:
    """Return the largest bias of the reject label with which few clips of the intents are rejected.

    At most MAX_FALSE_REJECTS of them; arguments as in `fit_calibration`. A bias is added before the
    share of speech scales the logits, so their differences are divided by it. Without clips of the
    intents or of the reject label, it is 0.
    """
    of_intents = label_ids != reject_id
    if of_intents.all() or not of_intents.any():
        return 0.0
    lead = np.delete(logits, reject_id, axis=1).max(1) - logits[:, reject_id]
    leads = np.sort(lead[of_intents] / shares[of_intents])
    return float(leads[int(MAX_FALSE_REJECTS * len(leads))]) - ROUNDING


def fit_temperature(logits: np.ndarray, label_ids: np.ndarray) -> float:
    """Return the temperature, 0.1 to 100, that minimizes the log loss of logits (clips, classes)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def log_loss(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -scores[np.arange(len(label_ids)), label_ids].mean()

    found = minimize_scalar(log_loss, bounds=(np.log(0.1), np.log(100)), method="bounded")
    return float(np.exp(found.x))


def install_head(model: PreTrainedModel, head: Head, features: np.ndarray) -> None:
    """Write a head into the model, and make it ignore muted padding."""
    fold_head(model, head, features[:, :-1].mean(0))
    weights, biases = head
    hide_padding(model, weights.astype(np.float64), biases.astype(np.float64))


def fold_head(model: PreTrainedModel, head: Head, center: np.ndarray) -> None:
    """Write a linear classifier of mean-pooled activations into the stock projector and classifier.

    Both are linear, before and after a mean over time, so only the product of their weights matters:
    the projector gets the right singular vectors, the classifier the rest. Offsets that softmax
    ignores are removed, and activations are centered at `center` (width,), so that a large offset
    does not reduce the accuracy of half precision. Raises ValueError if the projector is too narrow.
    """
    weights, biases = (part.astype(np.float64) for part in head)
    biases = biases + weights @ center
    weights, biases = weights - weights.mean(0), biases - biases.mean()
    left, scale, right = np.linalg.svd(weights, full_matrices=False)
    rank = int((scale > scale.max() * 1e-7).sum())
    projector, classifier = linear_head(model)
    if rank > projector.out_features:
        raise ValueError(f"rank {rank} does not fit a projector of {projector.out_features}")
    with torch.no_grad():
        projector.weight[:rank] = torch.from_numpy(right[:rank]).float()
        projector.bias.copy_(projector.weight @ torch.from_numpy(-center).to(projector.weight))
        classifier.weight.zero_()
        classifier.weight[:, :rank] = torch.from_numpy(left[:, :rank] * scale[:rank]).float()
        classifier.bias.copy_(torch.from_numpy(biases))


def probabilities(features: np.ndarray, head: Head) -> np.ndarray:
    """Return the softmax scores (clips, classes), float64, of a head on pooled features."""
    from scipy.special import softmax

    return softmax(logits_of(features, head), axis=1)


def logits_of(features: np.ndarray, head: Head) -> np.ndarray:
    """Return the logits (clips, classes) of a head on pooled features (clips, width + 1).

    Muted frames add nothing to the model's mean over the window, which scales the logits by the
    share of speech.
    """
    pooled, share = features[:, :-1].astype(np.float64), features[:, -1:]
    return share * (pooled @ head[0].T + head[1])

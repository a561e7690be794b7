"""A linear head in closed form: discriminant analysis on what a frozen encoder heard."""

import warnings

import numpy as np
import torch
from transformers import PreTrainedModel

from intent.models.whisper_padding import aim_padding

FOLDS = 10  # so that each learns from nearly as many clips as the final head
LEAST_CLIPS = 5  # of each class on average, or nothing is calibrated
ABSENT_BIAS = -30.0  # the logit of a class that was never heard: a share below 1e-9


Head = tuple[np.ndarray, np.ndarray]  # weights (classes, width) and biases (classes,), float32


def fit_linear_head(features: np.ndarray, label_ids: np.ndarray, classes: int) -> Head:
    """Return the weights and biases of a linear softmax classifier.

    Linear discriminant analysis with Ledoit-Wolf shrinkage (Ledoit & Wolf 2004) on `features`
    (clips, width + 1), as PooledEncoder gives them, and `label_ids` (clips,), of which two differ
    and two agree. The share in the last column is not learnt from. Classes that are absent
    from `label_ids` get no weights and a bias that keeps them from being answered.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from threadpoolctl import threadpool_limits

    analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    one_thread = threadpool_limits(1, user_api="blas")  # so small, more wait for each other
    with one_thread, warnings.catch_warnings():
        # Of classes with a single clip so far, which do no harm.
        warnings.filterwarnings("ignore", "Only one sample available")
        analysis.fit(features[:, :-1], label_ids)
    weights, biases = analysis.coef_, analysis.intercept_
    if len(analysis.classes_) == 2:  # scikit-learn gives the difference of the two alone
        weights = np.concatenate([-weights / 2, weights / 2])
        biases = np.concatenate([-biases / 2, biases / 2])
    all_weights = np.zeros((classes, features.shape[1] - 1), np.float32)
    all_biases = np.full(classes, ABSENT_BIAS, np.float32)
    all_weights[analysis.classes_] = weights
    all_biases[analysis.classes_] = biases - biases.mean()
    return all_weights, all_biases


def calibrated(head: Head, features: np.ndarray, label_ids: np.ndarray, groups: np.ndarray) -> Head:
    """Return the head, its logits divided by the temperature that suits clips not heard yet.

    The temperature (Guo et al. 2017, "On calibration of modern neural networks") is the one of
    least log loss in cross-validation over the training clips. `groups` (clips,) keeps a clip and
    its altered copies in one fold; only the first row of a group, the clip itself, is asked, since
    callers are not altered either. Too few clips for that leave the head as it is.
    """
    from sklearn.model_selection import GroupKFold

    if len(set(groups)) < max(FOLDS, LEAST_CLIPS * len(head[1])):
        return head
    logits = np.zeros((len(features), len(head[1])))
    for learnt, held_out in GroupKFold(FOLDS).split(features, label_ids, groups):
        if len(set(label_ids[learnt])) < 2:
            return head
        fold = fit_linear_head(features[learnt], label_ids[learnt], len(head[1]))
        logits[held_out] = logits_of(features[held_out], fold)
    _, itself = np.unique(groups, return_index=True)
    return tempered(head, temperature(logits[itself], label_ids[itself]))


def tempered(head: Head, temperature: float) -> Head:
    """Return the head with its logits divided by a temperature."""
    return head[0] / np.float32(temperature), head[1] / np.float32(temperature)


def temperature(logits: np.ndarray, label_ids: np.ndarray) -> float:
    """Return what to divide logits (clips, classes) by for the least log loss, 0.1 to 100."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def log_loss(log_temperature: float) -> float:
        scores = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -scores[np.arange(len(label_ids)), label_ids].mean()

    found = minimize_scalar(log_loss, bounds=(np.log(0.1), np.log(100)), method="bounded")
    return float(np.exp(found.x))


def install_head(model: PreTrainedModel, head: Head, features: np.ndarray) -> None:
    """Fold a head into the model and aim its muted padding, if it has any, at no class."""
    fold_head(model, head, features[:, :-1].mean(0))
    aim_padding(model, *(part.astype(np.float64) for part in head))


def fold_head(model: PreTrainedModel, head: Head, centre: np.ndarray) -> None:
    """Write a linear classifier of mean-pooled activations into the stock projector and classifier.

    Both are linear around a mean over time, so the product of their weights is all that counts: the
    projector gets the classifier's right singular vectors, the classifier the rest. What softmax
    ignores is taken out, and activations are seen from their `centre` (width,), so that no large
    offset eats the digits of half precision. Raises ValueError if the projector is too narrow.
    """
    weights, biases = (part.astype(np.float64) for part in head)
    biases = biases + weights @ centre
    weights, biases = weights - weights.mean(0), biases - biases.mean()
    left, scale, right = np.linalg.svd(weights, full_matrices=False)
    rank = int((scale > scale.max() * 1e-7).sum())
    projector, classifier = model.projector, model.classifier
    if rank > projector.out_features:
        raise ValueError(f"rank {rank} does not fit a projector of {projector.out_features}")
    with torch.no_grad():
        projector.weight[:rank] = torch.from_numpy(right[:rank]).float()
        projector.bias.copy_(projector.weight @ torch.from_numpy(-centre).to(projector.weight))
        classifier.weight.zero_()
        classifier.weight[:, :rank] = torch.from_numpy(left[:, :rank] * scale[:rank]).float()
        classifier.bias.copy_(torch.from_numpy(biases))


def probabilities(features: np.ndarray, head: Head) -> np.ndarray:
    """Return the softmax scores (clips, classes), float64, of a head on pooled features."""
    from scipy.special import softmax

    return softmax(logits_of(features, head), axis=1)


def logits_of(features: np.ndarray, head: Head) -> np.ndarray:
    """Return the logits (clips, classes) of a head on pooled features (clips, width + 1).

    Muted frames count as nothing in the mean over the window, so speech counts by its share.
    """
    pooled, share = features[:, :-1].astype(np.float64), features[:, -1:]
    return share * (pooled @ head[0].T + head[1])

"""Random scores of two classifiers, and the gains of their rows in metrics, for many samples at once.

The gains of the area and of F1 are the jackknife's, by a formula. A test compares them with `mlops.model.jackknife`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from simulations.draws import Floats, Shape, draw_errors

SHARE, SIGNAL, NOISE = 0.4, 1.5, 0.5  # the share of positive rows, their distance, and the noise of each model
FEWEST = 5  # rows of each class, below which the gate does not compare areas
Flags = NDArray[np.bool_]


def draw_rows(rng: np.random.Generator, shape: Shape, kind: str, positives: int = 0) -> tuple[Flags, Floats]:
    """Return the classes of rows, and the part of the score that all models share.

    Each sample has `positives` positive rows, and the scores are lower for rare ones. If `positives` is 0, the number
    is random.
    """
    if not positives:
        actual = rng.random(shape) < SHARE
        return actual, SIGNAL * actual + draw_errors(rng, shape, kind)
    actual = np.broadcast_to(np.arange(shape[-1]) < positives, shape)
    lower = (logit(positives / shape[-1]) - logit(SHARE)) / SIGNAL
    return actual, SIGNAL * actual + draw_errors(rng, shape, kind) + lower


def draw_gains(
    rng: np.random.Generator, shape: Shape, kind: str, metric: str, positives: int = 0, edge: float = 0.0
) -> Floats:
    """Return the gains of two classifiers in "log loss", "area" or "F1".

    The classifiers are equal unless the challenger scores the positive rows higher by an `edge`.
    """
    actual, shared = draw_rows(rng, shape, kind, positives)
    champion, challenger = (shared + NOISE * draw_errors(rng, shape, kind) for _ in range(2))
    return GAINS[metric](actual, champion, challenger + edge * actual)


def gain_losses(actual: Flags, champion: Floats, challenger: Floats) -> Floats:
    """Return the champion's logarithmic losses minus the challenger's."""
    signs = np.where(actual, -1, 1)
    old, new = (np.logaddexp(0, signs * find_logits(scores)) for scores in (champion, challenger))
    return np.asarray(old - new)


def find_logits(scores: Floats) -> Floats:
    """Return the logits of the probabilities that belong to the scores."""
    return np.asarray(SIGNAL * (scores - SIGNAL / 2) + logit(SHARE))


def gain_area(actual: Flags, champion: Floats, challenger: Floats) -> Floats:
    """Return the gains in the area under the ROC curve. They are NaN if a class has fewer than five rows."""
    return _list_areas(actual, challenger) - _list_areas(actual, champion)


def gain_f1(actual: Flags, champion: Floats, challenger: Floats) -> Floats:
    """Return the gains in the F1 score. They are NaN if it is undefined."""
    old, new = (find_logits(scores) >= 0 for scores in (champion, challenger))
    whole, left_out = (f[0] - f[1] for f in zip(_measure_f1(actual, new), _measure_f1(actual, old), strict=True))
    gains = whole + (actual.shape[-1] - 1) * (whole - left_out)
    return np.asarray(gains - gains.mean(-1, keepdims=True) + whole)


def _list_areas(actual: Flags, scores: Floats) -> Floats:
    """Return the pseudo-values of the area, which follow from the share of the other class on the right side."""
    rows = scores.shape[-1]
    order = np.argsort(scores, axis=-1)
    positive = np.take_along_axis(actual, order, axis=-1)
    positives = positive.sum(-1, keepdims=True)
    negatives = rows - positives
    below, above = np.cumsum(~positive, axis=-1), positives - np.cumsum(positive, axis=-1)
    own = np.where(positive, positives, negatives)
    placed = np.where(positive, below / np.maximum(negatives, 1), above / np.maximum(positives, 1))
    area = (placed * positive).sum(-1, keepdims=True) / np.maximum(positives, 1)
    values = area + (rows - 1) / np.maximum(own - 1, 1) * (placed - area)
    found = np.empty_like(values)
    np.put_along_axis(found, order, values, axis=-1)
    return np.where(np.minimum(positives, negatives) < FEWEST, np.nan, found)


def _measure_f1(actual: Flags, chosen: Flags) -> tuple[Floats, Floats]:
    """Return the F1 score of each sample, and that without each row."""
    hits, marked = (actual & chosen).astype(float), actual.astype(float) + chosen
    counts = ((values.sum(-1, keepdims=True), values) for values in (hits, marked))
    (hit, one_hit), (all_marked, one_marked) = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * hit / all_marked, 2 * (hit - one_hit) / (all_marked - one_marked)


GAINS = {"log loss": gain_losses, "area": gain_area, "F1": gain_f1}

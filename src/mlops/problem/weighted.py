"""Functions that compute a metric for many weightings of the same rows at once, for the jackknife of the gate."""

# A weighting describes a set of rows: the weight of a row is the number of times that the set contains it. Each
# function takes actual values and predictions as `mlops.problem.metrics` describes them, and weights of shape (sets,
# n). It returns the metric of each set as an array of shape (sets,), with NaN where the metric is undefined.

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def weigh_area(actual: ArrayLike, predicted: ArrayLike, weights: Floats) -> Floats:
    """Return the area under the ROC curve per weighting; for a category, the mean over all one-against-rest areas."""
    return _average_classes(_weigh_area, actual, predicted, weights)


def weigh_precision(actual: ArrayLike, predicted: ArrayLike, weights: Floats) -> Floats:
    """Return the average precision of the positive class per weighting; for a category, the mean over all classes."""
    return _average_classes(_weigh_precision, actual, predicted, weights)


def weigh_root_error(actual: ArrayLike, predicted: ArrayLike, weights: Floats) -> Floats:
    """Return the root mean squared error for each weighting."""
    squares = np.square(np.asarray(actual, dtype=float) - np.asarray(predicted, dtype=float))
    return np.sqrt(_divide_or_nan(weights @ squares, weights.sum(axis=1)))


def weigh_determination(actual: ArrayLike, predicted: ArrayLike, weights: Floats) -> Floats:
    """Return the coefficient of determination for each weighting.

    If all actual values are equal, the result is 1 if all predictions are exact, otherwise 0.
    """
    truth = np.asarray(actual, dtype=float)
    centred = truth - truth.mean()  # the squares of large values with a small variance would lose digits
    totals = weights.sum(axis=1)
    errors = weights @ np.square(truth - np.asarray(predicted, dtype=float))
    spread = weights @ np.square(centred) - _divide_or_nan(np.square(weights @ centred), totals)
    constant = spread <= 1e-12 * (weights @ np.square(centred))
    found = np.where(constant, np.where(errors == 0, 1.0, 0.0), 1 - _divide_or_nan(errors, spread))
    return np.where(totals < 2, np.nan, found)


def weigh_accuracy(actual: NDArray[np.int64], predicted: NDArray[np.int64], weights: Floats) -> Floats:
    """Return, for each weighting, the share of rows whose predicted class is right. Classes are given by index."""
    return _divide_or_nan(weights @ (actual == predicted).astype(float), weights.sum(axis=1))


def weigh_f1(actual: NDArray[np.int64], predicted: NDArray[np.int64], weights: Floats, several: bool) -> Floats:
    """Return, for each weighting, the F1 score of the positive class or, if `several`, the mean over all classes."""
    classes = np.union1d(actual, predicted) if several else [1]
    scores = np.stack([_weigh_f1(actual == place, predicted == place, weights) for place in classes])
    counted = ~np.isnan(scores)
    return _divide_or_nan(np.where(counted, scores, 0.0).sum(axis=0), np.maximum(counted.sum(axis=0), 1))


def _average_classes(
    score: Callable[[NDArray[np.bool_], Floats, Floats], Floats],
    actual: ArrayLike,
    predicted: ArrayLike,
    weights: Floats,
) -> Floats:
    truth, found = np.asarray(actual), np.asarray(predicted, dtype=float)
    if found.ndim == 1:
        return score(truth.astype(bool), found, weights)
    return np.mean([score(truth == place, found[:, place], weights) for place in range(found.shape[1])], axis=0)


def _weigh_area(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    """Return the share of (positive, negative) row pairs in which the positive row scores higher; ties count half."""
    positives, negatives = _sum_ties(positive, score, weights)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return _divide_or_nan(np.einsum("ij,ij->i", positives, below), pairs)


def _weigh_precision(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> Floats:
    """Return the average precision: the precision at the score of each positive row, averaged over these rows."""
    positives, negatives = _sum_ties(positive, -score, weights)
    found = np.cumsum(positives, axis=1)
    chosen = found + np.cumsum(negatives, axis=1)
    precision = found / np.maximum(chosen, np.finfo(float).tiny)  # avoids 0 / 0
    total = np.where(chosen[:, -1] > found[:, -1], found[:, -1], 0.0)  # without negative rows, the result is NaN
    return _divide_or_nan(np.einsum("ij,ij->i", positives, precision), total)


def _weigh_f1(actual: NDArray[np.bool_], predicted: NDArray[np.bool_], weights: Floats) -> Floats:
    hits = weights @ (actual & predicted).astype(float)
    return _divide_or_nan(2 * hits, weights @ actual.astype(float) + weights @ predicted.astype(float))


def _sum_ties(positive: NDArray[np.bool_], score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the total weights of positive rows and of negative rows for each distinct score, lowest score first."""
    order = np.argsort(score, kind="stable")
    sorted_scores = score[order]
    weights = weights[:, order].astype(float, copy=False)
    positives = weights * positive[order]
    negatives = weights - positives
    starts = np.flatnonzero(np.append(True, sorted_scores[1:] != sorted_scores[:-1]))
    if len(starts) == len(order):
        return positives, negatives
    return np.add.reduceat(positives, starts, axis=1), np.add.reduceat(negatives, starts, axis=1)


def _divide_or_nan(numerator: Floats, denominator: ArrayLike) -> Floats:
    below = np.asarray(denominator, dtype=float)
    return np.divide(numerator, below, out=np.full(below.shape, np.nan), where=below != 0)

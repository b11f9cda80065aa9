"""Metrics for use in problems, with scikit-learn's names. Importing this module does not import scikit-learn.

Each function returns a `Metric` with the given ``name``, ``unit`` and ``digits``.

`Problem.encode` converts actual values and predictions to the form that metrics need. An actual value is a number, a
boolean or, for a category, the index of the value in the sorted classes. A prediction is a number, the probability of
the positive class, or the probabilities of all classes (in an array of shape (n, classes)). Metrics that compare
classes, such as the accuracy, use the most probable class. A probability of 0.5 counts as positive.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops.problem.metric import Metric
from mlops.problem.plots import CLASSES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from mlops.problem.metric import Score, Weighted

NUMBERS = ("number", "boolean")  # for a boolean, these metrics measure the error of the probability
SMALLEST = 1e-15  # replaces a probability of 0, so that the loss of a certain but wrong prediction is finite


def mean_squared_error(name: str = "mean_squared_error", *, unit: str = "", digits: int = 6) -> Metric:
    """Return the metric "mean squared error", in squared units of the target. Lower is better."""
    return Metric(name, _call("mean_squared_error"), False, _square, "mean squared error", unit, digits, kinds=NUMBERS)


def mean_absolute_error(name: str = "mean_absolute_error", *, unit: str = "", digits: int = 6) -> Metric:
    """Return the metric "mean absolute error", in units of the target. Lower is better."""
    return Metric(
        name, _call("mean_absolute_error"), False, _deviate, "mean absolute error", unit, digits, kinds=NUMBERS
    )


def root_mean_squared_error(name: str = "root_mean_squared_error", *, unit: str = "", digits: int = 6) -> Metric:
    """Return the metric "root mean squared error", in units of the target. Lower is better."""
    score, weighted = _call("root_mean_squared_error"), _weigh("weigh_root_error")
    return Metric(name, score, False, None, "root mean squared error", unit, digits, weighted=weighted, kinds=NUMBERS)


def r2_score(name: str = "r2_score", *, digits: int = 6) -> Metric:
    """Return the metric "coefficient of determination": the share of the target's variance that the model explains.

    Higher is better. The metric is 1 for a perfect model, and can be negative for a bad model.
    """
    score, weighted = _call("r2_score"), _weigh("weigh_determination")
    title = "coefficient of determination"
    return Metric(
        name, score, True, None, title, "", digits, least_rows=2, weighted=weighted, signed=True, kinds=NUMBERS
    )


def mean_pinball_loss(quantile: float, name: str = "mean_pinball_loss", *, unit: str = "", digits: int = 6) -> Metric:
    """Return the metric "mean pinball loss", for models that predict a quantile.

    `quantile` is the level of the predicted quantile, between 0 and 1. Lower is better.
    """

    def lose(actual: "ArrayLike", predicted: "ArrayLike") -> "NDArray[np.float64]":
        import numpy as np

        error = np.asarray(actual, dtype=float) - np.asarray(predicted, dtype=float)
        return np.maximum(quantile * error, (quantile - 1) * error)

    title = f"mean pinball loss at {quantile:g}"
    return Metric(name, _call("mean_pinball_loss", alpha=quantile), False, lose, title, unit, digits, kinds=("number",))


def log_loss(name: str = "log_loss", *, digits: int = 6) -> Metric:
    """Return the metric "log loss": the mean of -log(predicted probability of the true class). Lower is better."""
    return Metric(name, _average(_lose_log), False, _lose_log, "log loss", "", digits, kinds=CLASSES)


def roc_auc_score(name: str = "roc_auc_score", *, digits: int = 6) -> Metric:
    """Return the metric "area under the ROC curve". Higher is better.

    If the target is a category, the metric is the mean of the areas of all classes, each against the rest.
    """
    score, weighted = _average_classes("roc_auc_score"), _weigh("weigh_area")
    title = "area under the ROC curve"
    return Metric(name, score, True, None, title, "", digits, all_classes=True, weighted=weighted, kinds=CLASSES)


def average_precision_score(name: str = "average_precision_score", *, digits: int = 6) -> Metric:
    """Return the metric "average precision" of the positive class. Higher is better.

    If the target is a category, the metric is the mean for all classes, each against the rest.
    """
    score, weighted = _average_classes("average_precision_score"), _weigh("weigh_precision")
    return Metric(
        name, score, True, None, "average precision", "", digits, all_classes=True, weighted=weighted, kinds=CLASSES
    )


def accuracy_score(name: str = "accuracy_score", *, digits: int = 6) -> Metric:
    """Return the metric "accuracy": the share of rows whose most probable class is the true class. Higher is better."""
    score, weighted = _label(_call("accuracy_score")), _weigh("weigh_accuracy", of_classes=True)
    return Metric(name, score, True, None, "accuracy", "", digits, weighted=weighted, kinds=CLASSES)


def f1_score(name: str = "f1_score", *, digits: int = 6) -> Metric:
    """Return the metric "F1 score" of the positive class. Higher is better.

    If the target is a category, the metric is the mean of the F1 scores of all classes.
    """
    return Metric(name, _score_f1, True, None, "F1 score", "", digits, weighted=_weigh_f1, kinds=CLASSES)


def _call(function: str, **options: object) -> "Score":
    """Return a score function that calls the named function of scikit-learn."""

    def score(actual: "ArrayLike", predicted: "ArrayLike") -> float:
        import sklearn.metrics

        return float(getattr(sklearn.metrics, function)(actual, predicted, **options))

    return score


def _average_classes(function: str) -> "Score":
    """Return a score function that averages scikit-learn's `function` over all classes, each against the rest."""
    score = _call(function)

    def average(actual: "ArrayLike", predicted: "ArrayLike") -> float:
        import numpy as np

        truth, found = np.asarray(actual), np.asarray(predicted)
        if found.ndim == 1:
            return score(truth, found)
        return float(np.mean([score(truth == place, found[:, place]) for place in range(found.shape[1])]))

    return average


def _weigh(function: str, of_classes: bool = False) -> "Weighted":
    """Return a function for `Metric.weighted`. It calls the named function of `mlops.problem.weighted`.

    If `of_classes` is true, the named function gets the most probable class of each row instead of probabilities.
    """

    def weighted(actual: "ArrayLike", predicted: "ArrayLike", weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
        from mlops.problem import weighted as module
        from mlops.problem.coding import find_classes

        pair = find_classes(actual, predicted) if of_classes else (actual, predicted)
        found: NDArray[np.float64] = getattr(module, function)(*pair, weights)
        return found

    return weighted


def _weigh_f1(actual: "ArrayLike", predicted: "ArrayLike", weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    from mlops.problem.coding import find_classes
    from mlops.problem.weighted import weigh_f1

    return weigh_f1(*find_classes(actual, predicted), weights, several=np.ndim(predicted) == 2)


def _average(lose: "Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]") -> "Score":
    return lambda actual, predicted: float(lose(actual, predicted).mean())


def _label(score: "Score") -> "Score":
    """Return a score function that calls `score` with the most probable class of each row instead of probabilities."""

    def label(actual: "ArrayLike", predicted: "ArrayLike") -> float:
        from mlops.problem.coding import find_classes

        return score(*find_classes(actual, predicted))

    return label


def _square(actual: "ArrayLike", predicted: "ArrayLike") -> "NDArray[np.float64]":
    import numpy as np

    return np.square(np.asarray(actual, dtype=float) - np.asarray(predicted, dtype=float))


def _deviate(actual: "ArrayLike", predicted: "ArrayLike") -> "NDArray[np.float64]":
    import numpy as np

    return np.abs(np.asarray(actual, dtype=float) - np.asarray(predicted, dtype=float))


def _lose_log(actual: "ArrayLike", predicted: "ArrayLike") -> "NDArray[np.float64]":
    import numpy as np

    probabilities = np.asarray(predicted, dtype=float)
    if probabilities.ndim == 1:
        of_class = np.where(np.asarray(actual, dtype=bool), probabilities, 1 - probabilities)
    else:
        of_class = probabilities[np.arange(len(probabilities)), np.asarray(actual, dtype=int)]
    return -np.log(np.clip(of_class, SMALLEST, 1.0))


def _score_f1(actual: "ArrayLike", predicted: "ArrayLike") -> float:
    import numpy as np
    from sklearn.metrics import f1_score as score

    from mlops.problem.coding import find_classes

    several = np.ndim(predicted) == 2
    return float(score(*find_classes(actual, predicted), average="macro" if several else "binary", zero_division=0))

"""A metric of a problem."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.errors import ProblemError
from mlops.numbers import format_number
from mlops.problem.fields import is_whole, require_flag, require_function, require_text, require_tuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Score = Callable[[ArrayLike, ArrayLike], float]
    RowLoss = Callable[[ArrayLike, ArrayLike], NDArray[np.float64]]
    Weighted = Callable[[ArrayLike, ArrayLike, NDArray[np.float64]], NDArray[np.float64]]

TARGETS = ("number", "boolean", "category")  # the kinds of columns that can be a target


@dataclass(frozen=True)
class Metric:
    """A measure of how good predictions are.

    Parameters
    ----------
    name : str
        The name in results, tags and tables, such as "auc".
    score : callable
        A function that returns the metric of actual and predicted values; see `mlops.problem.metrics`. Import
        scikit-learn in this function, not at the top of its module.
    higher_is_better : bool
        Whether a higher value is better.
    row_loss : callable, optional
        If the metric is a mean of losses, a function that returns the loss of every row. The gate then compares the
        models row by row.
    title : str, optional
        The name in sentences, such as "mean squared error". By default, `name`.
    unit : str
        The unit, such as "squared points". Empty if the metric has no unit.
    digits : int
        The number of significant digits, from 1 to 15, that must stay the same when a notebook runs again.
    least_rows : int
        The smallest number of rows for which the metric is defined.
    all_classes : bool
        Whether the metric is defined only if every class occurs in the rows.
    weighted : callable, optional
        A function that returns the metric for many weightings of the rows at once; see `mlops.problem.weighted`.
        For a metric without `row_loss`, it makes the gate faster and, if there are few rows, more sensitive. Do not
        give it for a metric that depends on only a few of the rows, such as a median: the gate would promote too often.
    signed : bool
        Whether the metric can be zero or negative. If promotions depend on such a metric, the problem must declare
        `smallest_gain`.
    kinds : tuple of str
        The kinds of targets that the metric fits: "number", "boolean", "category". Empty for all of them.

    Raises
    ------
    ProblemError
        If a field is invalid, or if `row_loss` is given although a higher value is better.
    """

    name: str
    score: "Score"
    higher_is_better: bool
    row_loss: "RowLoss | None" = None
    title: str = ""
    unit: str = ""
    digits: int = 6
    least_rows: int = 1
    all_classes: bool = False
    weighted: "Weighted | None" = None
    signed: bool = False
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise ProblemError(
                f"The metric name {self.name!r} is invalid. Use letters, digits and underscores, as in roc_auc."
            )
        self._check_types()
        if not (is_whole(self.digits) and 1 <= self.digits <= 15):
            raise ProblemError(f"{self} has {self.digits!r} digits. Give a whole number from 1 to 15.")
        if not (is_whole(self.least_rows) and self.least_rows >= 1):
            raise ProblemError(f"{self}: least_rows is {self.least_rows!r}. Give a whole number from 1.")
        unknown = next((kind for kind in self.kinds if kind not in TARGETS), None)
        if unknown:
            known = ", ".join(TARGETS)
            raise ProblemError(f"{self}: kinds has {unknown!r}, which cannot be the kind of a target. Choose: {known}.")
        if self.row_loss and self.higher_is_better:
            raise ProblemError(
                f"{self} has row_loss, so a lower value must be better. Set higher_is_better to "
                "False, or remove row_loss."
            )
        if not self.title:
            object.__setattr__(self, "title", self.name)

    def __str__(self) -> str:
        return f"The metric {self.name!r}"

    def _check_types(self) -> None:
        """Check the types of the fields that must be functions, booleans, strings or tuples."""
        require_function(self, "score", self.score)
        for field in ("row_loss", "weighted"):
            if getattr(self, field) is not None:
                require_function(self, field, getattr(self, field))
        for field in ("higher_is_better", "all_classes", "signed"):
            require_flag(self, field, getattr(self, field))
        for field in ("title", "unit"):
            require_text(self, field, getattr(self, field))
        require_tuple(self, "kinds", self.kinds, str)

    def measure(self, actual: "NDArray[np.generic]", predicted: "NDArray[np.generic]") -> float | None:
        """Return the metric of predictions, or None if it is undefined or NaN for these rows.

        Parameters
        ----------
        actual : array of shape (n,)
            Numbers, booleans, or the indices of classes; see `mlops.problem.metrics`.
        predicted : array of shape (n,) or (n, classes)
            Numbers or probabilities.
        """
        classes = predicted.shape[1] if predicted.ndim == 2 else 2
        if len(actual) < self.least_rows or (self.all_classes and len(set(actual.tolist())) < classes):
            return None
        found = float(self.score(actual, predicted))
        return None if math.isnan(found) else found

    def measure_weighted(
        self, actual: "NDArray[np.generic]", predicted: "NDArray[np.generic]", counts: "NDArray[np.int64]"
    ) -> "NDArray[np.float64]":
        """Return the metric for each of many sets of rows, as an array; NaN where the metric is undefined.

        Parameters
        ----------
        actual, predicted : array
            The values of all rows, as in `measure`.
        counts : array of shape (sets, n)
            The number of times that each set contains each row.
        """
        import numpy as np

        if self.weighted:
            return self.weighted(actual, predicted, counts.astype(float))
        drawn = (np.repeat(np.arange(len(actual)), row) for row in counts)
        scores = [self.measure(actual[rows], predicted[rows]) for rows in drawn]
        return np.array([np.nan if score is None else score for score in scores])

    def show(self, value: float | None) -> str:
        """Return a value of the metric for display, with its unit: "47.6 points"."""
        return f"{format_number(value)} {self.unit}".strip()

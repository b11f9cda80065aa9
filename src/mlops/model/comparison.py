"""The comparison of a new model (the challenger) with the current one (the champion) on the same rows."""

# How the models are compared depends on the metric on which promotions are decided:
#
# - A metric that is a mean over rows is compared by its losses. The gain of a row is the champion's loss minus the
#   challenger's loss.
# - Any other metric, such as the area under the ROC curve, is compared as a whole. The gain of a row is its
#   pseudo-value of the jackknife (`mlops.model.jackknife`). If there are many rows, it is the gain of a group of rows.
#
# In both cases, the mean gain is the improvement of the metric. It is positive if the challenger is better, whether
# higher or lower values of the metric are better. The bound is that of a mean (`mlops.model.bounds`).

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops.data.equality import ROUNDING, are_equal
from mlops.errors import ProblemError
from mlops.model.bounds import are_too_skewed, bound_mean, measure_error
from mlops.model.jackknife import Groups, assign_groups, leave_out, list_pseudo_values
from mlops.model.spending import spend
from mlops.problem import Metric, Problem

Floats = NDArray[np.float64]

LARGEST_LOSS = 1e300  # the sum of larger losses could overflow
# If each row has a gain of 1 or -1, equal models have 15 gains of 1 with a probability of 0.003 %. The 52nd comparison
# with a champion may err with 0.005 %.
FEWEST_EQUAL = 15
FEWEST_OF_CLASS = 5  # with fewer rows of a class, a single row could decide the comparison


@dataclass(frozen=True, eq=False)
class Comparison:
    """The comparison of two models on the same rows by the metric on which promotions are decided.

    Parameters
    ----------
    metric : Metric
        The metric.
    champion : array, optional
        The losses of the current model or, if `actual` is given, its predictions. None if there is no champion.
    challenger : array
        The losses or the predictions of the new model.
    confidence : float
        The confidence of all comparisons with this champion together, between 0 and 1.
    smallest_gain : float
        The smallest improvement that is worth a release, in the unit of the metric.
    look : int
        The number of this comparison among all comparisons with the champion, counted from 1; 0 if it does not count as
        a comparison with the champion. See `mlops.model.looks`.
    actual : array of shape (n,), optional
        The values of the target, encoded by `Problem.encode`. None if the models are compared by their losses.
    """

    metric: Metric
    champion: Floats | None
    challenger: Floats
    confidence: float = 0.95
    smallest_gain: float = 0.0
    look: int = 1
    actual: NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        if self.champion is not None and self.champion.shape != self.challenger.shape:
            raise ValueError(
                f"The champion has {len(self.champion)} rows and the challenger {len(self.challenger)}. Compare both "
                "on the same rows."
            )

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.challenger)

    @property
    def spent(self) -> float:
        """The confidence of the one-sided bounds in this comparison."""
        return spend(self.confidence, self.look)

    @property
    def equality(self) -> str:
        """The clause "they make the same errors" (or "predictions") if the models are equal. Empty if they differ."""
        equal = self.champion is not None and are_equal(self.champion, self.challenger)
        return f"they make the same {'errors' if self.actual is None else 'predictions'}" if equal else ""

    @cached_property
    def shortage(self) -> str:
        """A sentence that says why there are too few rows for a comparison. Empty if there are enough."""
        first = self.champion is None
        of_rows = f"the {self.rows:,} rows unseen by {'the challenger' if first else 'both models'}"
        if self.actual is None:
            few = not first and 1 < self.rows < FEWEST_EQUAL
            if not few or self.improvement <= 0 or not are_equal(self.gains, np.full(self.rows, self.improvement)):
                return ""
            return f"All of {of_rows} have the same gain, which can be chance with fewer than {FEWEST_EQUAL} rows."
        if self.metric.all_classes and self.rows and self.rarest < FEWEST_OF_CLASS:
            share = f"only {self.rarest}" if self.rarest else "none"
            return (
                f"The rarest class has {share} of {of_rows}, but {'an interval' if first else 'the comparison'} of the "
                f"{self.metric.title} needs {FEWEST_OF_CLASS} of each class."
            )
        if np.isnan(self.improvement):
            return f"The {self.metric.title} is undefined for {of_rows}."
        if np.isnan(self.gains).any():
            return (
                f"The {self.metric.title} is undefined if some of {of_rows} are left out, so its variation cannot be "
                "estimated."
            )
        groups, found = len(self.gains), self._count_influential()
        if not self.metric.weighted and found < min(FEWEST_OF_CLASS, groups):
            return (
                f"The {self.metric.title} depends on too few of {of_rows}: only {found} of {groups} groups of rows "
                "change it if they are left out."
            )
        return ""

    @property
    def rarest(self) -> int:
        """The number of rows of the rarest class; 0 if a class has no rows. Only if `actual` is given."""
        assert self.actual is not None
        classes = self.challenger.shape[1] if self.challenger.ndim == 2 else 2
        counts = np.unique(self.actual, return_counts=True)[1]
        return int(counts.min()) if len(counts) >= classes else 0

    @cached_property
    def improvement(self) -> float:
        """The improvement of the metric. Without a champion, the metric itself. NaN if the metric is undefined."""
        if self.actual is None:
            return float(self.gains.mean())
        return float(self._improve(self._whole)[0]) if self.rows else float("nan")

    @cached_property
    def gains(self) -> Floats:
        """The gain of each row or group of rows. Without a champion, the contribution of each to the metric."""
        if self.actual is None:
            return self.challenger if self.champion is None else self.champion - self.challenger
        return list_pseudo_values(self.improvement, self._improve(self._left_out), self._groups)

    @cached_property
    def _groups(self) -> Groups:
        return assign_groups(self.rows, smooth=bool(self.metric.weighted))

    @cached_property
    def _whole(self) -> list[Floats]:
        """The metric of each model on all rows."""
        return self._leave_out(np.full(self.rows, -1))

    @cached_property
    def _left_out(self) -> list[Floats]:
        """The metric of each model on the rows outside each group."""
        return self._leave_out(self._groups)

    def _leave_out(self, groups: Groups) -> list[Floats]:
        assert self.actual is not None
        models = [self.challenger] if self.champion is None else [self.champion, self.challenger]
        return [leave_out(self.metric, self.actual, predicted, groups) for predicted in models]

    def _improve(self, measured: list[Floats]) -> Floats:
        """Return the improvement, given the metric of each model."""
        if len(measured) == 1:
            return measured[0]
        old, new = measured
        gains = new - old if self.metric.higher_is_better else old - new
        return np.where(np.abs(gains) <= ROUNDING * np.abs(old), 0.0, gains)

    def _count_influential(self) -> int:
        """Return how many groups of rows change the metric if left out; with two models, return the larger number."""
        pairs = zip(self._whole, self._left_out, strict=True)
        return max(int(np.sum(np.abs(left - whole) > ROUNDING * np.abs(whole))) for whole, left in pairs)

    @property
    def standard_error(self) -> float:
        """The standard error of the improvement."""
        return float(measure_error(self.gains))

    @property
    def lower_bound(self) -> float:
        """The one-sided lower bound of the improvement."""
        return float(bound_mean(self.gains, self.spent))

    @property
    def upper_bound(self) -> float:
        """The one-sided upper bound of the improvement."""
        return -float(bound_mean(-self.gains, self.spent))

    @property
    def too_skewed(self) -> bool:
        """True if the challenger seems better, but is so much worse on a few rows that no bound is reliable."""
        return bool(are_too_skewed(self.gains, self.spent))


def compare_models(
    problem: Problem, actual: ArrayLike, predictions: Mapping[str, ArrayLike], confidence: float
) -> Comparison:
    """Return the comparison of two models by the metric on which promotions are decided.

    Parameters
    ----------
    problem : Problem
        The problem, which declares the metric.
    actual : array of shape (n,)
        Values of the target.
    predictions : mapping of str to array
        The predictions of the "challenger" and, if there is one, of the "champion", as `Problem.predict` returns them.
    confidence : float
        The confidence of all comparisons with this champion together, between 0 and 1.

    Raises
    ------
    ProblemError
        If the metric's `row_loss` does not return a number between -1e300 and 1e300 for every row.
    """
    metric, truth = problem.decisive, problem.encode(actual)
    found = {name: problem.encode(values) for name, values in predictions.items()}
    least = _find_smallest_gain(problem, metric, truth, found)
    if metric.row_loss:
        losses = {name: _list_losses(metric, truth, name, values) for name, values in found.items()}
        return Comparison(metric, losses.get("champion"), losses["challenger"], confidence, least)
    encoded = {name: values.astype(float) for name, values in found.items()}
    return Comparison(metric, encoded.get("champion"), encoded["challenger"], confidence, least, actual=truth)


def _list_losses(metric: Metric, truth: NDArray[np.generic], model: str, predicted: NDArray[np.generic]) -> Floats:
    assert metric.row_loss is not None
    losses = np.asarray(metric.row_loss(truth, predicted), dtype=float)
    if losses.shape != truth.shape:
        found = f"{metric}: row_loss returned an array of shape {losses.shape} for {len(truth):,} rows"
        raise ProblemError(f"{found}. Return one loss for each row.")
    usable = np.abs(losses) <= LARGEST_LOSS
    if not usable.all():
        row = int(np.argmin(usable))
        raise ProblemError(
            f"{metric}: row_loss returned {losses[row]} for row {row:,} of {len(truth):,}, counted from 0, where the "
            f"target is {truth[row]} and the {model} predicts {predicted[row]}. Return a number "
            f"between {-LARGEST_LOSS:g} and {LARGEST_LOSS:g} for every row."
        )
    return losses


def _find_smallest_gain(
    problem: Problem, metric: Metric, truth: NDArray[np.generic], found: Mapping[str, NDArray[np.generic]]
) -> float:
    if problem.smallest_gain is not None:
        return problem.smallest_gain
    value = metric.measure(truth, found["champion"]) if "champion" in found else None
    return problem.smallest_relative_gain * abs(value or 0.0)

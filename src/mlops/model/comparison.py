"""The comparison of a new model (the challenger) with the current one (the champion) on the same rows."""

# The metric that decides about promotions says how the models are compared:
#
# - A metric that is a mean over rows is compared by its losses. The improvement on a row is the champion's loss minus
#   the challenger's loss (`mlops.model.bounds`).
# - Any other metric, such as the area under the ROC curve, is compared as a whole. The bootstrap measures both models
#   on each resampled set of rows. The difference is positive if the challenger is better, whether higher or lower
#   values of the metric are better.
#
# A metric can be undefined on a resampled set, for example if the set lacks a class. Such sets are left out. If they
# are more than 1 % of the sets, the rows are too few for a comparison: the sets that remain would no longer be a fair
# sample.

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from mlops.data.equality import ROUNDING, are_equal
from mlops.model.bootstrap import MOST_RESAMPLED, Rows, expand_confidence, resample, scale_spread
from mlops.model.bounds import are_too_skewed, bound_mean
from mlops.model.spending import spend
from mlops.numbers import format_number
from mlops.problem import Metric, Problem

FEWEST_BEYOND = 10  # the fewest resampled sets beyond a percentile; the share of ten sets is known to a third
MOST_UNDEFINED = 0.01  # the largest allowed share of resampled sets on which the metric is undefined


@dataclass(frozen=True, eq=False)
class Comparison(ABC):
    """Two models, compared on the same rows by the metric that decides about promotions.

    Parameters
    ----------
    metric : Metric
        The metric.
    champion : array, optional
        The losses or predictions of the current model. None if there is no champion.
    challenger : array
        The losses or predictions of the new model.
    confidence : float
        The confidence of all comparisons with this champion together, between 0 and 1.
    seed : int
        The seed of the bootstrap.
    smallest_gain : float
        The smallest improvement that is worth a release, in the unit of the metric.
    look : int
        The position of this comparison among all comparisons with the champion, counted from 1.
        See `mlops.model.looks`.
    """

    metric: Metric
    champion: NDArray[np.float64] | None
    challenger: NDArray[np.float64]
    confidence: float = 0.95
    seed: int = 0
    smallest_gain: float = 0.0
    look: int = 1
    compared: ClassVar[str]  # "errors" or "predictions", for sentences

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
        """A clause that says that the models are equal: "they make the same errors". Empty if they are not."""
        equal = self.champion is not None and are_equal(self.champion, self.challenger)
        return f"they make the same {self.compared}" if equal else ""

    @property
    @abstractmethod
    def shortage(self) -> str:
        """A sentence that says why the rows do not suffice for a comparison. Empty if the rows suffice."""

    @property
    @abstractmethod
    def improvement(self) -> float:
        """The improvement of the metric. It is positive if the challenger is better."""

    @property
    @abstractmethod
    def standard_error(self) -> float:
        """The standard error of the improvement."""

    @property
    @abstractmethod
    def lower_bound(self) -> float:
        """The one-sided lower bound of the improvement."""

    @property
    @abstractmethod
    def upper_bound(self) -> float:
        """The one-sided upper bound of the improvement."""

    @property
    def too_skewed(self) -> bool:
        """True if the challenger is so much worse on a few rows that no bound can be trusted."""
        return False


class LossComparison(Comparison):
    """Two models, compared by their losses on each row."""

    compared = "errors"

    @property
    def shortage(self) -> str:
        """Empty, because a mean is always defined."""
        return ""

    @cached_property
    def gains(self) -> NDArray[np.float64]:
        """The improvement on each row. Without a champion, the challenger's loss."""
        return self.challenger if self.champion is None else self.champion - self.challenger

    @property
    def improvement(self) -> float:
        """The mean improvement."""
        return float(self.gains.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of the mean improvement."""
        return float(self.gains.std(ddof=1)) / self.rows**0.5

    @property
    def lower_bound(self) -> float:
        """The one-sided lower bound of the mean improvement."""
        return float(bound_mean(self.gains, self.spent))

    @property
    def upper_bound(self) -> float:
        """The one-sided upper bound of the mean improvement."""
        return -float(bound_mean(-self.gains, self.spent))

    @property
    def too_skewed(self) -> bool:
        """True if the challenger is so much worse on a few rows that no bound can be trusted."""
        return bool(are_too_skewed(self.gains))


@dataclass(frozen=True, eq=False)
class MetricComparison(Comparison):
    """Two models, compared by a metric of all rows.

    Parameters
    ----------
    actual : array of shape (n,)
        The values of the target, encoded as metrics need them.
    """

    actual: NDArray[np.generic] = field(kw_only=True)

    compared = "predictions"

    @property
    def shortage(self) -> str:
        """A sentence if the metric is undefined on the rows or on too many of the resampled sets. Otherwise empty."""
        if self._score is None:
            return f"The {self.metric.title} is undefined for the {self.rows} rows unseen by both models."
        share = float(np.isnan(self._resampled).mean())
        if share <= MOST_UNDEFINED:
            return ""
        sets = f"{format_number(100 * share)}% of the resampled sets of the {self.rows} rows unseen by both models"
        allowed = f"but the comparison allows {100 * MOST_UNDEFINED:.0f}%"
        return f"The {self.metric.title} is undefined on {sets}, {allowed}."

    @property
    def improvement(self) -> float:
        """The improvement of the metric. Without a champion, the metric itself. NaN if the metric is undefined."""
        return float("nan") if self._score is None else self._score

    @cached_property
    def differences(self) -> NDArray[np.float64]:
        """The improvement on each resampled set. Without a champion, the metric itself."""
        return scale_spread(self._resampled[~np.isnan(self._resampled)], self.rows)

    @cached_property
    def standard_error(self) -> float:
        """The standard deviation of the improvement in the bootstrap."""
        return float(self.differences.std(ddof=1) * (self.rows / (self.rows - 1)) ** 0.5)

    @property
    def lower_bound(self) -> float:
        """The one-sided lower bound of the improvement."""
        return self._bound(-1)

    @property
    def upper_bound(self) -> float:
        """The one-sided upper bound of the improvement."""
        return self._bound(1)

    @cached_property
    def _score(self) -> float | None:
        (found,) = self._compare(slice(None), np.ones((1, self.rows), dtype=np.int64)) if self.rows else (np.nan,)
        return None if np.isnan(found) else float(found)

    @cached_property
    def _resampled(self) -> NDArray[np.float64]:
        return resample(self._compare, self.rows, bool(self.metric.weighted), self.seed)

    def _compare(self, rows: Rows, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        actual = self.actual[rows]
        new = self.metric.measure_weighted(actual, self.challenger[rows], counts)
        if self.champion is None:
            return new
        old = self.metric.measure_weighted(actual, self.champion[rows], counts)
        gains = new - old if self.metric.higher_is_better else old - new
        return np.where(np.abs(gains) <= ROUNDING * np.abs(old), 0.0, gains)

    def _bound(self, side: int) -> float:
        level = expand_confidence(self.spent, self.rows)
        if self.rows > MOST_RESAMPLED or (1 - level) * len(self.differences) < FEWEST_BEYOND:
            return float(self.improvement + side * t.ppf(self.spent, self.rows - 1) * self.standard_error)
        return float(np.quantile(self.differences, level if side > 0 else 1 - level))


def compare_models(
    problem: Problem, actual: ArrayLike, predictions: Mapping[str, ArrayLike], confidence: float
) -> Comparison:
    """Return the comparison of two models by the metric that decides about promotions.

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
    """
    metric, truth = problem.decisive, problem.encode(actual)
    found = {name: problem.encode(values) for name, values in predictions.items()}
    least = _find_smallest_gain(problem, metric, truth, found)
    if metric.row_loss:
        losses = {name: metric.row_loss(truth, values) for name, values in found.items()}
        return LossComparison(metric, losses.get("champion"), losses["challenger"], confidence, smallest_gain=least)
    encoded = {name: values.astype(float) for name, values in found.items()}
    models = encoded.get("champion"), encoded["challenger"]
    return MetricComparison(metric, *models, confidence, smallest_gain=least, actual=truth)


def _find_smallest_gain(
    problem: Problem, metric: Metric, truth: NDArray[np.generic], found: Mapping[str, NDArray[np.generic]]
) -> float:
    if problem.smallest_gain is not None:
        return problem.smallest_gain
    value = metric.measure(truth, found["champion"]) if "champion" in found else None
    return problem.smallest_relative_gain * abs(value or 0.0)

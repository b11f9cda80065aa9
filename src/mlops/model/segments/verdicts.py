"""The comparison of the models in each segment, with a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.model.bounds import are_too_skewed
from mlops.model.comparison import Comparison, compare_models
from mlops.model.segments.splits import LEAST_SHARE, Marks, split_column
from mlops.problem import Metric, Problem

FEWEST_ROWS = 20  # with fewer rows, skewed gains cause too many false reports; see docs/statistics.md
WORSE = "worse"


@dataclass(frozen=True)
class Segment:
    """A segment, with the comparison of the models on its rows.

    Parameters
    ----------
    name : str
        The column and its values in the segment: 'plan "basic"' or "fee 20 to 35".
    rows : int
        The number of rows.
    share : float
        The share of all compared rows that are in this segment.
    champion, challenger : float, optional
        The metric of each model on these rows. None if the metric is undefined, or if there is no champion.
    improvement, upper_bound : float, optional
        The improvement of the metric, and its one-sided upper bound. None if the models were not compared.
    verdict : str
        The result of the comparison, such as "better", or the reason why there is none. Empty without a champion.
    """

    name: str
    rows: int
    share: float
    champion: float | None
    challenger: float | None
    improvement: float | None = None
    upper_bound: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Segments:
    """The comparison of two models in all segments that a problem declares.

    Parameters
    ----------
    metric : Metric
        The metric.
    found : tuple of Segment
        The segments. Empty if the problem declares no segments, or if there are no rows.
    confidence : float
        The confidence of all upper bounds together, between 0 and 1.
    rejects : bool
        Whether the problem rejects a challenger that is worse in a segment.
    absent : tuple of str
        The declared columns that are missing in the data.
    """

    metric: Metric
    found: tuple[Segment, ...]
    confidence: float
    rejects: bool
    absent: tuple[str, ...] = ()

    @cached_property
    def compared(self) -> tuple[Segment, ...]:
        """The segments in which the models were compared."""
        return tuple(segment for segment in self.found if segment.improvement is not None)

    @cached_property
    def worse(self) -> tuple[Segment, ...]:
        """The segments in which the challenger's decline is significant and large enough to matter."""
        return tuple(segment for segment in self.found if segment.verdict == WORSE)


def compare_segments(
    problem: Problem, rows: pd.DataFrame, predictions: Mapping[str, NDArray[np.generic]], confidence: float
) -> Segments:
    """Return the comparison of two models in each segment that the problem declares.

    Parameters
    ----------
    problem : Problem
        The problem, which declares the columns and the metric.
    rows : DataFrame of n rows
        The rows on which the models are compared, with all columns.
    predictions : mapping of str to array
        The predictions of the "challenger" and, if there is one, of the "champion", as `Problem.predict` returns them.
    confidence : float
        The confidence of the upper bounds of all segments together, between 0 and 1.
    """
    columns = {column.name: column for column in problem.columns}
    present = [columns[name] for name in problem.segments if name in rows.columns]
    marked = [segment for column in present for segment in split_column(column, rows[column.name])]
    count = sum(not _explain_size(int(marks.sum()), len(rows)) for _, marks in marked)
    each = 1 - (1 - confidence) / max(count, 1)
    found = (
        _compare(problem, name, rows.loc[marks, problem.target.name], _select(predictions, marks), len(rows), each)
        for name, marks in marked
    )
    absent = tuple(name for name in problem.segments if name not in rows.columns)
    return Segments(problem.decisive, tuple(found), confidence, problem.reject_worse_segments, absent)


def _select(predictions: Mapping[str, NDArray[np.generic]], marks: Marks) -> dict[str, NDArray[np.generic]]:
    return {name: np.asarray(found)[marks] for name, found in predictions.items()}


def _explain_size(rows: int, total: int) -> str:
    """Return the reason why a segment is too small for a comparison, or "" if it is large enough."""
    if rows < LEAST_SHARE * total:
        return f"under {100 * LEAST_SHARE:.0f}% of the rows"
    return f"under {FEWEST_ROWS} rows" if rows < FEWEST_ROWS else ""


def _compare(
    problem: Problem,
    name: str,
    actual: pd.Series,
    predictions: Mapping[str, NDArray[np.generic]],
    total: int,
    confidence: float,
) -> Segment:
    metric, truth = problem.decisive, problem.encode(actual)
    scores = {model: metric.measure(truth, problem.encode(found)) for model, found in predictions.items()}
    champion, challenger = scores.get("champion"), scores["challenger"]
    segment = Segment(name, len(actual), len(actual) / total, champion, challenger)
    if "champion" not in predictions:
        return segment
    if why := _explain_size(len(actual), total):
        return replace(segment, verdict=why)
    if champion is None or challenger is None:
        return replace(segment, verdict="metric undefined")
    compared = replace(compare_models(problem, actual, predictions, confidence), look=0)
    if compared.shortage:
        return replace(segment, verdict="too few rows")
    verdict = "equal" if compared.equality else _judge(compared)
    return replace(segment, improvement=compared.improvement, upper_bound=compared.upper_bound, verdict=verdict)


def _judge(compared: Comparison) -> str:
    if compared.too_skewed or are_too_skewed(-compared.gains, compared.spent):
        return "a few rows decide"
    worse, better = compared.upper_bound < 0, compared.lower_bound > 0
    if not (worse or better):
        return "no difference shown"
    if abs(compared.improvement) < compared.smallest_gain:
        return "too small to matter"
    return WORSE if worse else "better"

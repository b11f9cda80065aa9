"""The comparison of the challenger with the champion in segments of the rows, such as the customers of each plan.

The problem declares the columns. In each segment, both models are compared by the metric on which promotions are
decided.
The challenger is worse in a segment if the upper bound of the improvement in this segment is below zero, and if the
decline is at least as large as the smallest gain that is worth a release. The segments share the allowed error rate
equally (Bonferroni), so the confidence holds for all segments together.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.model.bounds import are_too_skewed
from mlops.model.comparison import Comparison, compare_models
from mlops.model.promotion import Decision
from mlops.numbers import format_distinct, format_number, format_pair, format_value
from mlops.problem import Column, Metric, Problem

LEAST_SHARE = 0.05  # a segment with a smaller share of the rows is not compared
FEWEST_ROWS = 20  # with fewer rows, skewed gains cause too many false reports; see docs/statistics.md
QUARTERS = (0.25, 0.5, 0.75)
LONGEST_LABEL, MOST_NAMED, MOST_SHOWN = 40, 3, 60  # pandas shows at most 60 rows
WORSE = "worse"

Marks = NDArray[np.bool_]


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
        The number of these rows as a share of all compared rows.
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
        """The segments in which the challenger is significantly worse, by enough to matter."""
        return tuple(segment for segment in self.found if segment.verdict == WORSE)

    def review(self, decision: Decision) -> Decision:
        """Return the decision of the gate. If a promoted challenger is worse in segments, the reason names them.

        If the problem sets `reject_worse_segments`, such a challenger is rejected.
        """
        if not (decision.promoted and decision.kind == "compared" and self.worse):
            return decision
        verdict = "It is rejected, because it is" if self.rejects else "But it is"
        return replace(decision, promoted=not self.rejects, reason=f"{decision.reason} {verdict} {self._name_worse()}")

    def show(self) -> pd.DataFrame | None:
        """Print a summary of the segments, and return them as a table. Return None if there are no segments."""
        if text := str(self):
            print(text)
        if not self.found:
            return None
        shown = self.found
        if len(shown) > MOST_SHOWN:
            shown = tuple(sorted(shown, key=lambda segment: segment.verdict != WORSE)[:MOST_SHOWN])
            print(f"The table has {MOST_SHOWN} of {len(self.found)} segments, the worse ones first.")
        rows = [self._list_cells(segment) for segment in shown]
        return pd.DataFrame(rows, [segment.name for segment in shown]).rename_axis(columns=self.metric.title)

    def __str__(self) -> str:
        if not self.found and not self.absent:
            return "There are no segments to compare."
        sentences = [
            f"The data has no column {name!r}, so there are no segments of this column." for name in self.absent
        ]
        if any(segment.verdict for segment in self.found):
            sentences.append(self._summarize())
        return " ".join(sentences)

    def _summarize(self) -> str:
        count = len(self.compared)
        if not count:
            return "No segment has enough rows for a comparison."
        each = f"Together, the bounds of all segments have a confidence of {100 * self.confidence:.4g}%."
        if self.worse:
            return f"The challenger is {self._name_worse()} {each}"
        none = f"None of the {count} segments with enough rows shows a"
        none = none if count > 1 else "The only segment with enough rows shows no"
        return f"{none} decline that is significant and large enough to matter. {each}"

    def _name_worse(self) -> str:
        named = "; ".join(map(self._describe, self.worse[:MOST_NAMED]))
        more = len(self.worse) - MOST_NAMED
        others = f"; and {more} more" if more > 0 else ""
        count = f"{len(self.worse)} of {len(self.compared)} segments"
        return f"significantly worse in {count}: {named}{others}."

    def _describe(self, segment: Segment) -> str:
        old, new = format_pair(segment.champion or 0.0, segment.challenger or 0.0)
        return f"{segment.name} ({self.metric.title} {new} instead of {old} on {segment.rows:,} rows)"

    def _list_cells(self, segment: Segment) -> dict[str, str]:
        cells = {"rows": f"{segment.rows:,}", "share": f"{format_number(100 * segment.share)}%"}
        if not segment.verdict:
            return {**cells, "challenger": format_number(segment.challenger)}
        numbers = {name: getattr(segment, name) for name in ("champion", "challenger", "improvement", "upper_bound")}
        shown = {name.replace("_", " "): format_number(value) for name, value in numbers.items()}
        return {**cells, **shown, "verdict": segment.verdict}


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


def split_column(column: Column, values: pd.Series) -> list[tuple[str, Marks]]:
    """Return the name and the rows of each segment of a column.

    In a column of categories or booleans, each value has its own segment, but values that occur in fewer than 5 % of
    the rows are combined into one segment. A column of numbers is split into four segments, each with about a
    quarter of the rows; equal numbers are in the same segment. If an ignored column is declared as numbers but contains
    text, it is treated as a column of categories. Missing values are a segment of their own.
    """
    missing = values.isna().to_numpy(dtype=bool)
    number = column.kind == "number" and pd.api.types.is_any_real_numeric_dtype(values.dtype)
    parts = [*(_split_number(values) if number else _split_values(values))]
    if missing.any():
        parts.append(("missing", missing))
    return [(f"{column.name} {label}", marks) for label, marks in parts]


def _split_values(values: pd.Series) -> Iterator[tuple[str, Marks]]:
    codes, found = pd.factorize(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    rare = counts < LEAST_SHARE * len(values)
    if rare.sum() == 1:
        rare[:] = False
    labels = sorted((-counts[code], _label(found[code]), code) for code in np.flatnonzero(~rare))
    yield from ((label, codes == code) for _, label, code in labels)
    if rare.any():
        yield f"other ({rare.sum():,} values)", np.isin(codes, np.flatnonzero(rare))


def _split_number(values: pd.Series) -> Iterator[tuple[str, Marks]]:
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    found, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    if not found.size:
        return
    # The boundary of a quarter moves to the nearest place between two different values.
    shares = np.array([0, *counts.cumsum()]) / counts.sum()
    ends = sorted({0, len(found), *(int(np.abs(shares - quarter).argmin()) for quarter in QUARTERS)})
    ranges = [(found[start], found[end - 1]) for start, end in zip(ends, ends[1:], strict=False)]
    shown = iter(format_distinct([float(end) for ends in ranges for end in ends]))
    for low, high in ranges:
        first, last = next(shown), next(shown)
        yield first if first == last else f"{first} to {last}", (numbers >= low) & (numbers <= high)


def _label(value: object) -> str:
    if not isinstance(value, str):
        return format_value(value.item() if isinstance(value, np.generic) else value)
    text = json.dumps(value, ensure_ascii=False)  # quotes distinguish a value from the segment `other`
    return text if len(text) <= LONGEST_LABEL else f'{text[: LONGEST_LABEL - 2]}…"'


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

"""The description of a model's training data: ranges of the features, and example rows. It is stored with the model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from mlops.files.atomic import write_atomically
from mlops.files.records import read_record
from mlops.model.training_bins import describe_bins
from mlops.numbers import format_number
from mlops.problem import Column, Problem
from mlops.problem.values import DAY, Value, write_value
from mlops.serving.metrics.bins import ColumnBins

TRAINING_DATA = "training_data.json"  # the name of the file in the registry and in the image
EXAMPLES = 2
DIGITS = 6  # significant digits of numbers with decimals in example rows
MOST_SEEN = 100  # the values of a category with more distinct values are not stored
MOST_SHOWN = 5

Row = Sequence[Value] | Mapping[str, Value]


@dataclass(frozen=True)
class TrainingData:
    """A description of training data: the ranges of the features, and example rows with their true target values.

    Parameters
    ----------
    columns : tuple of str, length k
        The names of the features.
    minimum, maximum : tuple of float, str or None, length k
        The lowest and the highest value of each feature in the training rows: a number, or a date as "2024-01-31". None
        if the feature has no values, or is neither a number nor a date.
    rows : tuple of tuple, shape (n, k)
        Example rows of the data set; see `mlops.problem.values.write_value`. The model was not trained on them.
    actual : tuple of float, str or bool, length n
        The true target values of the example rows.
    seen : tuple of tuple of str or bool, length k
        The distinct values of each category and boolean in the training rows. Empty for a number or a date, and
        for a category with more than `MOST_SEEN` values.
    gaps : tuple of bool, length k
        Whether each feature had missing values in the training rows. `seen` and `gaps` are empty if an older version of
        the engine, which did not record them, described the data.
    bins : tuple of ColumnBins
        The distributions of the features and of the predictions for the training rows. Empty if no model was given, or
        if an older version of the engine described the data.
    """

    columns: tuple[str, ...] = ()
    minimum: tuple[float | str | None, ...] = ()
    maximum: tuple[float | str | None, ...] = ()
    rows: tuple[tuple[Value, ...], ...] = ()
    actual: tuple[Value, ...] = ()
    seen: tuple[tuple[str | bool, ...], ...] = ()
    gaps: tuple[bool, ...] = ()
    bins: tuple[ColumnBins, ...] = ()

    def judge_row(self, row: Row) -> str:
        """Return a text that says whether a row is far outside the training data, and in which column.

        Parameters
        ----------
        row : sequence of length k, or mapping of str to value
            The values of the row as JSON values.
        """
        if not self.columns:
            return "unknown, because the model was trained by an older version of mlops, which did not record ranges"
        values = [row[name] for name in self.columns] if isinstance(row, Mapping) else row
        judged = (self._describe_if_far_outside(place, value) for place, value in enumerate(values))
        outside = [f"{self.columns[place]} {text}" for place, text in enumerate(judged) if text]
        if not outside:
            return "within or near the training data"
        others = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        return f"FAR OUTSIDE the training data: {outside[0]}{others}"

    def _describe_if_far_outside(self, place: int, value: Value) -> str:
        low, high = self.minimum[place], self.maximum[place]
        seen = self.seen[place] if self.seen else ()
        if value is None or value != value:  # true only for NaN
            return "" if not self.gaps or self.gaps[place] else "missing (never missing in the training data)"
        if seen:
            return "" if value in seen else f"{_show(value)} (trained on {_list_values(seen)})"
        if isinstance(low, str) and isinstance(high, str):
            return "" if _is_day_near(str(value)[:DAY], low, high) else f"{value} (trained on {low} to {high})"
        if low is None or high is None or isinstance(low, str) or isinstance(high, str):
            return ""
        number = float(value)
        if low - (high - low) <= number <= high + (high - low):
            return ""
        return f"{format_number(number)} (trained on {format_number(low)} to {format_number(high)})"


def describe_data(problem: Problem, training: pd.DataFrame, others: pd.DataFrame, model: Any = None) -> TrainingData:
    """Return a description of the training rows: the ranges of their features, and example rows.

    Parameters
    ----------
    problem : Problem
        The problem.
    training : DataFrame
        The training rows.
    others : DataFrame
        Rows that were not used for training. Some of them become the example rows.
    model : scikit-learn estimator, optional
        The fitted model. If it is given, the distributions of the features and predictions are described, too.
    """
    columns = problem.feature_columns
    names = [column.name for column in columns]
    ranged = training[[column.name for column in columns if column.kind in ("number", "date")]]
    # For 10,000 columns, processing one column at a time would take seconds.
    low, high, gaps = ranged.min(), ranged.max(), dict(ranged.isna().any().items())
    examples = others.head(EXAMPLES)
    return TrainingData(
        columns=tuple(names),
        minimum=tuple(write_value(column, low.get(column.name)) for column in columns),
        maximum=tuple(write_value(column, high.get(column.name)) for column in columns),
        rows=tuple(_write_row(columns, row) for row in zip(*(examples[name] for name in names), strict=True)),
        actual=tuple(_write_example(problem.target, value) for value in examples[problem.target.name]),
        seen=tuple(_list_seen(column, training) for column in columns),
        gaps=tuple(bool(gaps[name] if name in gaps else training[name].hasnans) for name in names),
        bins=() if model is None else describe_bins(problem, training, model),
    )


def write_training_data(described: TrainingData, folder: Path) -> None:
    """Write the description of a model's training data as ``training_data.json`` to the folder of the model's files."""
    content = msgspec.json.format(msgspec.json.encode(asdict(described)), indent=1)
    write_atomically(folder / TRAINING_DATA, content + b"\n")


def read_training_data(folder: Path) -> TrainingData:
    """Read the description of a model's training data. The result is empty if there is no ``training_data.json``."""
    path = folder / TRAINING_DATA
    return read_record(path, TrainingData) if path.is_file() else TrainingData()


def _list_seen(column: Column, training: pd.DataFrame) -> tuple[str | bool, ...]:
    if column.kind not in ("category", "boolean"):
        return ()
    found = training[column.name].dropna().unique()
    if len(found) > MOST_SEEN:
        return ()
    return tuple(sorted(map(bool, found))) if column.kind == "boolean" else tuple(sorted(map(str, found)))


def _write_row(columns: Sequence[Column], row: Sequence[object]) -> tuple[Value, ...]:
    return tuple(_write_example(column, value) for column, value in zip(columns, row, strict=True))


def _write_example(column: Column, value: object) -> Value:
    written = write_value(column, value)
    if not isinstance(written, float) or written.is_integer():
        return written
    low, high = column.range
    rounded = float(f"{written:.{DIGITS}g}")
    return rounded if low <= rounded <= high else written  # the service would refuse a row outside the range


def _is_day_near(day: str, low: str, high: str) -> bool:
    try:
        found, first, last = map(date.fromisoformat, (day, low, high))
    except ValueError:
        return False
    return timedelta(0) <= min(found - first, last - found) + (last - first)


def _show(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _list_values(values: Sequence[str | bool]) -> str:
    shown = [_show(value) for value in values[:MOST_SHOWN]]
    hidden = len(values) - len(shown)
    return ", ".join(shown) + (f" and {hidden} more" if hidden else "")

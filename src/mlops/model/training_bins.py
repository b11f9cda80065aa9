"""The distributions of training data and predictions. A service compares its requests and predictions with them."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.data.profile import choose_edges
from mlops.problem import Column, Problem
from mlops.problem.scoring import predict_rows
from mlops.serving.metrics.bins import PREDICTION, ColumnBins, write_text

BINS = 10  # the usual number for a population stability index
MOST_ROWS = 50_000  # enough for shares of 10 %, and predicted within a second
MOST_COLUMNS = 50  # each column has up to 28 time series in Prometheus
MOST_VALUES = 20  # values of a category that have a bin of their own
FEWEST = 10  # rows with such a value, so that no bin describes a single person


def describe_bins(problem: Problem, training: pd.DataFrame, model: Any) -> tuple[ColumnBins, ...]:
    """Return the distributions of the features in training rows, and of the predictions for these rows.

    Ids are left out. If there are many rows or features, only some of them are described.
    """
    rows = training.iloc[:: -(-len(training) // MOST_ROWS)] if len(training) else training
    features = [column for column in problem.feature_columns if column.kind != "id"][:MOST_COLUMNS]
    described = [_describe(column.name, _convert(column, rows[column.name]), column.kind) for column in features]
    predicted = predict_rows(problem, model, rows)
    if predicted.ndim == 2:
        classes = np.array(problem.classes, dtype=object)
        return (*described, _describe(PREDICTION, classes[predicted.argmax(axis=1)], "category"))
    return (*described, _describe(PREDICTION, predicted, "number"))


def _describe(name: str, values: NDArray[Any], kind: str) -> ColumnBins:
    if kind in ("number", "date"):
        numbers = values.astype("datetime64[D]").astype(np.float64) if kind == "date" else values.astype(np.float64)
        if kind == "date":
            numbers[np.isnat(values)] = np.nan
        bins = ColumnBins(name, kind, edges=choose_edges(pd.Series(numbers), BINS))  # type: ignore[arg-type]
    else:
        found = pd.Series([write_text(value) for value in values.tolist()], dtype=object).value_counts()
        bins = ColumnBins(name, "text", values=tuple(map(str, found[found >= FEWEST].index[:MOST_VALUES])))
    return ColumnBins(name, bins.kind, bins.edges, bins.values, tuple(bins.count(values).tolist()))


def _convert(column: Column, values: pd.Series) -> NDArray[Any]:
    if column.kind == "number":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.kind == "date":
        return values.to_numpy(dtype="datetime64[us]")
    return values.astype(object).where(values.notna(), None).to_numpy(dtype=object)

"""The rows on which a converted model is compared with the original."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops.image.runtimes.candidates import Original
from mlops.image.runtimes.tables import UNSEEN
from mlops.image.runtimes.thresholds import list_thresholds
from mlops.problem import Column
from mlops.problem.values import set_types

CHANGED = 50  # rows in which a value is replaced, for each column
MOST_THRESHOLDS = 5_000  # for each model; each is tried with three values
SAMPLED = 10_000
FAR = "with a number far outside of the data"
FAR_SPANS = 10.0  # how far, as a multiple of the range of the column
MOST_FAR = 500  # columns that are tried each on its own


@dataclass(frozen=True)
class Probe:
    """Rows of inputs on which predictions are compared.

    Parameters
    ----------
    title : str
        What is special about the rows, for messages.
    inputs : DataFrame
        The inputs of the model. Its index has, for each input row, the number of the row it was made from.
    """

    title: str
    inputs: pd.DataFrame


def list_probes(original: Original) -> Iterator[Probe]:
    """Return the rows on which the predictions of a model are compared."""
    problem = original.problem
    rows = original.rows
    rows = rows.iloc[:: -(-len(rows) // SAMPLED)].reset_index(drop=True)
    yield Probe("", original.prepare(rows))
    some = rows.iloc[:: -(-len(rows) // CHANGED)]
    for column in problem.feature_columns:
        for title, value in _list_special(column):
            changed = some.assign(**{column.name: pd.Series([value] * len(some), index=some.index, dtype=object)})
            yield Probe(f"{title} {column.name}", original.prepare(set_types(changed, problem.feature_columns)))
    numbers = [column for column in problem.feature_columns if column.kind == "number"]
    if numbers:
        yield Probe(FAR, original.prepare(_move_far(rows, some, numbers)))
    yield from _list_threshold_probes(original, original.prepare(some))


def _move_far(rows: pd.DataFrame, some: pd.DataFrame, numbers: list[Column]) -> pd.DataFrame:
    """Return rows with numbers far outside of their range: of one column in each row, and of all columns in two rows.

    A model or a problem that limits its predictions, for example to positive numbers, may not do so for any other row.
    """
    chosen = numbers[:: -(-len(numbers) // MOST_FAR)]
    moved = some.iloc[np.arange(2 * len(chosen) + 2) % len(some)]
    values = {}
    for column in numbers:
        values[column.name] = moved[column.name].to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        values[column.name][-2:] = _find_far(rows[column.name], column)
    for place, column in enumerate(chosen):
        values[column.name][2 * place : 2 * place + 2] = values[column.name][-2:]
    return moved.assign(**values)


def _find_far(values: pd.Series, column: Column) -> tuple[float, float]:
    low, high = (float(found) for found in (values.min(), values.max()))
    if not np.isfinite(high - low):  # there are no values
        low, high = 0.0, 0.0
    apart = FAR_SPANS * (high - low or 1.0)
    least, most = -np.inf, np.inf
    if column.checked_in_service:  # the service refuses other numbers
        least = least if column.minimum is None else float(str(column.minimum))
        most = most if column.maximum is None else float(str(column.maximum))
    return max(low - apart, least), min(high + apart, most)


def _list_special(column: Column) -> Iterator[tuple[str, object]]:
    if column.max_missing > 0:
        yield "without", None
    if column.kind == "category" and not column.allowed:
        yield "with an unknown", UNSEEN


def _list_threshold_probes(original: Original, inputs: pd.DataFrame) -> Iterator[Probe]:
    found = list_thresholds(original.estimator, inputs)
    total = sum(len(values) for values in found.values())
    for name, values in found.items():
        kept = values[:: -(-total // MOST_THRESHOLDS)]
        tried = np.concatenate([np.nextafter(kept, -np.inf), kept, np.nextafter(kept, np.inf)])
        repeated = inputs.iloc[np.arange(len(tried)) % len(inputs)]
        yield Probe(f"at a threshold of {name}", repeated.assign(**{name: tried}))

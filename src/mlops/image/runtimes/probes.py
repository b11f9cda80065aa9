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
    yield from _list_threshold_probes(original, original.prepare(some))


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

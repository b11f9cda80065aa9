"""The data test: how often it raises a false alarm, and how often it finds a change of one column."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from drawn_tables import CHANGED, FAMILIES, Change, count_alarms, exchange, set_some, shift, widen

from simulations.cases import Case
from simulations.corrections import list_corrections

# The number of rounds by rows of the reference and of the table.
ROUNDS = {
    (442, 60): 2000,
    (442, 442): 2000,
    (442, 100_000): 1000,
    (100_000, 60): 1000,
    (100_000, 442): 1000,
    (100_000, 100_000): 100,
}
# Some columns of mixed tables.
COLUMNS: dict[str, Sequence[int]] = {
    "one normal column": (0,),
    "one date": (5,),
    "one category of 3 values": (7,),
    "one category of hundreds of values": (9,),
    "20 mixed columns": range(20),
}
CHANGES: dict[str, tuple[Change, float]] = {
    "a shift of 0.3 standard deviations": (shift, 0.85),
    "a spread of 1.5": (widen, 0.8),
    "60 values set to 0": (set_some, 0.8),
    "20 missing values, none in the reference": (partial(set_some, count=20, value=np.nan), 0.8),
}
MIXED_CHANGES: dict[str, tuple[str, Change]] = {
    "30 % of the most frequent of 3 categories replaced by the rarest": (
        "x7",
        partial(exchange, share=0.3, of=0, to=2),
    ),
    "20 values set to a new category, 3 known": ("x7", partial(set_some, count=20, value=9)),
    "35 values set to a new category, hundreds known": ("x9", partial(set_some, count=35, value=9_000_000)),
    "60 values removed, 10 % missing in the reference": ("x6", partial(set_some, count=60, value=np.nan)),
}


def _list_false_alarms() -> Iterator[Case]:
    for (known, rows), rounds in ROUNDS.items():
        for family in FAMILIES:
            simulate = partial(count_alarms, family=family, known=known, rows=rows)
            name = f"{family} columns, {rows:,} rows, reference of {known:,} rows"
            yield Case("false-alarms", name, rounds, simulate, most=0.05)
    for name, columns in COLUMNS.items():
        simulate = partial(count_alarms, family="mixed", known=442, rows=60, columns=columns)
        yield Case("false-alarms", f"{name}, 60 rows, reference of 442 rows", 2000, simulate, most=0.05)


def _list_found_changes() -> Iterator[Case]:
    for family in ("normal", "correlated"):
        for name, (change, least) in CHANGES.items():
            yield _find_change(f"{name}, {family} columns", family, CHANGED, change, least)
    for name, (column, change) in MIXED_CHANGES.items():
        yield _find_change(f"{name}, mixed columns", "mixed", column, change, 0.8)


def _find_change(name: str, family: str, column: str, change: Change, least: float) -> Case:
    simulate = partial(count_alarms, family=family, known=442, rows=442, change=change, changed=column)
    return Case("found-changes", name, 2000, simulate, least=least)


CASES = (*_list_false_alarms(), *_list_found_changes(), *list_corrections())

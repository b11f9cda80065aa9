"""The data test: how often it raises a false alarm, and how often it finds a change of one column."""

from collections.abc import Iterator, Sequence
from functools import partial
from unittest.mock import patch

import numpy as np
from drawn_tables import CHANGED, FAMILIES, RARE, Change, count_alarms, exchange, replace_all, set_some, shift, widen

from mlops.data.evidence import categories
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
# Categories whose values are equally frequent: the number of rounds by family, rows of the reference, and rows.
EQUAL = {
    ("300 equal categories", 442, 442): 2000,
    ("300 equal categories", 10_000, 10_000): 1000,
    ("20,000 equal categories", 442, 442): 2000,
    ("20,000 equal categories", 100_000, 442): 1000,
    ("20,000 equal categories", 100_000, 10_000): 1000,
}
CHANGES: dict[str, tuple[Change, float]] = {
    "a shift of 0.3 standard deviations": (shift, 0.85),
    "a spread of 1.5": (widen, 0.8),
    "60 values set to 0": (set_some, 0.8),
    "20 missing values, none in the reference": (partial(set_some, count=20, value=np.nan), 0.8),
}
# Changes of columns of few values, by family.
FEW_CHANGES: dict[str, tuple[str, Change]] = {
    "each 1 replaced by 0.9": ("two-valued", partial(exchange, share=1, of=1, to=0.9)),
    "20 values set to 0.5": ("two-valued", partial(set_some, count=20, value=0.5)),
    "20 values 1 % larger": ("constant", partial(set_some, count=20, value=5.05)),
}
MIXED_CHANGES: dict[str, tuple[str, Change]] = {
    "30 % of the most frequent of 3 categories replaced by the rarest": (
        "x7",
        partial(exchange, share=0.3, of=0, to=2),
    ),
    "20 values set to a new category, 3 known": ("x7", partial(set_some, count=20, value=9)),
    "20 values set to a new category, hundreds known": ("x9", partial(set_some, count=20, value=9_000_000)),
    "60 values removed, 10 % missing in the reference": ("x6", partial(set_some, count=60, value=np.nan)),
}


def count_alarms_alone(rng: np.random.Generator, rounds: int) -> int:
    """Count the false alarms of 300 equal categories if each listed one were compared alone, however rare it is."""
    with patch.object(categories, "CLEARLY", -np.inf):
        return count_alarms(rng, rounds, "300 equal categories", 10_000, 10_000, columns=(0,))


def _list_false_alarms() -> Iterator[Case]:
    for (known, rows), rounds in ROUNDS.items():
        for family in FAMILIES:
            simulate = partial(count_alarms, family=family, known=known, rows=rows)
            name = f"{family} columns, {rows:,} rows, reference of {known:,} rows"
            yield Case("false-alarms", name, rounds, simulate, most=0.05)
    for name, columns in COLUMNS.items():
        simulate = partial(count_alarms, family="mixed", known=442, rows=60, columns=columns)
        yield Case("false-alarms", f"{name}, 60 rows, reference of 442 rows", 2000, simulate, most=0.05)
    for (family, known, rows), rounds in EQUAL.items():
        simulate = partial(count_alarms, family=family, known=known, rows=rows, columns=(0,))
        name = f"one column of {family}, {rows:,} rows, reference of {known:,} rows"
        yield Case("false-alarms", name, rounds, simulate, most=0.05)
    for family in RARE:
        for known in (442, 100_000):
            simulate = partial(count_alarms, family=family, known=known, rows=60)
            name = f"{family} columns, 60 rows, reference of {known:,} rows"
            yield Case("false-alarms", name, 2000, simulate, most=0.05)
    simulate = partial(count_alarms, family="repeated", known=442, rows=442)
    yield Case("false-alarms", "normal columns, each row 5 times, 442 rows, reference of 442 rows", 2000, simulate)
    name = "one column of 300 equal categories, each listed one compared alone, 10,000 rows, reference of 10,000 rows"
    yield Case("false-alarms", name, 1000, count_alarms_alone)


def _list_found_changes() -> Iterator[Case]:
    for family in ("normal", "correlated"):
        for name, (change, least) in CHANGES.items():
            yield _find_change(f"{name}, {family} columns", family, CHANGED, change, least)
    for name, (family, change) in FEW_CHANGES.items():
        yield _find_change(f"{name}, {family} columns", family, CHANGED, change, 0.8)
    for name, (column, change) in MIXED_CHANGES.items():
        yield _find_change(f"{name}, mixed columns", "mixed", column, change, 0.8)
    family = "20,000 equal categories"
    change = partial(set_some, count=20, value=9_000_000)
    yield _find_change("20 values set to a new category, each of the others once", family, CHANGED, change, 0.8)
    name, change = "40 values set to a new category", partial(set_some, count=40, value=9_000_000)
    yield _find_change(f"{name}, 20,000 known, reference of 100,000 rows", family, CHANGED, change, 0.8, 100_000)
    for count in (100, 300):
        name = f"all of {count} categories replaced by others"
        yield _find_change(name, f"{count} equal categories", CHANGED, replace_all, 0.0)


def _find_change(name: str, family: str, column: str, change: Change, least: float, known: int = 442) -> Case:
    simulate = partial(count_alarms, family=family, known=known, rows=442, change=change, changed=column)
    return Case("found-changes", name, 2000, simulate, least=least)


CASES = (*_list_false_alarms(), *_list_found_changes(), *list_corrections())

"""The data test: how often it raises a false alarm, and how often it finds a change of one of eleven columns."""

from collections.abc import Iterator
from functools import partial

from drawn_tables import FAMILIES, count_alarms, set_some, shift, widen

from simulations.cases import Case

# The number of rounds by rows of the reference and of the table.
ROUNDS = {
    (442, 60): 2000,
    (442, 442): 2000,
    (442, 100_000): 200,
    (100_000, 60): 1000,
    (100_000, 442): 1000,
    (100_000, 100_000): 100,
}
CHANGES = {
    "a shift of 0.3 standard deviations": (shift, 0.85),
    "a spread of 1.5": (widen, 0.8),
    "60 values set to 0": (set_some, 0.8),
}


def _list_false_alarms() -> Iterator[Case]:
    for (known, rows), rounds in ROUNDS.items():
        for family in FAMILIES:
            simulate = partial(count_alarms, family=family, known=known, rows=rows)
            name = f"{family} columns, {rows:,} rows, reference of {known:,} rows"
            yield Case("false-alarms", name, rounds, simulate, most=0.05)


def _list_found_changes() -> Iterator[Case]:
    for family in ("normal", "correlated"):
        for name, (change, least) in CHANGES.items():
            simulate = partial(count_alarms, family=family, known=442, rows=442, change=change)
            yield Case("found-changes", f"{name}, {family} columns", 2000, simulate, least=least)


CASES = (*_list_false_alarms(), *_list_found_changes())

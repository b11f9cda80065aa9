"""docs/statistics.md: each case has its row, and each row its case."""

import re
from itertools import groupby

import pytest

from simulations.__main__ import DOCUMENT, SECTIONS
from simulations.cases import Case, Rate
from simulations.tables import HEAD, format_row

CASES = [case for cases in SECTIONS.values() for case in cases]
TABLES = {table: list(cases) for table, cases in groupby(sorted(CASES, key=lambda case: case.table), lambda c: c.table)}
FOUND = dict(re.findall(r"<!-- simulated: (\S+) -->\n\n(.*?)\n\n<!-- end -->", DOCUMENT.read_text("utf-8"), re.DOTALL))


def list_possible_rows(case: Case, row: str) -> set[str]:
    """Return the rows with the rate of this row: the rate is rounded, so several numbers of events have it."""
    share = re.search(r"\| ([\d.]+) % \|", row)
    events = round(float(share[1]) / 100 * case.rounds) if share else 0
    return {format_row(Rate(case, near)) for near in range(max(events - 3, 0), min(events + 3, case.rounds) + 1)}


def test_each_table_belongs_to_cases() -> None:
    assert sorted(FOUND) == sorted(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_each_row_is_that_of_a_case(table: str) -> None:
    """The rate may be any, but its name, rounds, interval and goal are those of the case with this rate."""
    assert FOUND[table].startswith(HEAD)
    rows = FOUND[table].removeprefix(HEAD).splitlines()
    cases = TABLES[table]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [case.name for case in cases]
    wrong = [row for row, case in zip(rows, cases, strict=True) if row not in list_possible_rows(case, row)]
    assert not wrong, wrong


def test_no_goal_is_missed() -> None:
    assert "**missed" not in "".join(FOUND.values())

"""The scan of a table, which collects its profile and all the facts that the data test checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mlops.data.batches import Batches, Layout, open_batches
from mlops.data.content import open_content
from mlops.data.kinds.column import OtherColumn, conclude_column
from mlops.data.kinds.conversion import list_texts
from mlops.data.kinds.counts import CountProfile
from mlops.data.kinds.reference import list_expected
from mlops.data.kinds.scan import ValuePlan, find_id
from mlops.data.profile import ColumnProfile, Profile, advise_profile, find_repeated
from mlops.data.rows import RowsScan, ScanPlan, count_copies, find_repeats, scan_rows
from mlops.data.totals import ColumnTotals
from mlops.errors import UsageError
from mlops.problem import Column

HEAD = 3  # the number of first rows that the result contains
MEASURES = ("count", "mean", "std", "min", "max")
TESTED = ("date", "category", "boolean")  # besides numbers, the kinds that are tested for drift

Repeats = Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class TableScan:
    """The results of scanning a table.

    Parameters
    ----------
    rows : int
        The number of rows.
    names : tuple of str
        The names of the columns, in order. A name may occur more than once.
    numbers : mapping of str to ColumnTotals
        The totals of the columns of numbers. If the table has no rows, all columns count as columns of numbers.
    others : mapping of str to OtherColumn
        The declared columns whose values are not read as numbers.
    copies : int
        The number of rows that are equal to an earlier row in all declared columns, except ignored columns.
    head : DataFrame
        The first rows.
    unwatched : frozenset of str
        The declared columns that are not tested for drift.
    url, sha256 : str
        The location of the file, and the hash of its content.
    """

    rows: int
    names: tuple[str, ...]
    numbers: Mapping[str, ColumnTotals]
    others: Mapping[str, OtherColumn]
    copies: int
    head: pd.DataFrame
    unwatched: frozenset[str] = frozenset()
    url: str = ""
    sha256: str = ""

    @property
    def measured(self) -> list[str]:
        """The names of the columns that were scanned, in the order of the table."""
        return [name for name in dict.fromkeys(self.names) if name in self.numbers or name in self.others]

    def select_profile(self, reference: Profile) -> dict[str, ColumnProfile | CountProfile]:
        """Return the profiles of the columns that are tested for drift and are also in the reference."""
        numbers = {name: column.profile for name, column in self.numbers.items()}
        others = {name: column.profile for name, column in self.others.items() if column.kind in TESTED}
        found = {**numbers, **others}
        return {name: found[name] for name in reference if name in found and name not in self.unwatched}

    def describe(self, names: Sequence[str]) -> pd.DataFrame:
        """Return a table with the count, mean, standard deviation, minimum and maximum of each column in `names`.

        If some of the columns are not numbers, the table also has the most frequent value and the percentage of missing
        values.
        """
        numbers = {name: _list_statistics(self.numbers[name]) for name in names if name in self.numbers}
        if len(numbers) == len(names):
            return pd.DataFrame(numbers.values(), index=list(names), columns=list(MEASURES))
        rounded = {name: (round(value, 9) for value in measures) for name, measures in numbers.items()}
        rows = [(*rounded[name], "") if name in numbers else self.others[name].describe() for name in names]
        table = pd.DataFrame(rows, index=list(names), columns=[*MEASURES, "most frequent"])
        missing = [(self.numbers.get(name) or self.others[name]).missing for name in names]
        table.insert(1, "missing %", [100 * number / max(self.rows, 1) for number in missing])
        return table


def scan_file(url: str, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a table, and return the results. The table is a CSV or Parquet file, or a folder of Parquet files.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec supports.
    columns : sequence of Column
        The declared columns, with their rules.
    reference : Profile
        The profile with the bin edges of each column.

    Raises
    ------
    IntegrityError
        If a file changes during the scan.
    UsageError
        If the file does not exist, or its content does not match the ending of its name.
    """
    with open_content(url) as content, open_batches(content, texts=list_texts(columns)) as batches:
        return replace(scan_batches(batches, columns, reference), url=url, sha256=content.sha256)


def plan_scan(layout: Layout, columns: Sequence[Column], reference: Profile) -> ScanPlan:
    """Return the plan for scanning a table with this `layout`. See `scan_file` for the other parameters.

    Raises
    ------
    UsageError
        If the kind of a column in the reference profile differs from its declared kind.
    """
    declared = {column.name: column for column in columns if column.role != "ignored"}
    ranges = {name: column.range for name, column in declared.items() if column.read_as == "number"}
    left_out = find_repeated(layout.names) | {column.name for column in columns if column.role == "ignored"}
    once = [name for name in layout.names if name not in left_out]
    read = [name for name in once if name in ranges or name not in declared]  # the columns to read as numbers
    edges = {name: _find_edges(reference, name) for name in read if name in layout.numbers or not layout.rows}
    others = {name: _plan_values(declared[name], reference) for name in once if name in declared and name not in edges}
    _require_same_kinds(declared, reference)
    return ScanPlan(edges, ranges, others, frozenset(name for name in declared if not declared[name].watch_drift))


def conclude_scan(
    layout: Layout, plan: ScanPlan, found: RowsScan, copies: int, repeats: Repeats, head: pd.DataFrame
) -> TableScan:
    """Return the result of a scan.

    Parameters
    ----------
    layout : Layout
        The columns and the number of rows.
    plan : ScanPlan
        The plan of the scan.
    found : RowsScan
        The results of scanning all rows.
    copies : int
        The number of rows that are equal to an earlier row.
    repeats : mapping of str to pair of int and str
        For each column whose values must be unique, how many values repeat an earlier value, and an example of a
        repeated value.
    head : DataFrame
        The first rows.
    """
    others = {
        name: conclude_column(plan.others[name].kind, layout.name_kind(name), other, *repeats.get(name, (0, "")))
        for name, other in found.others.items()
    }
    names = tuple(layout.names)
    return TableScan(layout.rows, names, found.totals.finish(), others, copies, head, plan.unwatched)


def scan_batches(batches: Batches, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a table that is read in batches, and return the results. See `scan_file` for the other parameters."""
    plan = plan_scan(batches, columns, reference)
    found = scan_rows(batches, plan)
    repeats = {name: _find_repeats(batches, name, found) for name in plan.unique}
    return conclude_scan(batches, plan, found, count_copies(found.hashes), repeats, batches.read_head(HEAD))


def _find_repeats(batches: Batches, name: str, found: RowsScan) -> tuple[int, str]:
    count, smallest = find_repeats(found.others[name].ids)
    return count, find_id(batches.read_values(name), smallest) if count else ""


def _find_edges(reference: Profile, name: str) -> tuple[float, ...]:
    column = reference.get(name)
    return column.edges if isinstance(column, ColumnProfile) else ()


def _plan_values(column: Column, reference: Profile) -> ValuePlan:
    kind, known = column.read_as, reference.get(column.name)
    counted = known.values if isinstance(known, CountProfile) else {}
    return ValuePlan(
        kind=kind,
        is_unique=column.role == "id",
        allowed=frozenset(column.allowed),
        kept=frozenset((*list_expected(column, kind), *counted)),
        edges=_find_edges(reference, column.name),
        range=column.range,
    )


def _require_same_kinds(declared: Mapping[str, Column], reference: Profile) -> None:
    for name, column in declared.items():
        known = reference[name].kind if name in reference else ""
        if known and known != column.kind and column.role != "id":
            raise UsageError(
                f"The reference profile has the kind {known!r} for the column {name}, but the problem declares "
                f"{column.kind!r}. {advise_profile()}"
            )


def _list_statistics(column: ColumnTotals) -> tuple[float, ...]:
    known = column.profile
    infinite = not np.isfinite([column.lowest, column.highest, known.squares]).all()
    count = known.count + known.nulls - column.missing
    if infinite or not known.count:
        nothing = column.lowest > column.highest
        return (count, np.nan, np.nan, *((np.nan, np.nan) if nothing else (column.lowest, column.highest)))
    deviation = (known.squares / (count - 1)) ** 0.5 if count > 1 else np.nan
    return (count, known.mean, deviation, column.lowest, column.highest)

"""The scan of a table, which collects its profile and everything that the data test checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mlops.data.batches import Batches, FrameBatches, Layout, open_batches
from mlops.data.content import open_content
from mlops.data.profile import ColumnProfile, Profile, find_repeated
from mlops.data.rows import OtherTotals, RowsScan, ScanPlan, count_copies, scan_rows
from mlops.data.totals import ColumnTotals
from mlops.problem import Column

HEAD = 3  # number of first rows to keep


@dataclass(frozen=True)
class OtherColumn:
    """A column whose values are not numbers.

    Parameters
    ----------
    kind : str
        The name that pandas has for the type of the values.
    example : str
        One of the values.
    missing, first_missing : int
        The number of missing values, and the row of the first missing value, counted from 0.
    refused : int
        The number of values that are not allowed.
    first_refused : str
        The first value that is not allowed; empty if there is none.
    """

    kind: str
    example: str
    missing: int
    first_missing: int
    refused: int = 0
    first_refused: str = ""


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
        The number of rows that equal an earlier row in all declared numbers and categories.
    head : DataFrame
        The first rows.
    url, sha256 : str
        The location of the file, and the hash of its content.
    """

    rows: int
    names: tuple[str, ...]
    numbers: Mapping[str, ColumnTotals]
    others: Mapping[str, OtherColumn]
    copies: int
    head: pd.DataFrame
    url: str = ""
    sha256: str = ""

    def select_profile(self, reference: Profile) -> dict[str, ColumnProfile]:
        """Return the profile of those columns of the table that are also in the reference."""
        return {name: self.numbers[name].profile for name in reference if name in self.numbers}

    def describe(self, names: Sequence[str]) -> pd.DataFrame:
        """Return the number of values, mean, standard deviation, minimum and maximum of columns of numbers."""
        rows = [_describe_column(self.numbers[name]) for name in names]
        return pd.DataFrame(rows, index=list(names), columns=["count", "mean", "std", "min", "max"])


def scan_file(url: str, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a CSV or Parquet file, or a folder of Parquet files as one table.

    Parquet is read in batches, so that it can be larger than the memory. A CSV file is read as a whole.

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
    with open_content(url) as content, open_batches(content) as batches:
        return replace(scan_batches(batches, columns, reference), url=url, sha256=content.sha256)


def scan_frame(frame: pd.DataFrame, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a table that is in memory. The other parameters are those of `scan_file`."""
    return scan_batches(FrameBatches(frame), columns, reference)


def plan_scan(layout: Layout, columns: Sequence[Column], reference: Profile) -> ScanPlan:
    """Return the plan for the scan of a table. The other parameters are those of `scan_file`."""
    declared = {column.name: column for column in columns if column.role != "ignored"}
    ranges = {name: column.range for name, column in declared.items() if column.kind == "number"}
    repeated = find_repeated(layout.names)
    once = [name for name in layout.names if name not in repeated]
    read = [name for name in once if name in ranges or name not in declared]  # as numbers
    edges = {
        name: reference[name].edges if name in reference else ()
        for name in read
        if name in layout.numbers or not layout.rows
    }
    others = tuple(name for name in once if name in declared and name not in edges)
    allowed = {name: frozenset(declared[name].allowed) for name in others if declared[name].kind == "category"}
    return ScanPlan(edges, ranges, others, allowed)


def conclude_scan(layout: Layout, found: RowsScan, copies: int, head: pd.DataFrame) -> TableScan:
    """Return the result of a scan from what was found in all rows, the number of copies, and the first rows."""
    others = {name: _describe_other(layout.name_kind(name), other) for name, other in found.others.items()}
    return TableScan(layout.rows, tuple(layout.names), found.totals.finish(), others, copies, head)


def scan_batches(batches: Batches, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a table that is read in batches. The other parameters are those of `scan_file`."""
    found = scan_rows(batches, plan_scan(batches, columns, reference))
    return conclude_scan(batches, found, count_copies(found.hashes), batches.read_head(HEAD))


def _describe_column(column: ColumnTotals) -> tuple[float, ...]:
    """Return the number of values, mean, standard deviation, minimum and maximum of a column."""
    known = column.profile
    infinite = not np.isfinite([column.lowest, column.highest, known.squares]).all()
    count = known.count + known.nulls - column.missing
    if infinite or not known.count:
        nothing = column.lowest > column.highest
        return (count, np.nan, np.nan, *((np.nan, np.nan) if nothing else (column.lowest, column.highest)))
    deviation = (known.squares / (count - 1)) ** 0.5 if count > 1 else np.nan
    return (count, known.mean, deviation, column.lowest, column.highest)


def _describe_other(kind: str, found: OtherTotals) -> OtherColumn:
    example, refused = (found.example or found.first or ("",))[0], (found.first_refused or ("",))[0]
    return OtherColumn(kind, example, found.missing, found.first_missing, found.refused, refused)

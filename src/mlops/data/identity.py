"""The lookup of a table's rows among the rows that a model was trained on."""

# Two rows are the same if all their numbers agree to five digits, and if all other values are equal. Missing values are
# equal. Hashes of rows cannot be compared, because the digits of a row change when it is written in single precision or
# as text.
#
# Two rows that agree only roughly may be the same row, written with fewer digits. Two values agree roughly if they
# differ by at most 1 %, or if rounding to decimals or to one or two significant digits can explain their difference.

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mlops.data.blocks import hash_rows, list_blocks
from mlops.data.rounding import bound_coarseness, bound_rounding
from mlops.numbers import format_count
from mlops.problem import Column
from mlops.problem.split import write_texts

# How often do different rows agree roughly? Of 5,000 random rows with three normally distributed numbers, 0.06 % agreed
# with one of 20,000 other rows if the numbers had four decimals, 0.16 % with two decimals, and 33 % with one.
SAME = 1e-5  # relative difference; the error of six significant digits is up to 5e-6, of single precision 6e-8
ALIKE = 1e-2  # relative difference
# Floors, as shares of a column's mean magnitude. For values below a floor, differences are relative to the floor.
SAME_FLOOR = 1e-9  # for numbers that are zero apart from a rounding error
ALIKE_FLOOR = 1e-2  # for files with a fixed number of decimals, in which small values have few digits
MISSING = -1e6  # replaces a missing value; far from all numbers on the logarithmic scale
APART = 2.0  # distance between two different values of a column that is not numeric

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Familiarity:
    """The result of looking up the rows of a table among recorded rows, such as the training rows of a model.

    Parameters
    ----------
    seen : array of bool, shape (n,)
        True for each row that is among the recorded rows.
    unknown : array of bool, shape (n,)
        True for each uncertain row: it may be among the recorded rows.
    unavailable : int
        The number of tables of recorded rows that could not be read.
    """

    seen: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    unavailable: int = 0

    def __str__(self) -> str:
        said = (
            f"{int(self.unseen.sum()):,} of {len(self.seen):,} held-out rows are unseen. "
            f"Left out: {int(self.seen.sum()):,} seen, {int(self.unknown.sum()):,} that may have been seen."
        )
        return f"{said}\n{self.explanation}" if self.explanation else said

    @property
    def explanation(self) -> str:
        """A sentence that says how many rows are uncertain, and why. Empty if no row is uncertain."""
        unknown = int(self.unknown.sum())
        if not unknown:
            return ""
        if self.unavailable:
            reason = "the training rows of a model are unavailable. Restore them from a backup."
        else:
            each = "it" if unknown == 1 else "each"
            reason = f"{each} agrees with a training row except for rounding, and may be the same row."
        return f"{format_count(unknown, 'row')} {'is' if unknown == 1 else 'are'} left out because {reason}"

    @property
    def left_out(self) -> str:
        """Sentences that say how many rows are left out, and why. Empty if no row is left out."""
        seen = int(self.seen.sum())
        held, them = ("held-out row is", "it") if seen == 1 else ("held-out rows are", "them")
        trained = f"{seen:,} {held} left out because a model was trained on {them}." if seen else ""
        return f"{trained} {self.explanation}".strip()

    @property
    def unseen(self) -> NDArray[np.bool_]:
        """An array that is True for each row that is certainly not among the recorded rows."""
        return ~(self.seen | self.unknown)


def identify_rows(columns: Sequence[Column], rows: pd.DataFrame) -> pd.DataFrame:
    """Return the given columns of a table, with ids converted to text, so that ids are compared exactly."""
    table = rows[[column.name for column in columns]]
    for column in (column for column in columns if column.role == "id"):
        table[column.name] = _write_id(rows[column.name])  # `assign` refuses a column with the name "self"
    return table


def _write_id(values: pd.Series) -> pd.Series:
    return pd.Series(write_texts(values), values.index, "object").where(values.notna(), None)


def match_rows(rows: pd.DataFrame, recorded: Sequence[pd.DataFrame | None]) -> Familiarity:
    """Return which rows of a table are among recorded rows, such as the training rows of a model.

    Parameters
    ----------
    rows : DataFrame
        The rows to look up, with the columns to compare.
    recorded : sequence of DataFrame or None
        Tables of recorded rows; None for an unavailable table.
    """
    groups = _group_tables(rows.columns, recorded)
    unavailable = len(recorded) - sum(map(len, groups.values()))
    seen, alike = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for names, tables in groups.items():
        if len(rows) and any(map(len, tables)):
            columns = pd.Index(names)
            search = _Search(_select(rows, columns), [_select(table, columns) for table in tables if len(table)])
            found = search.find_alike()
            seen[found] |= search.find_same(found)
            alike |= found
    return Familiarity(seen, ~seen & (alike | (unavailable > 0)), unavailable)


def _group_tables(
    columns: pd.Index, recorded: Sequence[pd.DataFrame | None]
) -> dict[tuple[str, ...], list[pd.DataFrame]]:
    groups: dict[tuple[str, ...], list[pd.DataFrame]] = {}
    for table in recorded:
        shared = () if table is None else tuple(columns[columns.isin(table.columns)])
        if table is not None and shared:
            groups.setdefault(shared, []).append(table)
    return groups


def _select(table: pd.DataFrame, columns: pd.Index) -> pd.DataFrame:
    return table if table.columns.equals(columns) else table[list(columns)]


class _Search:
    # Values are converted to a logarithmic scale, on which a relative difference becomes a distance. The scale is
    # divided so that the tolerance of each column is a distance of 1. The distance between two rows is the largest
    # distance in any column. Tables are converted one at a time, because a converted table is as large as the original.

    def __init__(self, rows: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> None:
        numeric = np.array(
            [_are_numbers(kinds) for kinds in zip(*(t.dtypes for t in (rows, *tables)), strict=True)], dtype=bool
        )
        self._codes = _encode_as_numbers([table.loc[:, ~numeric] for table in (rows, *tables)])
        self._rows, *self._tables = (t if numeric.all() else t.loc[:, numeric] for t in (rows, *tables))
        self._sizes = _measure_mean_magnitudes(self._tables)

    def find_alike(self) -> NDArray[np.bool_]:
        """Return, for each row, whether it agrees roughly with a recorded row."""
        coarseness = (bound_coarseness(self._rows, table) for table in self._tables)
        tolerances = np.maximum.reduce([np.full(self._rows.shape[1], ALIKE), *coarseness])
        rounding = np.maximum.reduce([bound_rounding(self._rows, table) for table in self._tables])
        every = np.ones(len(self._rows), dtype=bool)
        return self._find(every, tolerances, np.maximum(rounding / tolerances, self._choose_units(ALIKE_FLOOR)))

    def find_same(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return, for each of the `chosen` rows, whether it is the same as a recorded row."""
        return self._find(chosen, np.full(self._rows.shape[1], SAME), self._choose_units(SAME_FLOOR))

    def _choose_units(self, floor: float) -> Numbers:
        return np.where(self._sizes > 0, floor * self._sizes, 1.0)

    def _find(self, chosen: NDArray[np.bool_], tolerances: Numbers, units: Numbers) -> NDArray[np.bool_]:
        found = np.zeros(int(chosen.sum()), dtype=bool)
        rows = self._to_log_scale(self._rows[chosen], self._codes[0][chosen], tolerances, units)
        for table, codes in zip(self._tables, self._codes[1:], strict=True):
            if not found.all():
                found[~found] = _find_within_one(rows[~found], self._to_log_scale(table, codes, tolerances, units))
        return found

    def _to_log_scale(self, table: pd.DataFrame, codes: Numbers, tolerances: Numbers, units: Numbers) -> Numbers:
        width = table.shape[1]
        scaled = np.empty((len(table), width + codes.shape[1]))
        for columns, numbers in list_blocks(table):
            scaled[:, columns] = _to_log_scale(numbers / units[columns]) / -np.log1p(-tolerances[columns])
        scaled[:, width:] = codes
        return scaled


def _find_within_one(rows: Numbers, known: Numbers) -> NDArray[np.bool_]:
    first = np.unique(hash_rows(known), return_index=True)[1]
    known = known[np.sort(first)] if len(first) < len(known) else known  # duplicates slow down the search
    # Without `balanced_tree`, building the tree takes a third of the time.
    tree = cKDTree(known, balanced_tree=False, compact_nodes=False)
    distances, _ = tree.query(rows, p=np.inf, distance_upper_bound=1 + 1e-9, workers=-1)
    return np.isfinite(distances)


def _are_numbers(kinds: Sequence[object]) -> bool:
    return all(map(pd.api.types.is_any_real_numeric_dtype, kinds))  # booleans do not count as numbers


def _encode_as_numbers(tables: Sequence[pd.DataFrame]) -> list[Numbers]:
    columns = zip(*(map(table.__getitem__, table) for table in tables), strict=True)
    codes = [pd.factorize(_join(column))[0] * APART for column in columns]
    ends = np.cumsum([len(table) for table in tables])
    together = np.array(codes, dtype=float).reshape(len(codes), ends[-1]).T
    return np.split(together, ends[:-1])


def _join(parts: Sequence[pd.Series]) -> pd.Series:
    joined = pd.concat(parts)
    return joined if joined.dtype.kind == "M" else joined.astype("object")  # dates as objects take ten times as long


def _measure_mean_magnitudes(tables: Sequence[pd.DataFrame]) -> Numbers:
    sums, counts = np.zeros(tables[0].shape[1]), np.zeros(tables[0].shape[1])
    for table in tables:
        for columns, numbers in list_blocks(table):
            finite = np.isfinite(numbers)
            sums[columns] += np.abs(numbers).sum(axis=0, where=finite)
            counts[columns] += finite.sum(axis=0)
    return sums / np.maximum(counts, 1)


def _to_log_scale(numbers: Numbers) -> Numbers:
    sizes = np.abs(numbers)
    scaled = np.sign(numbers) * np.where(sizes < 1, sizes, 1 + np.log(np.maximum(sizes, 1)))
    return np.nan_to_num(scaled, nan=MISSING, posinf=-2 * MISSING, neginf=2 * MISSING)

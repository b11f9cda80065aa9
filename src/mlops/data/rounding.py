"""The precision of the numbers of a table, estimated from their digits."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.data.blocks import list_blocks

COARSE = 2  # significant digits; three digits have an error of at most 5e-3, which is below `identity.ALIKE`
EXACT = 2e-7  # relative difference; single precision has an error of up to 6e-8
MOST_DECIMALS = 12  # more decimals would change no result
FIRST = 25  # rows that are checked first, because they rule out most candidates

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


def bound_rounding(rows: pd.DataFrame, known: pd.DataFrame) -> Numbers:
    """Return, for each column, how much the same number can differ between two tables because of rounding alone.

    Parameters
    ----------
    rows, known : DataFrame
        Tables of numbers with the same columns.
    """
    first, second = _find_last_decimal_places(rows), _find_last_decimal_places(known)
    return np.where(first == second, 0.0, (first + second) / 2)


def bound_coarseness(rows: pd.DataFrame, known: pd.DataFrame) -> Numbers:
    """Return, for each column, the largest relative difference that coarse rounding can cause between two tables.

    Coarse means 1 or 2 significant digits. The result is 0 if neither table seems to be rounded so coarsely.
    """
    digits = np.array([_count_significant_digits(rows), _count_significant_digits(known)])
    fewest = int(digits.max(axis=1).min()) if digits.size else 0
    finer = digits[0] != digits[1]
    more = finer & (digits.max(axis=0) > COARSE)
    rounded = more.any() and not (_are_columns_whole(rows.loc[:, more]) & _are_columns_whole(known.loc[:, more])).all()
    bound = 0.5 * 10.0 ** (1 - fewest) if rounded and 0 < fewest <= COARSE else 0.0
    return np.where(finer, bound, 0.0)


def _find_last_decimal_places(table: pd.DataFrame) -> Numbers:
    places = np.zeros(table.shape[1])
    for columns, numbers in list_blocks(table):
        decimals = _find_first(numbers, range(MOST_DECIMALS + 1), _has_at_most_decimals)
        places[columns] = np.where(decimals < 0, 0.0, 10.0 ** -decimals.astype(float))
    return places


def _count_significant_digits(table: pd.DataFrame) -> NDArray[np.int64]:
    digits = np.zeros(table.shape[1], dtype="int64")
    for columns, numbers in list_blocks(table):
        found = _find_first(numbers, range(1, COARSE + 1), _has_at_most_digits)
        empty = ~(np.isfinite(numbers) & (numbers != 0)).any(axis=0)
        digits[columns] = np.where(empty, 0, np.where(found < 0, COARSE + 1, found))
    return digits


def _are_columns_whole(table: pd.DataFrame) -> Flags:
    parts = [(~np.isfinite(numbers) | (numbers == np.round(numbers))).all(axis=0) for _, numbers in list_blocks(table)]
    return np.concatenate(parts)


def _find_first(numbers: Numbers, candidates: range, test: Callable[[Numbers, int], Flags]) -> NDArray[np.int64]:
    found = np.full(numbers.shape[1], -1)
    for candidate in candidates:
        pending = np.flatnonzero(found < 0)
        likely = pending[test(numbers[:FIRST, pending], candidate).all(axis=0)]
        found[likely[test(numbers[:, likely], candidate).all(axis=0)]] = candidate
    return found


@np.errstate(divide="ignore", invalid="ignore")
def _has_at_most_digits(numbers: Numbers, most: int) -> Flags:
    units = 10.0 ** (np.floor(np.log10(np.abs(numbers))) + 1 - most)
    near = np.abs(numbers - np.round(numbers / units) * units) <= EXACT * np.abs(numbers)
    return near | (numbers == 0) | ~np.isfinite(numbers)


@np.errstate(invalid="ignore")
def _has_at_most_decimals(numbers: Numbers, most: int) -> Flags:
    return (np.abs(numbers - np.round(numbers, most)) <= EXACT * np.abs(numbers)) | ~np.isfinite(numbers)

"""The rounding of a file, estimated from the digits of its values."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.data.blocks import list_blocks

COARSE = 2  # significant digits; with three, errors are at most 5e-3, less than `identity.ALIKE`
EXACT = 2e-7  # relative difference; single precision has an error of up to 6e-8
MOST_DECIMALS = 12  # more decimals would change no result
FIRST = 25  # this many rows are checked first, because they rule out most candidates

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


def bound_rounding(rows: pd.DataFrame, known: pd.DataFrame) -> Numbers:
    """Return, for each column, the largest difference between two numbers that were equal before they were rounded.

    One number is rounded to the decimals of the column in `rows`, the other to its decimals in `known`.

    Parameters
    ----------
    rows, known : DataFrame
        Tables of numbers with the same columns.
    """
    first, second = _find_last_places(rows), _find_last_places(known)
    return np.where(first == second, 0.0, (first + second) / 2)


def bound_coarseness(rows: pd.DataFrame, known: pd.DataFrame) -> Numbers:
    """Return, for each column, the largest relative difference that rounding to one or two digits can cause.

    Digits are significant digits. The result is 0 if neither table seems to be rounded to one or two digits.
    """
    digits = np.array([_count_digits(rows), _count_digits(known)])
    fewest = int(digits.max(axis=1).min()) if digits.size else 0
    finer = digits[0] != digits[1]
    more = finer & (digits.max(axis=0) > COARSE)
    rounded = more.any() and not (_are_whole(rows.loc[:, more]) & _are_whole(known.loc[:, more])).all()
    bound = 0.5 * 10.0 ** (1 - fewest) if rounded and 0 < fewest <= COARSE else 0.0
    return np.where(finer, bound, 0.0)


def _find_last_places(table: pd.DataFrame) -> Numbers:
    """Return the value of the last decimal place of each column: 0.01 if its numbers have two decimals.

    Return 0 for a column with more than `MOST_DECIMALS` decimals.
    """
    places = np.zeros(table.shape[1])
    for columns, numbers in list_blocks(table):
        decimals = _find_fewest(numbers, range(MOST_DECIMALS + 1), _has_decimals)
        places[columns] = np.where(decimals < 0, 0.0, 10.0 ** -decimals.astype(float))
    return places


def _count_digits(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the largest number of significant digits in each column, at most `COARSE` + 1, or 0 without values."""
    digits = np.zeros(table.shape[1], dtype="int64")
    for columns, numbers in list_blocks(table):
        found = _find_fewest(numbers, range(1, COARSE + 1), _has_digits)
        empty = ~(np.isfinite(numbers) & (numbers != 0)).any(axis=0)
        digits[columns] = np.where(empty, 0, np.where(found < 0, COARSE + 1, found))
    return digits


def _are_whole(table: pd.DataFrame) -> Flags:
    """Return, for each column, whether all its numbers are integers."""
    parts = [(~np.isfinite(numbers) | (numbers == np.round(numbers))).all(axis=0) for _, numbers in list_blocks(table)]
    return np.concatenate(parts)


def _find_fewest(numbers: Numbers, candidates: range, test: Callable[[Numbers, int], Flags]) -> NDArray[np.int64]:
    """Return, for each column, the first candidate for which `test` is true of all values, or -1 if there is none."""
    found = np.full(numbers.shape[1], -1)
    for candidate in candidates:
        pending = np.flatnonzero(found < 0)
        likely = pending[test(numbers[:FIRST, pending], candidate).all(axis=0)]
        found[likely[test(numbers[:, likely], candidate).all(axis=0)]] = candidate
    return found


@np.errstate(divide="ignore", invalid="ignore")
def _has_digits(numbers: Numbers, most: int) -> Flags:
    """Return, for each value, whether it has at most `most` significant digits. True for zeros and missing values."""
    units = 10.0 ** (np.floor(np.log10(np.abs(numbers))) + 1 - most)
    near = np.abs(numbers - np.round(numbers / units) * units) <= EXACT * np.abs(numbers)
    return near | (numbers == 0) | ~np.isfinite(numbers)


@np.errstate(invalid="ignore")
def _has_decimals(numbers: Numbers, most: int) -> Flags:
    """Return, for each value, whether it has at most `most` decimals. True for missing values."""
    return (np.abs(numbers - np.round(numbers, most)) <= EXACT * np.abs(numbers)) | ~np.isfinite(numbers)

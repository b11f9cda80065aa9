"""The rounding of a file: estimates from the digits of its values how far they may be from the original values."""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COARSE = 2  # significant digits; with three, errors are at most 5e-3, less than `identity.ALIKE`
EXACT = 2e-7  # relative difference; single precision has an error of up to 6e-8
MOST_DECIMALS = 12  # more decimals do not change any result


def bound_rounding(values: pd.Series, known: pd.Series) -> float:
    """Return the largest difference that rounding can cause between two columns that had the same numbers originally.

    The result is 0 if both columns have the same number of decimals, because both then round a number to the same
    value.
    """
    first, second = _find_last_place(values), _find_last_place(known)
    return 0.0 if first == second else (first + second) / 2


def _find_last_place(values: pd.Series) -> float:
    """Return the value of the last decimal place in a column: 0.01 if no number has more than two decimals.

    Return 0 if the column is not numeric or has more than `MOST_DECIMALS` decimals.
    """
    if not pd.api.types.is_numeric_dtype(values):
        return 0.0
    numbers = list_finite(values)
    places = range(MOST_DECIMALS + 1)
    # The first hundred numbers are checked before all others, because they rule out most candidates.
    decimals = next((n for n in places if _has_decimals(numbers[:100], n) and _has_decimals(numbers, n)), None)
    return 0.0 if decimals is None else float(10.0**-decimals)


def bound_coarseness(rows: pd.DataFrame, known: pd.DataFrame) -> Mapping[Hashable, float]:
    """Return the largest relative difference, by column, that rounding to one or two significant digits can cause.

    The result is empty unless all numbers of one table have at most two significant digits, and the other table has a
    column with decimals and more digits. Columns with the same number of digits in both tables are left out.
    """
    numeric = [name for name in rows.columns if all(map(pd.api.types.is_numeric_dtype, (rows[name], known[name])))]
    digits = {name: (_count_digits(rows[name]), _count_digits(known[name])) for name in numeric}
    fewest = min(map(max, zip(*digits.values(), strict=True)), default=0)
    finer = [name for name, (first, second) in digits.items() if first != second]
    rounded = any(max(digits[name]) > COARSE and not _is_whole(rows[name], known[name]) for name in finer)
    return dict.fromkeys(finer, float(0.5 * 10.0 ** (1 - fewest))) if rounded and 0 < fewest <= COARSE else {}


def _is_whole(*columns: pd.Series) -> bool:
    return all(bool((numbers == np.round(numbers)).all()) for numbers in map(list_finite, columns))


def _count_digits(values: pd.Series) -> int:
    """Return the largest number of significant digits in a column, counted up to `COARSE` + 1; 0 without numbers."""
    numbers = list_finite(values)
    numbers = numbers[numbers != 0]
    for digits in range(1, COARSE + 1):
        if _has_digits(numbers[:100], digits) and _has_digits(numbers, digits):
            return digits if len(numbers) else 0
    return COARSE + 1


def _has_digits(numbers: NDArray[np.float64], most: int) -> bool:
    units = 10.0 ** (np.floor(np.log10(np.abs(numbers))) + 1 - most)
    return bool((np.abs(numbers - np.round(numbers / units) * units) <= EXACT * np.abs(numbers)).all())


def _has_decimals(numbers: NDArray[np.float64], most: int) -> bool:
    return bool((np.abs(numbers - np.round(numbers, most)) <= EXACT * np.abs(numbers)).all())


def list_finite(values: pd.Series) -> NDArray[np.float64]:
    """Return the finite numbers of a column."""
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    return numbers[np.isfinite(numbers)]

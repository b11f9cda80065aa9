"""Numbers, formatted for display."""

import datetime
import math
from collections.abc import Collection

DIGITS = 3
ALL_DIGITS = 17  # with 17 significant digits, no two different floats look the same
LARGEST_WHOLE = 1e15  # larger floats are whole numbers only because they have no more digits


def format_number(value: object, digits: int = DIGITS) -> str:
    """Format a float with `digits` significant digits, and an integer with all its digits.

    Text is returned unchanged. Other values become a dash.

    Examples
    --------
    >>> [format_number(value) for value in (2974.871, 47.0627, 0.482899, 1.5e-7, 442)]
    ['2,970', '47.1', '0.483', '1.5e-07', '442']
    """
    if isinstance(value, str):
        return value or "–"
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if math.isinf(value):
        return f"{value}"
    rounded = float(f"{value:.{digits}g}") + 0.0  # -0.0 becomes 0.0
    if (rounded and abs(rounded) < 0.001) or abs(rounded) >= LARGEST_WHOLE:
        return f"{rounded:.{digits}g}"
    decimals = digits - 1 - math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{rounded:,.{max(0, decimals)}f}"


def format_value(value: object) -> str:
    """Format a value for a table: a boolean as "true" or "false", a date as "2024-01-31", others with `format_number`.

    Examples
    --------
    >>> [format_value(value) for value in (True, datetime.date(2024, 1, 31), "basic", None, 47.0627)]
    ['true', '2024-01-31', 'basic', '–', '47.1']
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.date) and value == value:
        text = value.isoformat()
        return text.removesuffix("T00:00:00")
    return format_number(value)


def format_count(number: int, noun: str) -> str:
    """Format a number of things, with their noun in the singular or the plural.

    Examples
    --------
    >>> format_count(1, "row"), format_count(1234, "row")
    ('1 row', '1,234 rows')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def format_confidence(share: float) -> str:
    """Format a confidence with four significant digits, or with more if four digits would round it up to 100%.

    Examples
    --------
    >>> format_confidence(0.9808612), format_confidence(0.9999504)
    ('98.09%', '99.995%')
    """
    percent = 100 * share
    digits = next((digits for digits in range(4, ALL_DIGITS) if float(f"{percent:.{digits}g}") < 100), ALL_DIGITS)
    return f"{percent:.{digits}g}%"


def format_pair(first: float, second: float) -> tuple[str, str]:
    """Format two numbers with three significant digits, or with more if three digits would hide their difference.

    Examples
    --------
    >>> format_pair(3184.1597, 3147.182), format_pair(3147.1831, 3147.182), format_pair(1.0, 0.4)
    (('3,180', '3,150'), ('3,147.183', '3,147.182'), ('1.0', '0.4'))
    """
    whole = f"{first}", f"{second}"
    candidates = range(DIGITS, ALL_DIGITS + 1)
    digits = next((n for n in candidates if float(f"{first:.{n}g}") != float(f"{second:.{n}g}")), DIGITS)
    rounded = _round(first, digits), _round(second, digits)
    return whole if len("".join(whole)) < len("".join(rounded).replace(",", "")) else rounded


def format_distinct(values: Collection[float]) -> list[str]:
    """Format numbers with three significant digits, or with as many as distinguish all of them.

    If all are whole numbers, they are shown as such.

    Examples
    --------
    >>> format_distinct([0.0, 1.0]), format_distinct([-0.044642, 0.05068]), format_distinct([1.50001, 1.50002])
    (['0', '1'], ['-0.0446', '0.0507'], ['1.50001', '1.50002'])
    """
    whole = all(float(value).is_integer() and abs(value) < LARGEST_WHOLE for value in values)
    count, shown = len({*values}), []
    for digits in range(DIGITS, ALL_DIGITS + 1):
        shown = [format_number(int(value) if whole else float(value), digits) for value in values]
        if len({*shown}) == count:
            break
    return shown


def _round(value: float, digits: int) -> str:
    return format_number(value, digits) if math.isfinite(value) else f"{value}"

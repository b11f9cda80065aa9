"""Numbers as people read them."""

import math
from datetime import date, datetime

import pandas as pd
import pytest

from mlops.numbers import format_confidence, format_count, format_number, format_pair, format_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2974.871, "2,970"),
        (999.9, "1,000"),
        (47.0627, "47.1"),
        (9.996, "10.0"),
        (0.482899, "0.483"),
        (-0.5, "-0.500"),
        (0.0123456, "0.0123"),
        (1.5e-7, "1.5e-07"),
        (0.0, "0"),
        (-0.0, "0"),
        (9.22e18, "9.22e+18"),
        (442, "442"),
        (1234567, "1,234,567"),
        (None, "–"),
        (True, "–"),
        (math.nan, "–"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        ("3", "3"),
        ("0.05x", "0.05x"),
        ("", "–"),
    ],
)
def test_a_number_has_three_significant_digits(value: object, shown: str) -> None:
    assert format_number(value) == shown


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        (3184.1597, 3147.182, ("3,180", "3,150")),
        (3147.1831, 3147.182, ("3,147.183", "3,147.182")),
        (3147.0, 3147.0000001, ("3147.0", "3147.0000001")),
        (0.1304, 0.13, ("0.1304", "0.13")),
        (0.4, 0.40004, ("0.4", "0.40004")),
        (1.0, 0.4, ("1.0", "0.4")),
        (441, 442, ("441", "442")),
        (442, 442.0004, ("442", "442.0004")),
        (0.1 + 0.2, 0.3, ("0.30000000000000004", "0.3")),
        (-1e-7, 1e-7, ("-1e-07", "1e-07")),
        (0.5, 0.5, ("0.5", "0.5")),
        (2974.871, 2974.871, ("2,970", "2,970")),
        (math.inf, 1.258, ("inf", "1.26")),
        (math.inf, 16.373706538666124, ("inf", "16.4")),
        (1 / 3, math.nan, ("0.333", "nan")),
        (math.inf, -math.inf, ("inf", "-inf")),
    ],
)
def test_two_numbers_have_the_digits_that_show_their_difference(
    first: float, second: float, shown: tuple[str, str]
) -> None:
    assert format_pair(first, second) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 rows"), (1, "1 row"), (1234, "1,234 rows")])
def test_a_count_agrees_with_its_noun(number: int, shown: str) -> None:
    assert format_count(number, "row") == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (False, "false"),
        (date(2024, 1, 31), "2024-01-31"),
        (pd.Timestamp("2024-01-31"), "2024-01-31"),
        (datetime(2024, 1, 31, 12, 30), "2024-01-31T12:30:00"),
        (pd.NaT, "–"),
        (None, "–"),
        ("basic", "basic"),
        (47.0627, "47.1"),
    ],
)
def test_a_value_of_any_kind_is_readable(value: object, shown: str) -> None:
    assert format_value(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.95, "95%"),
        (0.9808612, "98.09%"),
        (0.9999486, "99.99%"),
        (0.9999504, "99.995%"),
        (0.99999618, "99.9996%"),
        (1 - 1e-12, "99.9999999999%"),
        (0.0, "0%"),
    ],
)
def test_a_confidence_is_never_rounded_to_certainty(share: float, shown: str) -> None:
    assert format_confidence(share) == shown

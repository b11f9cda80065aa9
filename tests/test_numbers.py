"""Numbers as people read them."""

import math

import pytest

from mlops.numbers import format_number


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
        (442, "442"),
        (1234567, "1,234,567"),
        (None, "–"),
        (True, "–"),
        (math.nan, "–"),
        ("3", "–"),
    ],
)
def test_a_number_has_three_significant_digits(value: object, shown: str) -> None:
    assert format_number(value) == shown

"""Numbers, texts and scraps: what may differ."""

import math
from pathlib import Path

import pytest

from mlops.regression.values import (
    find_text_differences,
    find_value_differences,
    is_close,
    is_same_text,
    read_sanitizer,
)


@pytest.mark.parametrize(
    ("committed", "found", "tolerance", "close"),
    [
        (3075.260953642249, 3075.260953642250, 1e-6, True),
        (3075.26, 3075.27, 1e-6, False),
        (3075.26, 3075.27, 1e-5, True),  # the tolerance is relative above 1
        (0.048, 0.049, 0.001, True),  # the tolerance is absolute below 1
        (0.048, 0.0491, 0.001, False),
        (0.0, -0.0, 0, True),
        (442, 443, 0, False),
        (math.inf, 5, 0.01, False),
        (5, math.inf, 0.01, False),
        (math.inf, -math.inf, 0.01, False),
        (math.nan, 5, 0.01, False),
        (math.inf, math.inf, 0, True),
        (math.nan, math.nan, 0, True),
    ],
)
def test_a_tolerance_is_absolute_below_one_and_relative_above(
    committed: float, found: float, tolerance: float, close: bool
) -> None:
    assert is_close(committed, found, tolerance) is close


@pytest.mark.parametrize(
    ("committed", "found", "same"),
    [
        ("mse 3,075.26, r2 0.483.", "mse 3,075.27, r2 0.4829.", True),
        ("mse 3,075.26", "mse 3,175.26", False),
        ("10000 rows", "10001 rows", False),  # a count is exact, whatever the tolerance
        ("Ridge(alpha=0.4)", "Ridge(alpha=0.5)", False),
        ("Ridge(alpha=0.4)", "Lasso(alpha=0.4)", False),
        ("from -1.0 to 1.0", "from -1.0005 to 1.0", True),
        ("scipy 1.17.1", "scipy 1.17.2", False),
        ("scipy 1.17.1", "scipy 1.18.1", False),  # a version is not a number
        ("[5435.705, 3996.626]", "[5435.706, 3996.626]", True),
        ("0.5", "0.5 0.5", False),
    ],
)
def test_numbers_in_a_text_may_differ_and_words_and_counts_may_not(committed: str, found: str, same: bool) -> None:
    assert is_same_text(committed, found, 0.001) is same


def test_what_nbval_lets_pass_is_let_pass(project: Path) -> None:
    sanitizer = read_sanitizer(project / "notebooks" / "sanitize.cfg")
    assert len(sanitizer) == 6
    text = "{run} 2026-11-22T1{n}:00:00Z /tmp/{n}/models sha256:{digest} http://127.0.0.1:4000{n}\nwidth{blanks}1.0\n"
    first, second = (
        text.format(run=f"20261122-19075{n}-all-3fa51c2{n}", n=n, digest=f"{n}" * 64, blanks=" " * n) for n in (1, 2)
    )
    assert list(find_text_differences(first, second, 0.0, sanitizer)) == []
    assert len(list(find_text_differences(first, second, 0.0, ()))) == 1


def test_a_text_is_compared_line_by_line() -> None:
    found = find_text_differences("98 rows\npromoted\n", "97 rows\npromoted\nreally\n", 0.001, ())
    assert [str(difference) for difference in found] == [
        "line 1: '97 rows', committed '98 rows' (allowed: 0.001)",
        "line 3: 'really', committed nothing",
    ]


def test_a_scrap_is_compared_item_by_item() -> None:
    committed = {"mse": 3075.26, "columns": ["AGE", "SEX"], "promoted": True, "bound": None}
    found = {"mse": 3075.27, "columns": ["AGE", "BMI"], "promoted": 1, "bound": None}
    assert [str(one) for one in find_value_differences("scrap x", committed, found, 1e-6)] == [
        "scrap x.mse: 3,075.27, committed 3,075.26 (allowed: 1e-06)",
        "scrap x.columns[1]: 'BMI', committed 'SEX'",
        "scrap x.promoted: 1, committed True",
    ]

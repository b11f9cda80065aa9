"""Tables: read as a notebook shows them, and compared cell by cell."""

import numpy as np
import pandas as pd
import pytest
from shown import SCORES

from mlops.regression.grids import Grid, find_grid_differences, read_grids


def show(frame: pd.DataFrame) -> Grid:
    """Return a table as a notebook shows it."""
    (grid,) = read_grids(frame.to_html())
    return grid


def compare(committed: pd.DataFrame, found: pd.DataFrame, tolerance: float = 0.001) -> list[str]:
    """Return the differences of two tables."""
    return [str(one) for one in find_grid_differences(show(committed), show(found), tolerance, ())]


def test_a_cell_is_named_by_row_and_column() -> None:
    assert compare(SCORES, SCORES) == []
    assert compare(SCORES, SCORES.replace(3075.3, 3075.9)) == []
    assert compare(SCORES, SCORES.replace(3075.3, 3098.4)) == [
        "row holdout, column mse: 3098.4, committed 3075.3 (allowed: 0.001)"
    ]
    assert compare(SCORES, SCORES.replace(98, 97)) == ["row holdout, column rows: 97, committed 98 (allowed: 0.001)"]


def test_labels_must_be_the_same() -> None:
    assert compare(SCORES, SCORES.rename(columns={"mse": "mae"})) == ["columns: 2 (mae, rows), committed 2 (mse, rows)"]
    assert compare(SCORES, SCORES[:1]) == ["rows: 1 (training), committed 2 (training, holdout)"]
    assert compare(SCORES, SCORES.T) == ["columns: 2 (training, holdout), committed 2 (mse, rows)"]


def test_an_empty_table_is_not_one_with_rows() -> None:
    empty = pd.DataFrame(columns=["mse", "rows"])
    assert show(empty) == Grid(("mse", "rows"), (), ())
    assert compare(empty, SCORES) == ["rows: 2 (training, holdout), committed 0 ()"]


def test_labels_of_several_levels_are_joined() -> None:
    columns = pd.MultiIndex.from_product([["holdout", "training"], ["mse", "mae"]])
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    grid = show(pd.DataFrame(np.arange(12).reshape(3, 4) / 2, columns=columns, index=index))
    assert grid.columns == ("holdout / mse", "holdout / mae", "training / mse", "training / mae")
    assert grid.labels == ("a / 1", "a / 2", "b / 1")
    assert grid.rows[2] == ("4.0", "4.5", "5.0", "5.5")


def test_a_table_in_a_cell_is_a_table_of_its_own() -> None:
    inner = "<table><thead><tr><th>x</th></tr></thead><tr><td>3</td></tr></table>"
    outer = "<table><thead><tr><th></th><th>a</th><th>b</th></tr></thead>"
    whole, part = read_grids(f"{outer}<tr><th>r</th><td>1 {inner} m</td><td>2</td></tr></table> outside")
    assert whole == Grid(("a", "b"), ("r",), (("1  m", "2"),))
    assert part == Grid(("x",), ("0",), (("3",),))


def test_a_table_that_is_not_closed_ends_where_the_next_one_begins() -> None:
    first, second = read_grids("<table><tr><td>1</tr><table><tr><td>2</td></tr></table>")
    assert (first.rows, second.rows) == ((("1",),), (("2",),))


@pytest.mark.parametrize("span", ["0", "²", "x", "-1", ""])
def test_an_invalid_span_counts_as_one(span: str) -> None:
    (grid,) = read_grids(f'<table><tr><td colspan="{span}" rowspan="{span}">1</td><td>2</td></tr></table>')
    assert grid.rows == (("1", "2"),)

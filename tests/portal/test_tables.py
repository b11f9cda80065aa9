"""Tables in reports."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from mlops.portal.cleaning import clean_html
from mlops.portal.tables import align_tables


def list_classes(html: str) -> list[list[str]]:
    """Return the class of each cell, row by row."""
    page = BeautifulSoup(clean_html(html), "html.parser")
    return [[" ".join(cell.get_attribute_list("class")) for cell in row(["td", "th"])] for row in page("tr")]


def test_numbers_and_their_heads_are_marked_and_text_is_not() -> None:
    frame = pd.DataFrame(
        {"name": ["no key", "rows"], "seen": ["status 200", "4"], "mse": ["3,150", "–"], "p": [1e-7, 2]}
    )
    assert list_classes(frame.to_html()) == [["", "", "", "number", "number"]] * 3


def test_a_column_of_long_text_may_be_broken_anywhere() -> None:
    frame = pd.Series({"data_path": "/home/you/" + "x" * 60, "seed": "0"}, name="value").to_frame()
    with pd.option_context("display.max_colwidth", None):
        assert list_classes(frame.to_html()) == [["", "long"]] * 3


def test_columns_are_counted_from_the_right_beside_labels_that_span_rows() -> None:
    index = pd.MultiIndex.from_product([["a"], ["b", "c"]])
    frame = pd.DataFrame({"what": ["x", "y"], "n": [1, 2]}, index)
    assert list_classes(frame.to_html()) == [["", "", "", "number"], ["", "", "", "number"], ["", "", "number"]]


def test_a_cell_that_spans_rows_moves_no_column() -> None:
    html = (
        "<table><tr><th>a</th><th>n</th><th>text</th><th>m</th></tr>"
        "<tr><td>x</td><td rowspan=2>1</td><td>y</td><td rowspan=2>2</td></tr>"
        "<tr><td>3</td><td>z</td></tr></table>"
    )
    assert list_classes(html) == [["", "number", "", "number"], ["", "number", "", "number"], ["", ""]]


def test_a_table_in_a_cell_has_columns_of_its_own() -> None:
    inner = "<table><tr><td>x</td><td>1</td></tr></table>"
    html = f"<table><tr><td>2</td><td>y {inner}</td></tr></table>"
    assert list_classes(html) == [["number", "", "", "number"], ["", "number"]]


@pytest.mark.parametrize(
    "html", ["<p>no rows</p>", "<table></table>", "<table><tr><td colspan='x'>a</td></tr></table>"]
)
def test_other_html_stays_as_it_is(html: str) -> None:
    assert BeautifulSoup(align_tables(html), "html.parser") == BeautifulSoup(html, "html.parser")


def test_html_that_cannot_be_parsed_is_left_to_the_cleaner() -> None:
    assert clean_html("<table><![x") == clean_html(align_tables("<table><![x"))

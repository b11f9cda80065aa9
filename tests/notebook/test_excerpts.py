"""The excerpts of tables that are too long to show."""

import pandas as pd
import pytest

from mlops.notebook.excerpts import show_largest


def test_a_short_table_is_shown_whole_and_in_its_order() -> None:
    shown = show_largest(pd.Series([0.5, -2500.4, 0.0], index=["A", "B", "C"], name="weight"))
    assert shown is not None
    assert shown.to_dict("index") == {"weight": {"A": "0.500", "B": "-2,500", "C": "0"}}
    assert shown.columns.name is None


def test_a_problem_that_does_not_explain_its_models_has_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_largest(None) is None
    assert capsys.readouterr().out == "The problem does not explain its models.\n"


def test_of_a_long_table_the_largest_magnitudes_are_shown() -> None:
    values = pd.Series(range(-5000, 4999), name="weight", dtype=float)
    shown = show_largest(values.set_axis([f"C{number}" for number in range(9999)]))
    assert shown is not None
    assert list(shown.columns[:2]) == ["C0", "C1"]
    assert shown.shape == (1, 20)
    assert shown.columns.name == "The 20 of 9,999 columns with the largest weight"
    assert "The 20 of 9,999 columns with the largest weight" in shown.to_html()

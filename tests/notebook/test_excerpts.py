"""The excerpts of tables that are too long to show."""

import pandas as pd
import pytest

from mlops.notebook.excerpts import show_largest, show_scores
from mlops.problem import Metric, metrics


def test_a_short_table_is_shown_whole_and_in_its_order() -> None:
    shown = show_largest(pd.Series([0.5, -2500.4, 0.0], index=["A", "B", "C"], name="weight"))
    assert shown is not None
    assert shown.to_dict() == {"weight": {"A": "0.500", "B": "-2,500", "C": "0"}}
    assert shown.columns.name is None


def test_a_problem_that_does_not_explain_its_models_has_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_largest(None) is None
    assert capsys.readouterr().out == "`explain` of the problem returned None, so there are no importances.\n"


def test_of_a_long_table_the_largest_magnitudes_are_shown() -> None:
    values = pd.Series(range(-5000, 4999), name="weight", dtype=float)
    shown = show_largest(values.set_axis([f"C{number}" for number in range(9999)]))
    assert shown is not None
    assert list(shown.index[:2]) == ["C0", "C1"]
    assert shown.shape == (20, 1)
    assert shown.columns.name == "The 20 of 9,999 columns with the largest weight"
    assert "The 20 of 9,999 columns with the largest weight" in shown.to_html()


def test_scores_have_the_declared_units() -> None:
    declared: list[Metric] = [metrics.root_mean_squared_error("rmse", unit="rentals"), metrics.r2_score("r2")]
    shown = show_scores(declared, {"training": {"rmse": 1234.5, "r2": 0.5}, "holdout": {"rmse": 2000.0, "r2": None}})
    assert shown.to_dict("index") == {
        "rmse": {"training": "1,230", "holdout": "2,000", "unit": "rentals"},
        "r2": {"training": "0.500", "holdout": "–", "unit": ""},
    }


def test_scores_without_units_have_no_column_for_them() -> None:
    assert list(show_scores([metrics.roc_auc_score("auc")], {"holdout": {"auc": 0.9}}).columns) == ["holdout"]

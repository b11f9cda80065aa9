"""The tolerances of a committed notebook's results: declared in its metadata, or by the problem."""

from typing import Any

import msgspec
from declared import declare
from shown import make_cell, make_scraps

from mlops.regression.expectations import list_kept_scraps, read_declaration
from mlops.regression.notebook import Notebook


def make(check: dict[str, Any], **scraps: Any) -> Notebook:
    """Return a notebook with two parameters that hands on these results."""
    parameters = make_cell("p", "alpha = 0.4  # the penalty = 1\ndepth: int = 3\n")
    parameters["metadata"]["tags"] = ["parameters"]
    cells = [parameters, make_cell("r", "glue_results()", *make_scraps(**scraps))]
    return msgspec.convert({"metadata": {"mlops": {"check": check}}, "cells": cells}, Notebook)


def test_metrics_have_the_digits_that_the_problem_declares_and_parameters_none_to_spare() -> None:
    results = {"loss": 1.5, "auc": 0.9, "cv_loss": 1.4, "alpha": 0.4, "depth": 3, "rows": 7, **declare("loss", "auc")}
    declaration = read_declaration(make({"scraps": {"rows": 0}}, **results), "n")
    assert declaration.scraps == {"alpha": 0.0, "depth": 0.0, "loss": 1e-6, "auc": 1e-6, "cv_loss": 1e-6, "rows": 0}
    assert list_kept_scraps(make({"scraps": {"rows": None}}, **results), "n") == {*results} - {"rows", "problem"}


def test_a_declared_tolerance_has_priority_and_other_results_need_one() -> None:
    results = {"loss": 1.5, "penalty": 1, **declare("loss")}
    assert read_declaration(make({"scraps": {"loss": 0.1}}, **results), "n").scraps == {"loss": 0.1}
    assert read_declaration(make({}, alpha=0.4, other=2), "n").scraps == {"alpha": 0.0}

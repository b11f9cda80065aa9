"""The bins of a column: values of every kind are counted, and drift is measured."""

import numpy as np
import pytest
from scipy.stats import norm

from mlops.serving.metrics.bins import ColumnBins, measure_drift

EDGES = (0.0, 1.0, 2.0)


def test_numbers_are_counted_between_edges() -> None:
    column = ColumnBins("fee", "number", EDGES)
    values = np.array([-1.0, 0.0, 0.5, 2.0, 2.5, np.nan, np.inf])
    assert column.count(values).tolist() == [2, 1, 1, 1, 2]
    assert column.list_names() == ["00 up to 0", "01 0 to 1", "02 1 to 2", "03 above 2", "missing"]


def test_dates_are_counted_as_days() -> None:
    column = ColumnBins("joined", "date", (18262.5,))  # 2020-01-01 is day 18262
    values = np.array(["2019-05-01", "2020-01-01", "2020-01-02", "NaT"], dtype="datetime64[us]")
    assert column.count(values).tolist() == [2, 1, 1]
    assert column.list_names() == ["00 up to 2020-01-01", "01 above 2020-01-01", "missing"]


def test_categories_and_booleans_are_counted_by_value() -> None:
    plans = ColumnBins("plan", "text", values=("basic", "plus"))
    assert plans.count(np.array(["plus", "gold", None, "plus", float("nan")], dtype=object)).tolist() == [0, 2, 1, 2]
    paperless = ColumnBins("paperless", "text", values=("false", "true"))
    assert paperless.count(np.array([True, False, True])).tolist() == [1, 2, 0, 0]
    assert paperless.list_names() == ["false", "true", "other", "missing"]


def test_a_column_without_values_has_one_bin() -> None:
    column = ColumnBins("fee", "number")
    assert column.count(np.array([1.0, np.nan])).tolist() == [1, 1]
    assert column.list_names() == ["00 all", "missing"]


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5, 1.0])
def test_the_drift_of_a_normal_distribution_is_the_square_of_its_shift(shift: float) -> None:
    """The symmetric Kullback-Leibler divergence of two normal distributions, less what the bins hide."""
    edges = np.linspace(-4, 4, 81)
    limits = [-np.inf, *edges, np.inf]
    training, seen = (np.diff(norm.cdf(limits, loc=loc)) * 1e9 for loc in (0.0, shift))
    assert measure_drift(training.astype(int), seen.astype(int)) == pytest.approx(shift**2, rel=0.05, abs=1e-6)

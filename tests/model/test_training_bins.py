"""The distributions of training data: of features of every kind, and of the predictions for the training rows."""

from pathlib import Path

import churn
import numpy as np
import pandas as pd
import pytest
from progression import problem as diabetes

from mlops.data.kinds.conversion import convert_kinds
from mlops.model import training_bins
from mlops.model.training_bins import BINS, describe_bins
from mlops.model.training_data import describe_data, read_training_data, write_training_data
from mlops.problem.scoring import predict_rows
from mlops.serving.metrics.bins import PREDICTION, ColumnBins, measure_drift


class Customers:
    """Customers with text, gaps, booleans and dates, a model that was trained on them, and their distributions."""

    def __init__(self) -> None:
        self.rows = convert_kinds(churn.problem.load_sample(), churn.problem.columns, "sample")
        self.model = churn.problem.train(self.rows, trees=5, learning_rate=0.1, depth=2, seed=0)
        self.found = {bins.name: bins for bins in describe_bins(churn.problem, self.rows, self.model)}


@pytest.fixture(scope="module")
def customers() -> Customers:
    """See `Customers`."""
    return Customers()


def test_every_kind_of_feature_but_the_id_is_described(customers: Customers) -> None:
    features = [column.name for column in churn.problem.feature_columns if column.kind != "id"]
    assert [*customers.found] == [*features, PREDICTION]
    for bins in customers.found.values():
        assert sum(bins.counts) == len(customers.rows), bins.name
        assert len(bins.counts) == len(bins.list_names())


def test_missing_values_and_categories_are_counted(customers: Customers) -> None:
    rows, found = customers.rows, customers.found
    assert sorted(found["plan"].values) == ["basic", "family", "plus"]
    assert {name: bins.counts[-1] for name, bins in found.items() if name != PREDICTION} == {
        name: int(rows[name].isna().sum()) for name in found if name != PREDICTION
    }
    paperless = dict(zip(found["paperless"].list_names(), found["paperless"].counts, strict=True))
    assert paperless["true"] == int(rows["paperless"].sum())
    assert max(found["fee"].counts) <= 2 * len(rows) / BINS


def test_the_same_rows_in_the_form_of_requests_do_not_drift(customers: Customers) -> None:
    predicted = predict_rows(churn.problem, customers.model, customers.rows)
    bins = customers.found[PREDICTION]
    assert measure_drift(np.array(bins.counts), bins.count(predicted)) == 0
    fee = customers.found["fee"]
    assert measure_drift(np.array(fee.counts), fee.count(customers.rows["fee"].to_numpy() + 5)) > 0.25


def test_rare_values_have_no_bin_of_their_own(customers: Customers) -> None:
    rows = customers.rows.assign(region=["secret", *customers.rows["region"][1:]])
    region = next(bins for bins in describe_bins(churn.problem, rows, customers.model) if bins.name == "region")
    assert "secret" not in region.values
    assert region.counts[-2] == 1


def test_many_rows_and_features_are_sampled(customers: Customers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_bins, "MOST_ROWS", 100)
    monkeypatch.setattr(training_bins, "MOST_COLUMNS", 2)
    plan, region, predicted = describe_bins(churn.problem, customers.rows, customers.model)
    assert (plan.name, region.name, predicted.name) == ("plan", "region", PREDICTION)
    assert 50 < sum(plan.counts) <= 100


def test_the_distributions_are_kept_with_the_model(good: pd.DataFrame, tmp_path: Path) -> None:
    model = diabetes.train(good, alpha=0.4)
    write_training_data(describe_data(diabetes, good, good, model), tmp_path)
    kept = read_training_data(tmp_path).bins
    assert kept == describe_bins(diabetes, good, model)
    assert isinstance(kept[0], ColumnBins)

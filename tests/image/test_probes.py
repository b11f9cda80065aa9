"""The rows that find a wrong conversion, although it is right for each row of the training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from mlops.image.runtimes.candidates import Original
from mlops.image.runtimes.judging import TOLERANCE, judge, predict_probes
from mlops.image.runtimes.probes import list_probes
from mlops.image.runtimes.thresholds import list_thresholds
from mlops.problem import Column, Problem, metrics
from mlops.problem.values import set_types

Change = Callable[[pd.DataFrame], pd.DataFrame]


class Calls(Problem):
    """Calls of customers. The rows have no gaps, but the service accepts rows with gaps and with other regions."""

    name = "calls"
    columns = (
        Column("region", kind="category", max_missing=0.5),
        Column("fee"),
        Column("calls", max_missing=0.5),
        Column("y", role="target"),
    )
    metrics = (metrics.mean_squared_error("mse"),)


@pytest.fixture(scope="module")
def original() -> Original:
    """A model with trees."""
    rng, problem = np.random.default_rng(0), Calls()
    rows = pd.DataFrame({"region": rng.choice(["north", "south"], 200), "fee": rng.normal(20, 5, 200)})
    rows = rows.assign(calls=rng.poisson(3, 200), y=rows["fee"] + (rows["region"] == "south") * 5)
    rows = set_types(rows, problem.columns)
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=2, encoded_missing_value=3)
    encoder = make_column_transformer((texts, ["region"]), ("passthrough", ["fee", "calls"]))
    model = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=3))
    return Original(problem, model.fit(rows[list(problem.features)], rows["y"]), Path(), rows)


def make_wrong(original: Original, change: Change) -> Callable[[Any], Any]:
    """Return a conversion that predicts what the model predicts for changed rows."""

    def predict(rows: Any) -> Any:
        inputs = set_types(pd.DataFrame(rows), original.problem.feature_columns)
        return original.predict(change(inputs))

    return predict


@pytest.mark.parametrize(
    ("change", "title"),
    [
        (lambda rows: rows.assign(fee=np.nextafter(rows["fee"], np.inf)), "at a threshold of fee"),  # < instead of <=
        (lambda rows: rows.assign(fee=rows["fee"] + 50 * rows["region"].isna()), "without region"),
        (lambda rows: rows.assign(fee=rows["fee"] + 50 * rows["calls"].isna()), "without calls"),
        (
            lambda rows: rows.assign(fee=rows["fee"] + 50 * ~rows["region"].isin(["north", "south", None])),
            "with an unknown region",
        ),
    ],
    ids=["threshold", "text", "number", "unknown"],
)
def test_a_conversion_that_is_right_for_all_rows_of_the_training_can_be_wrong(
    original: Original, change: Change, title: str
) -> None:
    first, *others = predict_probes(original, list_probes(original))
    wrong = make_wrong(original, change)
    assert judge(wrong, [first]).difference == 0
    found = judge(wrong, [first, *others])
    assert found.difference > TOLERANCE
    assert found.row.endswith(f", {title}")
    assert judge(make_wrong(original, lambda rows: rows), [first, *others]).difference == 0


IMPUTER = SimpleImputer(add_indicator=True)


@pytest.mark.parametrize(
    "steps",
    [
        [IMPUTER],
        [VarianceThreshold(0.1), IMPUTER, StandardScaler()],
        [make_column_transformer((IMPUTER, ["c"]), (StandardScaler(), ["b", "a"])), StandardScaler()],
        [make_column_transformer((StandardScaler(), ["b"]), (IMPUTER, ["c", "b"]))],
    ],
    ids=["imputer", "selector", "columns", "twice"],
)
def test_thresholds_are_found_behind_transformers(steps: list[Any]) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(300, 3)) * [0.01, 10, 1000], columns=["a", "b", "c"])
    rows["c"] = rows["c"].where(rng.random(300) > 0.2)
    target = rows["b"] + rows["c"].fillna(0) / 100 + (rows["c"].isna() | (rows["a"] > 0)) * 5
    model = make_pipeline(*steps, GradientBoostingRegressor(n_estimators=5)).fit(rows, target)
    found = list_thresholds(model, rows)
    names = [str(name).rpartition("_")[2] for name in model[:-1].get_feature_names_out()]
    flagged = {place for place, name in enumerate(model[:-1].get_feature_names_out()) if "missing" in str(name)}
    trees = [tree.tree_ for tree in np.ravel(model[-1].estimators_)]
    pairs = {(f, t) for tree in trees for f, t in zip(tree.feature, tree.threshold, strict=True) if f >= 0}
    wanted = {(names[place], value) for place, value in pairs if place not in flagged}
    assert {*found} == {name for name, _ in wanted}
    for name, values in found.items():
        changed = rows.iloc[np.zeros(len(values), dtype=int)].assign(**{name: values})
        encoded = np.asarray(model[:-1].transform(changed))
        for row in encoded:
            assert any(np.isclose(row[place], value, rtol=1e-9) for place, value in pairs if names[place] == name)
    assert sum(map(len, found.values())) == len({pair for pair in pairs if pair[0] not in flagged})

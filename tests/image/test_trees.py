"""Random ensembles of small trees: the tables for numpy predict the same as scikit-learn, also at each threshold."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier
from sklearn.utils import get_tags

from mlops.image.runtimes.intervals import convert_trees
from mlops.image.runtimes.trees import describe_ensemble
from mlops.serving.runtimes.record import FORMAT, Record
from mlops.serving.runtimes.trees import open_trees

Numbers = NDArray[np.float64]
ENSEMBLES = [
    lambda leaves, categories: HistGradientBoostingRegressor(
        max_iter=9, max_leaf_nodes=leaves, min_samples_leaf=2, categorical_features=categories
    ),
    lambda leaves, categories: HistGradientBoostingClassifier(
        max_iter=9, max_leaf_nodes=leaves, min_samples_leaf=2, categorical_features=categories
    ),
    lambda leaves, _: GradientBoostingRegressor(n_estimators=9, max_depth=6, max_leaf_nodes=leaves),
    lambda leaves, _: GradientBoostingClassifier(n_estimators=9, max_depth=6, max_leaf_nodes=leaves),
    lambda leaves, _: RandomForestClassifier(9, max_leaf_nodes=leaves),
    lambda leaves, _: ExtraTreesRegressor(9, max_leaf_nodes=leaves),
    lambda leaves, _: DecisionTreeRegressor(max_leaf_nodes=leaves),
    lambda leaves, _: DecisionTreeClassifier(max_leaf_nodes=leaves),
    lambda leaves, _: ExtraTreeClassifier(max_leaf_nodes=leaves),
]
NAMES = ["boosting", "classes", "depth", "depth-classes", "forest", "extra", "tree", "tree-classes", "extra-tree"]


def make_rows(rng: np.random.Generator, gaps: bool) -> Numbers:
    """Return rows whose last two columns are categories."""
    rows = np.concatenate([rng.normal(size=(300, 3)).round(1), rng.integers(0, [3, 100], size=(300, 2))], axis=1)
    if gaps:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def list_tried(rows: Numbers, tables: dict[str, Any], numbers: int) -> Numbers:
    """Return the rows, and rows with each threshold of the first columns and the next numbers beside it."""
    tried, end = [rows], 0
    for column, length in zip(tables["inputs"], tables["lengths"], strict=True):
        points = tables["points"][end : end + length - 1]  # without infinity
        end += length
        for value in (points, np.nextafter(points, -np.inf), np.nextafter(points, np.inf)) if column < numbers else ():
            changed = rows[np.arange(len(value)) % len(rows)]
            changed[:, column] = value
            tried.append(changed)
    return np.concatenate(tried)


@pytest.mark.slow
@pytest.mark.parametrize("leaves", [2, 8, 16, 32, 64])
@pytest.mark.parametrize("make", ENSEMBLES, ids=NAMES)
def test_random_ensembles_are_predicted_as_by_scikit_learn(make: Any, leaves: int) -> None:
    for seed in range(2):
        rng = np.random.default_rng(seed)
        rows = make_rows(rng, gaps=get_tags(make(leaves, None)).input_tags.allow_nan)
        score = np.nan_to_num(rows) @ (rng.normal(size=5) / [1, 1, 1, 2, 50]) + rng.normal(size=300)
        estimator = make(leaves, [3, 4]).set_params(random_state=seed)
        classes = np.digitize(score, np.quantile(score, [0.3, 0.6]))
        estimator.fit(rows, classes if hasattr(estimator, "predict_proba") else score)
        link, single = describe_ensemble(estimator)
        tables = convert_trees(estimator)
        predict = open_trees(Record(FORMAT, "numbers", (), link=link, single=single), tables)
        tried = list_tried(rows, tables, 3 if "Hist" in type(estimator).__name__ else 5)
        called = getattr(estimator, "predict_proba", estimator.predict)
        expected = called(tried).reshape(len(tried), -1)
        found = predict(tried)
        assert np.abs(found - expected).max() < 1e-12 * expected.std()
        few = [predict(tried[begin : begin + 2]) for begin in range(0, 300, 2)]
        assert np.concatenate(few).tolist() == found[:300].tolist()
        assert len(predict(tried[:0])) == 0

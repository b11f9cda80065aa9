"""The trees of scikit-learn's ensembles, in one form for all conversions. A single tree is an ensemble of one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops.image.runtimes.linear import Link
from mlops.image.runtimes.tables import Unsupported

HISTOGRAM, BOOSTING = "HistGradientBoosting", "GradientBoosting"
AVERAGED = ("RandomForest", "ExtraTrees", "DecisionTree", "ExtraTree")  # forests, and single trees
LOGARITHMIC = ("poisson", "gamma")  # losses of histogram gradient boosting
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """A tree. Node 0 is the root, and each array has one value for each node.

    Parameters
    ----------
    left, right : array of int
        The child nodes: left for values up to the threshold, right for larger values. -1 in a leaf.
    feature : array of int
        The position of the value that is compared.
    threshold : array
        The threshold.
    missing_left : array of bool
        Whether a missing value goes to the left.
    value : array
        What each leaf adds to the output `target`.
    target : int
        The output of the ensemble to which this tree adds, counted from 0.
    sets : dict of int to pair of array
        The categories that go to the left and to the right, for nodes that compare categories.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: Values
    missing_left: NDArray[np.bool_]
    value: Values
    target: int
    sets: dict[int, tuple[Values, Values]] = field(default_factory=dict)


def is_ensemble(estimator: Any) -> bool:
    """Return whether an estimator is an ensemble of trees that can be converted."""
    return type(estimator).__name__.startswith((HISTOGRAM, BOOSTING, *AVERAGED))


def describe_ensemble(estimator: Any) -> tuple[Link, bool]:
    """Return the link of an ensemble of trees, and whether it compares numbers in single precision.

    Raises
    ------
    Unsupported
        If the estimator is not an ensemble of trees.
    """
    name = type(estimator).__name__
    if not is_ensemble(estimator):
        raise Unsupported(f"{name} is not an ensemble of trees")
    boosts, histogram = not name.startswith(AVERAGED), name.startswith(HISTOGRAM)
    link: Link = "exponential" if histogram and estimator.loss in LOGARITHMIC else "identity"
    if boosts and hasattr(estimator, "classes_"):
        link = "logistic" if len(estimator.classes_) == 2 else "softmax"
    return link, not histogram


def list_trees(estimator: Any) -> tuple[list[Tree], Values]:
    """Return the trees of an ensemble, and the constant that is added to each output.

    Raises
    ------
    Unsupported
        If the estimator is not an ensemble of trees, starts from another model, or predicts several columns.
    """
    name = type(estimator).__name__
    if name.startswith(HISTOGRAM):
        return [*_list_histogram_trees(estimator)], np.ravel(estimator._baseline_prediction).astype(np.float64)
    if name.startswith(BOOSTING):
        return [*_list_boosted_trees(estimator)], _find_constants(estimator)
    trees = [*_list_forest(estimator)]
    return trees, np.zeros(1 + max(tree.target for tree in trees))


def _list_histogram_trees(estimator: Any) -> Iterator[Tree]:
    order, categories = _find_inputs(estimator)
    for predictors in estimator._predictors:
        for target, predictor in enumerate(predictors):
            nodes = predictor.nodes
            inner = nodes["is_leaf"] == 0
            feature = nodes["feature_idx"].astype(np.int64)
            sets = {
                int(node): _split_categories(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]], known)
                for node in np.flatnonzero(inner & (nodes["is_categorical"] == 1))
                if (known := categories[feature[node]]) is not None
            }
            yield Tree(
                np.where(inner, nodes["left"].astype(np.int64), -1),
                np.where(inner, nodes["right"].astype(np.int64), -1),
                order[np.where(inner, feature, 0)],
                nodes["num_threshold"].astype(np.float64),
                nodes["missing_go_to_left"] == 1,
                nodes["value"].astype(np.float64),
                target,
                sets,
            )


def _find_inputs(estimator: Any) -> tuple[NDArray[np.int64], list[Values | None]]:
    """Return, for each feature that the trees use, its position among the inputs, and its categories or None."""
    if estimator._preprocessor is None:
        count = estimator.n_features_in_
        return np.arange(count), [None] * count
    known = estimator.is_categorical_
    order = np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])
    # A table with booleans has categories of the type object.
    found = [
        np.asarray(values, dtype=np.float64)
        for values in estimator._preprocessor.named_transformers_["encoder"].categories_
    ]
    return order, [*(values[~np.isnan(values)] for values in found), *[None] * int((~known).sum())]


def _split_categories(bits: NDArray[np.uint32], known: Values) -> tuple[Values, Values]:
    codes = np.arange(len(known))
    left = (bits[codes // 32] >> (codes % 32).astype(np.uint32)) & 1 == 1
    return known[left], known[~left]


def _list_boosted_trees(estimator: Any) -> Iterator[Tree]:
    for stage in estimator.estimators_:
        for target, tree in enumerate(stage):
            yield _read_tree(tree.tree_, estimator.learning_rate * tree.tree_.value[:, 0, 0], target)


def _find_constants(estimator: Any) -> Values:
    if type(estimator.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise Unsupported("the first estimator of the boosting is a model")
    row = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    constants: Values = np.ravel(estimator._raw_predict_init(row)).astype(np.float64)
    return constants


def _list_forest(estimator: Any) -> Iterator[Tree]:
    trees = getattr(estimator, "estimators_", [estimator])
    share = 1 / len(trees)
    for tree in trees:
        value = tree.tree_.value * share
        if value.shape[1] > 1:
            raise Unsupported("the trees predict several columns")
        for target in range(value.shape[2]):
            yield _read_tree(tree.tree_, value[:, 0, target], target)


def _read_tree(tree: Any, value: Values, target: int) -> Tree:
    missing = tree.missing_go_to_left == 1
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, missing, value, target)

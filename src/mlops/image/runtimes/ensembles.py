"""The conversion of ensembles of trees to ONNX in double precision; see `mlops.serving.runtimes.graph`."""

# skl2onnx has trees only in single precision, and converts categories of histogram gradient boosting wrongly. Version 5
# of the operator TreeEnsemble has doubles and sets of categories.

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops.image.runtimes.linear import Link
from mlops.image.runtimes.tables import NOT_INSTALLED, Unsupported
from mlops.serving.runtimes.graph import INPUT

HISTOGRAM, BOOSTING, FORESTS = "HistGradientBoosting", "GradientBoosting", ("RandomForest", "ExtraTrees")
LOGARITHMIC = ("poisson", "gamma")  # losses of histogram gradient boosting
LESS, MEMBER = 0, 6  # the modes of a node: x <= split, and x in a set
SUM, OPSET, TREES, IR = 1, 21, 5, 10
NOTHING = (-np.inf,)  # a set without values would be refused
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


@dataclass
class Ensemble:
    """The attributes of the operator TreeEnsemble, which has the inner nodes and the leaves of all trees in lists."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    nodes: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))  # if the comparison is true, and false
    leafs: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))  # whether these nodes are leaves
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    members: list[float] = field(default_factory=list)

    def add(self, tree: Tree) -> None:
        """Add a tree. Its inner nodes are stored depth first, from the root, with left children first."""
        self.roots.append(len(self.modes))
        if tree.left[0] < 0:  # the operator needs a comparison
            self._add_node(0, LESS, 0.0, False)
            for side in (0, 1):
                self._set(self.roots[-1], side, self._add_leaf(tree, 0), True)
            return
        waiting = [(0, -1, 0)]  # the node, and the place and side that lead to it
        while waiting:
            node, before, side = waiting.pop()
            if tree.left[node] < 0:
                self._set(before, side, self._add_leaf(tree, node), True)
                continue
            place, swapped = self._add_inner(tree, node)
            if before >= 0:
                self._set(before, side, place, False)
            children = ((tree.left[node], int(swapped)), (tree.right[node], 1 - int(swapped)))
            waiting += [(int(child), place, taken) for child, taken in reversed(children)]

    def _add_inner(self, tree: Tree, node: int) -> tuple[int, bool]:
        """Add an inner node. Return its place, and whether a true comparison leads to its right child."""
        feature, to_left = int(tree.feature[node]), bool(tree.missing_left[node])
        if node not in tree.sets:
            return self._add_node(feature, LESS, float(tree.threshold[node]), to_left), False
        # A category that is in no set is treated as missing, so the set is that of the other side.
        self.members += [*(tree.sets[node][to_left].tolist() or NOTHING), np.nan]
        return self._add_node(feature, MEMBER, 0.0, False), to_left

    def _add_node(self, feature: int, mode: int, split: float, missing: bool) -> int:
        self.features.append(feature)
        self.modes.append(mode)
        self.splits.append(split)
        self.missing.append(int(missing))
        for side in (0, 1):
            self.nodes[side].append(0)
            self.leafs[side].append(0)
        return len(self.modes) - 1

    def _add_leaf(self, tree: Tree, node: int) -> int:
        self.targets.append(tree.target)
        self.weights.append(float(tree.value[node]))
        return len(self.weights) - 1

    def _set(self, place: int, side: int, to: int, leaf: bool) -> None:
        self.nodes[side][place] = to
        self.leafs[side][place] = int(leaf)


def is_ensemble(estimator: Any) -> bool:
    """Return whether an estimator is an ensemble of trees that can be converted."""
    return type(estimator).__name__.startswith((HISTOGRAM, BOOSTING, *FORESTS))


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
    boosts, histogram = not name.startswith(FORESTS), name.startswith(HISTOGRAM)
    link: Link = "exponential" if histogram and estimator.loss in LOGARITHMIC else "identity"
    if boosts and hasattr(estimator, "classes_"):
        link = "logistic" if len(estimator.classes_) == 2 else "softmax"
    return link, not histogram


def convert_ensemble(estimator: Any, file: Path) -> None:
    """Write an ensemble of trees in ONNX format. The graph returns sums without the link; see `describe_ensemble`.

    Raises
    ------
    Unsupported
        If the estimator starts from another model or predicts several columns, or if a package is not installed.
    """
    trees, constants = _list_trees(estimator)
    ensemble = Ensemble()
    for tree in trees:
        ensemble.add(tree)
    file.write_bytes(_write_graph(ensemble, constants, estimator.n_features_in_))


def _list_trees(estimator: Any) -> tuple[list[Tree], Values]:
    """Return the trees of an ensemble, and the constant that is added to each target."""
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
    share = 1 / len(estimator.estimators_)
    for tree in estimator.estimators_:
        value = tree.tree_.value * share
        if value.shape[1] > 1:
            raise Unsupported("the forest predicts several columns")
        for target in range(value.shape[2]):
            yield _read_tree(tree.tree_, value[:, 0, target], target)


def _read_tree(tree: Any, value: Values, target: int) -> Tree:
    missing = tree.missing_go_to_left == 1
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, missing, value, target)


def _write_graph(ensemble: Ensemble, constants: Sequence[float] | Values, inputs: int) -> bytes:
    try:
        import onnxruntime  # noqa: F401, which loads the converted model
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise Unsupported(NOT_INSTALLED) from error

    def store(values: Sequence[float] | Values, kind: type) -> Any:
        return numpy_helper.from_array(np.asarray(values, dtype=kind))

    sets = {"membership_values": store(ensemble.members, np.float64)} if ensemble.members else {}
    trees = helper.make_node(
        "TreeEnsemble",
        [INPUT],
        ["trees"],
        domain="ai.onnx.ml",
        n_targets=len(constants),
        aggregate_function=SUM,
        tree_roots=ensemble.roots,
        nodes_featureids=ensemble.features,
        nodes_modes=store(ensemble.modes, np.uint8),
        nodes_splits=store(ensemble.splits, np.float64),
        nodes_missing_value_tracks_true=ensemble.missing,
        nodes_truenodeids=ensemble.nodes[0],
        nodes_falsenodeids=ensemble.nodes[1],
        nodes_trueleafs=ensemble.leafs[0],
        nodes_falseleafs=ensemble.leafs[1],
        leaf_targetids=ensemble.targets,
        leaf_weights=store(ensemble.weights, np.float64),
        **sets,
    )
    constant = numpy_helper.from_array(np.asarray(constants, dtype=np.float64).reshape(1, -1), "constants")
    graph = helper.make_graph(
        [trees, helper.make_node("Add", ["trees", "constants"], ["sums"])],
        "trees",
        [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, inputs])],
        [helper.make_tensor_value_info("sums", TensorProto.DOUBLE, [None, len(constants)])],
        [constant],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES)]
    content: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=IR).SerializeToString()
    return content

"""The conversion of ensembles of trees to ONNX in double precision; see `mlops.serving.runtimes.graph`."""

# skl2onnx has trees only in single precision, and converts categories of histogram gradient boosting wrongly. Version 5
# of the operator TreeEnsemble has doubles and sets of categories.

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlops.image.runtimes.tables import NOT_INSTALLED, Unsupported
from mlops.image.runtimes.trees import Tree, Values, list_trees
from mlops.serving.runtimes.graph import INPUT

LESS, MEMBER = 0, 6  # the modes of a node: x <= split, and x in a set
SUM, OPSET, TREES, IR = 1, 21, 5, 10
NOTHING = (-np.inf,)  # a set without values would be refused


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


def convert_ensemble(estimator: Any, file: Path) -> None:
    """Write an ensemble of trees in ONNX format. The graph returns sums without the link; see `describe_ensemble`.

    Raises
    ------
    Unsupported
        If the estimator starts from another model or predicts several columns, or if a package is not installed.
    """
    trees, constants = list_trees(estimator)
    ensemble = Ensemble()
    for tree in trees:
        ensemble.add(tree)
    file.write_bytes(_write_graph(ensemble, constants, estimator.n_features_in_))


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

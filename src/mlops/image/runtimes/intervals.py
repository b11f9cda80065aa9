"""The conversion of ensembles of small trees to tables for numpy; see `mlops.serving.runtimes.trees`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops.image.runtimes.tables import Unsupported
from mlops.image.runtimes.trees import Tree, Values, list_trees
from mlops.serving.runtimes.trees import INPUTS, LEAVES, LENGTHS, POINTS, VALUES

KINDS = (np.uint8, np.uint16, np.uint32, np.uint64)  # sets of up to 8, 16, 32 and 64 leaves
LARGEST = 50_000_000  # bytes; the packages for ONNX have 77 MB


@dataclass
class Leaves:
    """The leaves of a tree.

    Parameters
    ----------
    nodes : list of int
        The leaves, from left to right. The position of a leaf in this list is its number.
    passed : dict of int to range
        For each inner node, the numbers of the leaves on its left.
    """

    nodes: list[int] = field(default_factory=list)
    passed: dict[int, range] = field(default_factory=dict)

    def add(self, tree: Tree, node: int = 0) -> None:
        """Add the leaves below a node."""
        if tree.left[node] < 0:
            self.nodes.append(node)
            return
        first = len(self.nodes)
        self.add(tree, int(tree.left[node]))
        self.passed[node] = range(first, len(self.nodes))
        self.add(tree, int(tree.right[node]))


def convert_trees(estimator: Any) -> dict[str, NDArray[Any]]:
    """Return the tables of an ensemble of trees by their names.

    Raises
    ------
    Unsupported
        If the estimator is not an ensemble of trees, or if its trees or their tables are too large.
    """
    trees, constants = list_trees(estimator)
    first = [_make_constant(value, target) for target, value in enumerate(constants)]
    trees = sorted([*first, *trees], key=lambda tree: tree.target)
    most = max(int(np.sum(tree.left < 0)) for tree in trees)
    kind = next((kind for kind in KINDS if most <= np.iinfo(kind).bits), None)
    if kind is None:
        raise Unsupported(f"a tree has {most} leaves, but numpy serves trees of up to 64 leaves")
    leaves = [_number_leaves(tree) for tree in trees]
    points = _list_points(trees, leaves)
    size = sum(len(found) + 1 for found in points.values()) * len(trees) * np.dtype(kind).itemsize
    if size > LARGEST:
        raise Unsupported(f"the tables of the trees would take {size / 1e6:,.0f} MB")
    tables = {
        feature: np.full((len(found) + 1, len(trees)), np.iinfo(kind).max, kind) for feature, found in points.items()
    }
    values = np.zeros((len(trees), most))
    for place, (tree, found) in enumerate(zip(trees, leaves, strict=True)):
        values[place, : len(found.nodes)] = tree.value[found.nodes]
        for node, passed in found.passed.items():
            feature = int(tree.feature[node])
            right = _find_right(tree, node, points[feature])
            tables[feature][right, place] &= kind(np.iinfo(kind).max ^ sum(1 << number for number in passed))
    return {
        INPUTS: np.array([*points], dtype=np.int64),
        LENGTHS: np.array([len(found) for found in points.values()], dtype=np.int64),
        POINTS: np.concatenate([np.empty(0), *points.values()]),
        LEAVES: np.concatenate([np.empty((0, len(trees)), kind), *tables.values()]),
        VALUES: values.reshape(len(constants), -1, most),
    }


def _make_constant(value: float, target: int) -> Tree:
    """Return a tree that is a single leaf."""
    nowhere = np.array([-1])
    return Tree(nowhere, nowhere, nowhere, np.zeros(1), np.zeros(1, dtype=bool), np.array([value]), target)


def _number_leaves(tree: Tree) -> Leaves:
    found = Leaves()
    found.add(tree)
    return found


def _list_points(trees: Sequence[Tree], leaves: Sequence[Leaves]) -> dict[int, Values]:
    """Return, for each input that the trees compare, the sorted ends of the intervals that they distinguish.

    The last one is infinity, so the only value beyond it is NaN. The interval of a category contains only its value.
    """
    found: dict[int, list[Values]] = {}
    for tree, own in zip(trees, leaves, strict=True):
        for node in own.passed:
            found.setdefault(int(tree.feature[node]), [np.array([np.inf])]).extend(_list_ends(tree, node))
    return {feature: np.unique(np.concatenate(found[feature])) for feature in sorted(found)}


def _list_ends(tree: Tree, node: int) -> Iterator[Values]:
    if node not in tree.sets:
        yield tree.threshold[node : node + 1]
        return
    for known in tree.sets[node]:
        yield known
        yield np.nextafter(known, -np.inf)


def _find_right(tree: Tree, node: int, points: Values) -> NDArray[np.bool_]:
    """Return, for each interval and for NaN, whether a value in it goes to the right."""
    missing = not tree.missing_left[node]
    if node not in tree.sets:
        right = np.arange(len(points) + 1) > points.searchsorted(tree.threshold[node])
        right[-1] = missing
        return right
    right = np.full(len(points) + 1, missing)  # an unknown category is treated as missing
    for side, known in enumerate(tree.sets[node]):
        right[points.searchsorted(known)] = side == 1
    return right

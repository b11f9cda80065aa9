"""The thresholds of trees, as values of the columns from which their inputs are computed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.image.runtimes.encoders import encode_inputs, split_pipeline
from mlops.image.runtimes.tables import Unsupported
from mlops.serving.runtimes.record import Numbers, Step

Numbered = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]
Undo = tuple[Callable[[Numbered, float], Numbered], float]
INVERSE: Mapping[str, Callable[[Numbered, float], Numbered]] = {
    "subtract": np.add,
    "add": np.subtract,
    "divide": np.multiply,
    "multiply": np.divide,
}


def list_thresholds(estimator: Any, inputs: pd.DataFrame) -> dict[Any, Numbered]:
    """Return the thresholds of a model's trees, by the input column that they divide.

    A threshold of a scaled column is converted back. Columns that are encoded in other ways have no thresholds, and
    neither has a node that only divides missing values from numbers.
    """
    transformers, last = split_pipeline(estimator)
    pairs = [*_read_trees(last)]
    if not pairs:
        return {}
    places, values = (np.concatenate(part) for part in zip(*pairs, strict=True))
    try:
        encoding = encode_inputs(transformers, inputs)
    except Unsupported:
        return {}
    blocks = encoding.blocks or [Numbers(tuple(range(inputs.shape[1])))]
    found: dict[Any, Numbered] = {}
    begin = 0  # the position of the first number of a block
    for block in blocks:
        if not isinstance(block, Numbers):
            begin += encoding.arrays[block.table].shape[1]
            continue
        for at, column in enumerate(block.columns):
            place, undo = _follow(block.steps, encoding.arrays, at)
            place, more = _follow(encoding.steps, encoding.arrays, None if place is None else begin + place)
            own = np.unique(values[(places == place) & np.isfinite(values)]) if place is not None else values[:0]
            for function, number in reversed([*undo, *more]):
                own = function(own, number)
            name = inputs.columns[column]
            if len(own):
                found[name] = np.union1d(found.get(name, own), own)
        begin += _measure_width(block, encoding.arrays)
    return found


def _follow(steps: Iterable[Step], arrays: Arrays, place: int | None) -> tuple[int | None, list[Undo]]:
    """Return the position of a number after some steps, and how to undo the steps.

    The position is None if the number was left out or mixed with others.
    """
    undo: list[Undo] = []
    for step in steps:
        if place is None or step.name == "project":
            return None, []
        if step.name == "take":
            kept = np.flatnonzero(arrays[step.arrays[0]] == place)
            place = int(kept[0]) if len(kept) else None
        elif step.name in INVERSE:
            undo.append((INVERSE[step.name], float(np.ravel(arrays[step.arrays[0]])[place])))
    return place, undo


def _measure_width(block: Numbers, arrays: Arrays) -> int:
    width = len(block.columns)
    for step in block.steps:
        if step.name in ("take", "project"):
            width = len(arrays[step.arrays[0]])
        elif step.name == "impute":
            width += len(arrays[step.arrays[1]])  # flags of missing values
    return width


def _read_trees(estimator: Any) -> Iterator[tuple[NDArray[np.int64], Numbered]]:
    """Yield two arrays for each tree: the position of the input that each node divides, and the node's threshold."""
    for predictors in getattr(estimator, "_predictors", []):  # histogram gradient boosting
        for predictor in predictors:
            nodes = predictor.nodes[(predictor.nodes["is_leaf"] == 0) & (predictor.nodes["is_categorical"] == 0)]
            yield nodes["feature_idx"].astype(np.int64), nodes["num_threshold"].astype(np.float64)
    trees = estimator.estimators_ if hasattr(estimator, "estimators_") else [estimator]
    for tree in np.ravel(np.asarray(trees, dtype=object)):
        if hasattr(tree, "tree_"):
            inner = tree.tree_.feature >= 0
            yield tree.tree_.feature[inner].astype(np.int64), tree.tree_.threshold[inner].astype(np.float64)

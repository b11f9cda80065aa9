"""The thresholds of trees, as values of the columns from which their inputs are computed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.image.runtimes.encoders import encode_inputs, split_pipeline
from mlops.image.runtimes.tables import Unsupported
from mlops.serving.runtimes.record import Numbers, Step

Numbered = NDArray[np.float64]


def list_thresholds(estimator: Any, inputs: pd.DataFrame) -> dict[Any, Numbered]:
    """Return the thresholds of a model's trees, by the input column that they divide.

    A threshold of a scaled column is converted back. Columns that are encoded in other ways have no thresholds.
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
    if any(step.name in ("take", "project", "impute") for step in encoding.steps):
        return {}
    blocks = encoding.blocks or [Numbers(tuple(range(inputs.shape[1])))]
    found: dict[Any, Numbered] = {}
    begin = 0
    for block in blocks:
        if not isinstance(block, Numbers):
            begin += encoding.arrays[block.table].shape[1]
            continue
        steps, flagged = (*block.steps, *encoding.steps), _count_flagged(block.steps, encoding.arrays)
        if any(step.name in ("take", "project") for step in block.steps):
            return found
        for at, column in enumerate(block.columns):
            own = np.unique(values[places == begin + at])
            if len(own):
                found[inputs.columns[column]] = _invert(own, steps, encoding.arrays, at)
        begin += len(block.columns) + flagged
    return found


def _count_flagged(steps: tuple[Step, ...], arrays: Mapping[str, NDArray[Any]]) -> int:
    return sum(len(arrays[step.arrays[1]]) for step in steps if step.name == "impute")


def _invert(values: Numbered, steps: tuple[Step, ...], arrays: Mapping[str, NDArray[Any]], at: int) -> Numbered:
    undo = {"subtract": np.add, "add": np.subtract, "divide": np.multiply, "multiply": np.divide}
    for step in reversed(steps):
        if step.name in undo:
            values = undo[step.name](values, np.ravel(arrays[step.arrays[0]])[at])
    return values


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

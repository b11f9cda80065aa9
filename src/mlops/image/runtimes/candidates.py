"""The conversion of a model for each runtime: the files that `mlops.serving.runtimes.load_model` reads."""

import copy
import shutil
import sys
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.image.runtimes.encoders import encode_inputs, is_number, split_pipeline
from mlops.image.runtimes.ensembles import convert_ensemble
from mlops.image.runtimes.graphs import convert_graph
from mlops.image.runtimes.intervals import convert_trees
from mlops.image.runtimes.linear import convert_linear
from mlops.image.runtimes.packages import MODEL_FILES
from mlops.image.runtimes.tables import Unsupported, is_boolean
from mlops.image.runtimes.trees import describe_ensemble, is_ensemble
from mlops.problem import Problem
from mlops.serving.runtimes.encoding import Rows
from mlops.serving.runtimes.record import ARRAYS, FORMAT, RECORD, Record

Runtime = Literal["numbers", "onnx", "skops"]
PROVIDED = ("numpy", "scipy", "sklearn")  # the packages in each image with an estimator
RUNTIMES: tuple[Runtime, ...] = ("numbers", "onnx", "skops")


@dataclass(frozen=True)
class Original:
    """A model that a service is to serve.

    Parameters
    ----------
    problem : Problem
        The problem.
    estimator : scikit-learn estimator
        The fitted model.
    file : Path
        The file of the model in skops' format.
    rows : DataFrame
        Rows with all features.
    prepares : bool
        Whether the scoring script computes the inputs of the model from the rows, as `Problem.prepare` does. Otherwise,
        the features are the inputs.
    """

    problem: Problem
    estimator: Any
    file: Path
    rows: pd.DataFrame
    prepares: bool = False

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """The inputs that the scoring script passes to the model for `rows`."""
        return self.prepare(self.rows)

    def prepare(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the inputs that the scoring script passes to the model."""
        return self.problem.prepare(rows) if self.prepares else rows[list(self.problem.features)]

    def predict(self, inputs: pd.DataFrame) -> NDArray[np.float64]:
        """Return the predictions for the inputs that the scoring script passes to the model; see `Problem.predict`."""
        if not self.prepares:
            return np.asarray(self.problem.predict(self.estimator, inputs), dtype=np.float64)
        prepared = copy.copy(self.problem)
        prepared.prepare = lambda rows: rows  # type: ignore[method-assign]
        return np.asarray(prepared.predict(self.estimator, inputs), dtype=np.float64)

    def has_trees(self) -> bool:
        """Return whether the model is an ensemble of trees."""
        return is_ensemble(split_pipeline(self.estimator)[1])

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The position of each class of the model among the classes of the problem."""
        if not self.problem.classes:
            return ()
        return tuple(map(int, self.problem.encode(self.estimator.classes_)))

    def make_rows(self, inputs: pd.DataFrame) -> Rows:
        """Return inputs in the form in which a scoring script gets rows; see `mlops.serving.rows`."""
        if all(is_number(inputs[name]) for name in inputs.columns):
            return np.ascontiguousarray(inputs.to_numpy(dtype=np.float64, na_value=np.nan))
        return {str(name): _make_column(inputs[name], name in self._booleans) for name in inputs.columns}

    @cached_property
    def _booleans(self) -> frozenset[Any]:
        return frozenset(name for name in self.inputs.columns if is_boolean(self.inputs[name]))

    def describe(self, runtime: Runtime, **details: Any) -> Record:
        """Return the record with which a service loads the converted model."""
        columns, labels = tuple(map(str, self.inputs.columns)), self.problem.classes
        binary = self.problem.target.kind == "boolean"
        return Record(FORMAT, runtime, columns, classes=self.classes, labels=len(labels), binary=binary, **details)


def convert_model(original: Original, runtime: Runtime, folder: Path) -> None:
    """Write the files with which a runtime serves a model.

    Parameters
    ----------
    original : Original
        The model.
    runtime : str
        The runtime.
    folder : Path
        The folder for the files, which is created.

    Raises
    ------
    Unsupported
        If the runtime cannot serve the model.
    """
    folder.mkdir(parents=True)
    if runtime == "skops":
        _require_packages(original.file)
        shutil.copyfile(original.file, folder / original.file.name)
        trusted = tuple(original.problem.trusted_types)
        record = original.describe(runtime, file=original.file.name, trusted=trusted, table=_needs_table(original))
    else:
        record = _convert_encoded(original, runtime, folder)
    (folder / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


def _convert_encoded(original: Original, runtime: Runtime, folder: Path) -> Record:
    from sklearn.utils import get_tags

    transformers, last = split_pipeline(original.estimator)
    arrays: dict[str, NDArray[Any]] = {}
    details: dict[str, Any] = {}
    if is_ensemble(last):
        details["link"], details["single"] = describe_ensemble(last)
    if runtime == "onnx":
        details["file"] = MODEL_FILES[runtime]
        transformers = _write_graph(original, transformers, last, folder / details["file"])
    elif is_ensemble(last):
        arrays = convert_trees(last)
    else:
        details["link"], arrays = convert_linear(last)
    if runtime == "onnx" or is_ensemble(last):
        details["complete"] = not get_tags(last).input_tags.allow_nan
    encoding = encode_inputs(transformers, original.inputs)
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, allow_pickle=False, **{**encoding.arrays, **arrays})
    return original.describe(runtime, blocks=tuple(encoding.blocks), steps=tuple(encoding.steps), **details)


def _write_graph(original: Original, transformers: list[Any], last: Any, file: Path) -> list[Any]:
    """Write a model in ONNX format, and return the transformers that the graph does not contain."""
    if is_ensemble(last):
        convert_ensemble(last, file)
        return transformers
    count = _count_encoded(transformers, original.inputs)
    convert_graph([*transformers[count:], last], file)
    return transformers[:count]


def _count_encoded(transformers: list[Any], inputs: pd.DataFrame) -> int:
    """Return how many transformers, counted from the first one, can be replaced by computations with numpy."""
    for count in range(len(transformers), 0, -1):
        try:
            encode_inputs(transformers[:count], inputs)
        except Unsupported:
            continue
        return count
    return 0


def _make_column(column: pd.Series, boolean: bool) -> NDArray[Any]:
    if is_number(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.dtype.kind in "bM":
        return column.to_numpy()
    values = column.astype(object)
    return values.where(values.notna(), None if boolean else np.nan).to_numpy(dtype=object)


def _require_packages(file: Path) -> None:
    import skops.io

    for name in skops.io.get_untrusted_types(file=file):
        top = name.partition(".")[0]
        if top not in PROVIDED and top not in sys.stdlib_module_names:
            raise Unsupported(f"the image does not contain {name}")


def _needs_table(original: Original) -> bool:
    rows = original.make_rows(original.inputs.head(2))
    if not isinstance(rows, np.ndarray):
        return True
    with warnings.catch_warnings(action="ignore"):  # scikit-learn warns about the missing names
        try:
            original.estimator.predict(rows)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return True
    return False

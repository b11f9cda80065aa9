"""The conversion of scikit-learn's transformers to computations with numpy; see `mlops.serving.runtimes.encoding`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.image.runtimes.tables import Unsupported, tabulate
from mlops.serving.runtimes.record import Numbers, Step, Texts


@dataclass
class Encoding:
    """A converted sequence of transformers; see `mlops.serving.runtimes.record.Record`."""

    blocks: list[Numbers | Texts] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def add_array(self, values: object) -> str:
        """Store an array, and return its name."""
        name = f"array{len(self.arrays)}"
        self.arrays[name] = np.asarray(values)
        return name


def split_pipeline(estimator: Any) -> tuple[list[Any], Any]:
    """Return the transformers of an estimator, and its last step."""
    from sklearn.pipeline import Pipeline

    if not isinstance(estimator, Pipeline):
        return [], estimator
    *transformers, last = [step for _, step in estimator.steps]
    first, last = split_pipeline(last)
    return [*_flatten(transformers), *first], last


def encode_inputs(transformers: list[Any], inputs: pd.DataFrame) -> Encoding:
    """Convert the transformers of a model, and return the result.

    Parameters
    ----------
    transformers : list of scikit-learn transformers
        The fitted transformers.
    inputs : DataFrame
        Rows of the inputs of the model. Texts without known categories get their values from these rows.

    Raises
    ------
    Unsupported
        If a transformer cannot be converted.
    """
    from sklearn.compose import ColumnTransformer

    encoding = Encoding()
    rest = list(transformers)
    if rest and isinstance(rest[0], ColumnTransformer):
        _add_blocks(encoding, rest.pop(0), inputs)
    elif other := [str(name) for name in inputs.columns if not is_number(inputs[name])]:
        raise Unsupported(f"the column {other[0]} is not a number, and no ColumnTransformer encodes it")
    for transformer in rest:
        encoding.steps += convert_steps(transformer, encoding)
    return encoding


def is_number(column: pd.Series) -> bool:
    """Return whether a column contains numbers."""
    return bool(pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype))


def convert_steps(transformer: Any, encoding: Encoding) -> list[Step]:
    """Convert a transformer of numbers, and return its steps. Their arrays are added to `encoding`.

    Raises
    ------
    Unsupported
        If the transformer cannot be converted.
    """
    steps = []
    for part in _flatten([transformer]):
        convert = CONVERSIONS.get(type(part).__name__, _convert_selector if hasattr(part, "get_support") else None)
        if convert is None:
            raise Unsupported(f"{type(part).__name__} is not supported")
        for name, *arrays in convert(part):
            steps.append(Step(name, tuple(map(encoding.add_array, arrays))))
    return steps


def _flatten(transformers: list[Any]) -> list[Any]:
    from sklearn.pipeline import Pipeline

    flat = []
    for part in transformers:
        flat += _flatten([step for _, step in part.steps]) if isinstance(part, Pipeline) else [part]
    return [part for part in flat if part not in ("passthrough", None) and not _does_nothing(part)]


def _does_nothing(part: Any) -> bool:
    return type(part).__name__ == "FunctionTransformer" and part.func is None


def _add_blocks(encoding: Encoding, transformer: Any, inputs: pd.DataFrame) -> None:
    columns = [str(name) for name in inputs.columns]
    places: list[int] = []  # the positions of the outputs, in the order of the blocks
    begin = 0
    for name, part, used in _list_parts(transformer, inputs):
        numbers = [is_number(inputs[columns[place]]) for place in used]
        if all(numbers):
            encoding.blocks.append(Numbers(tuple(used), tuple(convert_steps(part, encoding))))
            width = int(part.transform(inputs.iloc[:1, used]).shape[1])
            places += range(begin, begin + width)
        elif any(numbers):
            raise Unsupported(f"{name} encodes numbers and other values together")
        else:
            width = 0
            for table in tabulate(part, inputs.iloc[:, used]):
                block = Texts(used[table.column], table.values, encoding.add_array(table.inputs), table.refused)
                encoding.blocks.append(block)
                places += [begin + place for place in table.places]
                width += len(table.places)
        begin += width
    if places != sorted(places):
        encoding.steps.append(Step("take", (encoding.add_array(np.argsort(places)),)))


def _list_parts(transformer: Any, inputs: pd.DataFrame) -> Iterator[tuple[str, Any, list[int]]]:
    """Yield the name, the transformer and the columns of each part that has outputs, in the order of the outputs.

    A part that passes values through unchanged is split, so that numbers are separate from other values.
    """
    from sklearn.preprocessing import FunctionTransformer

    for name, part, _ in transformer.transformers_:
        used = [int(place) for place in transformer._transformer_to_input_indices[name]]
        if part == "passthrough" or _does_nothing(part):
            for _, places in groupby(used, lambda place: is_number(inputs.iloc[:, place])):
                yield name, FunctionTransformer(), [*places]
        elif part != "drop" and used:
            yield name, part, used


def _convert_standard(part: Any) -> list[tuple[Any, ...]]:
    centre, scale = (part.mean_, part.scale_) if hasattr(part, "mean_") else (part.center_, part.scale_)
    centred = part.with_mean if hasattr(part, "with_mean") else part.with_centering
    return [*([("subtract", centre)] if centred else []), *([("divide", scale)] if scale is not None else [])]


def _convert_minmax(part: Any) -> list[tuple[Any, ...]]:
    clipped = [("clip", *part.feature_range)] if part.clip else []
    return [("multiply", part.scale_), ("add", part.min_), *clipped]


def _convert_imputer(part: Any) -> list[tuple[Any, ...]]:
    fill = np.asarray(part.statistics_, dtype=np.float64)
    if part.missing_values == part.missing_values or np.isnan(fill).any():
        raise Unsupported("SimpleImputer replaces values other than NaN, or drops a column")
    flagged = part.indicator_.features_ if part.add_indicator else []
    return [("impute", fill, np.asarray(flagged, dtype=np.int64))]


def _convert_pca(part: Any) -> list[tuple[Any, ...]]:
    steps = [("project", part.components_), ("subtract", part.mean_.reshape(1, -1) @ part.components_.T)]
    if part.whiten:
        scale = np.sqrt(part.explained_variance_)
        steps.append(("divide", np.maximum(scale, np.finfo(scale.dtype).eps)))
    return steps


def _convert_selector(part: Any) -> list[tuple[Any, ...]]:
    return [("take", part.get_support(indices=True))]


CONVERSIONS: Mapping[str, Callable[[Any], list[tuple[Any, ...]]]] = {
    "StandardScaler": _convert_standard,
    "RobustScaler": _convert_standard,
    "MinMaxScaler": _convert_minmax,
    "MaxAbsScaler": lambda part: [("divide", part.scale_)],
    "SimpleImputer": _convert_imputer,
    "PCA": _convert_pca,
}

"""The conversion of models to ONNX in double precision; see `mlops.serving.runtimes.graph`."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops.image.runtimes.tables import NOT_INSTALLED, Unsupported
from mlops.serving.runtimes.graph import INPUT


def convert_graph(steps: Sequence[Any], file: Path) -> None:
    """Write the steps of a pipeline in ONNX format.

    `mlops.image.runtimes.ensembles` converts ensembles of trees, because skl2onnx has trees only in single precision.

    Raises
    ------
    Unsupported
        If the packages for the conversion are not installed.
    """
    try:
        import onnxruntime  # noqa: F401, which loads the converted model
        import skl2onnx
        from skl2onnx.common.data_types import DoubleTensorType
    except ImportError as error:
        raise Unsupported(NOT_INSTALLED) from error
    from sklearn.pipeline import Pipeline

    estimator = Pipeline([(str(place), step) for place, step in enumerate(steps)]) if len(steps) > 1 else steps[0]
    types = [(INPUT, DoubleTensorType([None, steps[0].n_features_in_]))]
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    with warnings.catch_warnings(action="ignore"):
        converted = skl2onnx.to_onnx(estimator, initial_types=types, options=options)
    file.write_bytes(converted.SerializeToString())

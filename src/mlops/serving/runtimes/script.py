"""The scoring script of an image whose problem has no script of its own. The server calls ``init()`` and ``run()``."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlops.serving.runtimes import Model, load_model
else:  # in an image, the package `serving` is beside this script
    from serving.runtimes import load_model

_loaded: dict[str, "Model"] = {}


def init() -> None:
    """Load the model in the folder that ``AZUREML_MODEL_DIR`` names, with the runtime that the image records."""
    _loaded["model"] = load_model(Path(os.environ["AZUREML_MODEL_DIR"]))


def run(data: NDArray[Any] | Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Predict.

    Parameters
    ----------
    data : array of shape (n, k) or mapping of str to array of length n
        Rows of numbers, or columns.

    Returns
    -------
    array of shape (n,) or (n, classes)
        The predictions.
    """
    return _loaded["model"].predict(data)

"""The scoring script in the image. The server calls ``init()`` once, and ``run()`` for each request."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import skops.io
from features import compute_features  # a module beside this script in the image
from numpy.typing import NDArray
from trusted import TRUSTED_TYPES

_loaded: dict[str, Any] = {}


def init() -> None:
    """Load the estimator from ``model.skops`` in the folder that ``AZUREML_MODEL_DIR`` names."""
    path = Path(os.environ["AZUREML_MODEL_DIR"], "model.skops")
    _loaded["model"] = skops.io.load(path, trusted=list(TRUSTED_TYPES))


def run(data: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Predict the probability that a customer cancels.

    Parameters
    ----------
    data : mapping of str to array of length n
        The columns: text, numbers, booleans and dates.

    Returns
    -------
    array of shape (n,)
        Probabilities.
    """
    return _loaded["model"].predict_proba(compute_features(pd.DataFrame(data)))[:, 1]

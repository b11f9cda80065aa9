"""The scoring script in the image. The server calls ``init()`` once, and ``run()`` for each request."""

# The script imports only numpy and the standard library, so the image does not need scikit-learn.

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_numbers: dict[str, NDArray[np.float64]] = {}


def init() -> None:
    """Load the model's numbers from ``model.json`` in the folder that ``AZUREML_MODEL_DIR`` names."""
    read = json.loads(Path(os.environ["AZUREML_MODEL_DIR"], "model.json").read_text(encoding="utf-8"))
    _numbers.update({name: np.array(read[name]) for name in ("mean", "scale", "weights", "intercept")})


def run(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predict the probability that a tumour is malignant.

    Parameters
    ----------
    data : array of shape (n, 30)
        The measurements, in the order of the problem's features.

    Returns
    -------
    array of shape (n,)
        Probabilities.
    """
    scores = (data - _numbers["mean"]) / _numbers["scale"] @ _numbers["weights"] + _numbers["intercept"]
    return 1 / (1 + np.exp(-scores))

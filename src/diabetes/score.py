"""The scoring script in the image. The server calls ``init()`` once, and ``run()`` for each request."""

# The script imports only numpy and the standard library, so the image does not need scikit-learn.

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_columns: list[str] = []
_coefficients: NDArray[np.float64] = np.empty(0)
_intercept = 0.0


def init() -> None:
    """Load the model's numbers from ``model.json`` in the folder that ``AZUREML_MODEL_DIR`` names."""
    global _columns, _coefficients, _intercept
    numbers = json.loads(Path(os.environ["AZUREML_MODEL_DIR"], "model.json").read_text(encoding="utf-8"))
    _columns = numbers["columns"]
    _coefficients = np.array(numbers["coefficients"], dtype=np.float64)
    _intercept = float(numbers["intercept"])


def run(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predict disease progression.

    Parameters
    ----------
    data : array of shape (n, 10)
        Rows with the features AGE, SEX, BMI, BP and S1 to S6, scaled as in training.

    Returns
    -------
    array of shape (n,)
        Disease progression one year after baseline.

    Raises
    ------
    ValueError
        If the rows do not have the model's columns, or have numbers that are too large for the model.
    """
    if data.ndim != 2 or data.shape[1] != len(_columns):
        found = data.shape[1] if data.ndim == 2 else "no"
        raise ValueError(f"a row has {found} numbers, but it needs {len(_columns)}: {', '.join(_columns)}")
    predictions = data @ _coefficients + _intercept
    if np.count_nonzero(np.isfinite(predictions)) < len(predictions):
        raise ValueError("data has numbers that are too large for the model")
    return predictions

"""The scoring script in the image. The server calls ``init()`` once, and ``run()`` for each request."""

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_numbers: dict[str, NDArray[np.float64]] = {}


def init() -> None:
    """Load the numbers of the model."""
    read = json.loads(Path(os.environ["AZUREML_MODEL_DIR"], "model.json").read_text(encoding="utf-8"))
    _numbers.update({name: np.array(read[name]) for name in ("coefficients", "intercept")})


def run(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Predict the disease progression of each row."""
    predictions = data @ _numbers["coefficients"] + _numbers["intercept"]
    if not np.isfinite(predictions).all():
        raise ValueError("data has numbers that are too large for the model")
    return predictions

"""The files of a model: a skops file for audits and retraining, and plain numbers for the scoring image.

Pickle is never used.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from mlops.errors import IntegrityError
from mlops.files.atomic import write_atomically

ESTIMATOR = "model.skops"
NUMBERS = "model.json"


def save_model(estimator: Any, numbers: Mapping[str, Any], folder: Path) -> None:
    """Write the files of a model.

    Parameters
    ----------
    estimator : scikit-learn estimator
        The fitted model.
    numbers : mapping
        The values that the scoring script loads, which can be written as JSON.
    folder : Path
        The folder to which ``model.skops`` and ``model.json`` are written.
    """
    write_atomically(folder / ESTIMATOR, skops.io.dumps(estimator))
    write_atomically(folder / NUMBERS, json.dumps(numbers, indent=1) + "\n")


def load_model(folder: Path) -> Any:
    """Load the estimator that `save_model` wrote.

    The caller must check its hash first (`mlops.files.hashes.verify_files`).

    Raises
    ------
    IntegrityError
        If the file contains types that skops does not trust.
    """
    try:
        return skops.io.load(folder / ESTIMATOR)
    except UntrustedTypesFoundException as error:
        raise IntegrityError(f"Could not load {folder / ESTIMATOR}: {error}") from error

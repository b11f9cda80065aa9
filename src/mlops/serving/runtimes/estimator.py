"""scikit-learn estimators in skops' format. This runtime serves any model, but it is the slowest."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .encoding import Rows, read_matrix
from .record import Record


def open_estimator(record: Record, folder: Path) -> Callable[[Rows], Any]:
    """Load an estimator, and return the function that predicts with it."""
    import skops.io

    estimator = skops.io.load(folder / record.file, trusted=list(record.trusted))
    predict = estimator.predict_proba if record.classes else estimator.predict
    if not record.table:
        # It would be checked again for each request. An array has no names, but the reader has sorted its columns.
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        return lambda rows: predict(read_matrix(rows, record.columns))
    import pandas as pd

    names = list(record.columns)
    return lambda rows: predict(pd.DataFrame(rows, columns=names))

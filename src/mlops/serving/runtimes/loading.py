"""The loading of a model with its runtime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding import Arrays, Encoder, Matrix, Rows, require_finite
from .estimator import open_estimator
from .graph import open_graph
from .linear import WEIGHTS, open_linear
from .record import ARRAYS, Record, read_record
from .trees import open_trees


class Model:
    """A model that is loaded with its runtime.

    Parameters
    ----------
    record : Record
        The record of the model.
    compute : callable
        A function that returns the predictions of the model for rows. If the model has classes, these are the
        probabilities of its classes.
    """

    def __init__(self, record: Record, compute: Callable[[Rows], NDArray[Any]]) -> None:
        self.runtime = record.runtime
        self._compute = compute
        self._classes, self._labels = list(record.classes), record.labels
        self._has_all = self._classes == list(range(record.labels))
        self._binary = record.binary

    def predict(self, rows: Rows) -> NDArray[Any]:
        """Return the predictions for rows.

        Parameters
        ----------
        rows : array of shape (n, k) or mapping of str to array of length n
            The rows as the scoring script gets them: an array if all columns are numbers, otherwise the columns.

        Returns
        -------
        array of shape (n,) or (n, classes)
            Numbers, probabilities of true, or the probabilities of the sorted classes.

        Raises
        ------
        ValueError
            If the model refuses a row.
        """
        found = self._compute(rows)
        if not self._classes:
            return found.reshape(-1)
        if not self._has_all:
            found, known = np.zeros((len(found), self._labels)), found
            found[:, self._classes] = known  # stays 0 for a class that the model has not seen
        return found[:, 1] if self._binary else found


def load_model(folder: Path) -> Model:
    """Load the model whose files are in a folder, with the runtime that ``runtime.json`` in this folder names.

    Raises
    ------
    ValueError
        If ``runtime.json`` was written by a newer version.
    """
    record = read_record(folder)
    if record.runtime == "skops":
        return Model(record, open_estimator(record, folder))
    with np.load(folder / ARRAYS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    encode, predict = Encoder(record, arrays), _open_core(record, arrays, folder)
    return Model(record, lambda rows: predict(encode(rows)))


def _open_core(record: Record, arrays: Arrays, folder: Path) -> Callable[[Matrix], NDArray[Any]]:
    if WEIGHTS in arrays:
        return open_linear(record, arrays)
    predict = open_trees(record, arrays) if record.runtime == "numbers" else open_graph(record, folder)
    if not record.complete:
        return predict

    def predict_complete(matrix: Matrix) -> NDArray[Any]:
        require_finite(matrix)
        return predict(matrix)

    return predict_complete

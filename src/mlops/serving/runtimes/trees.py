"""Ensembles of trees, which treelite predicts in double precision."""

from collections.abc import Callable
from pathlib import Path

from .encoding import Matrix, round_numbers
from .linear import LINKS
from .record import Record


def open_trees(record: Record, folder: Path) -> Callable[[Matrix], Matrix]:
    """Return the function that predicts with an ensemble of trees.

    treelite would compute probabilities in single precision, so they are computed here.
    """
    from treelite import Model, gtil

    model = Model.deserialize(folder / record.file)
    link, single = LINKS[record.link], record.single

    def predict(matrix: Matrix) -> Matrix:
        inputs = round_numbers(matrix) if single else matrix
        sums = gtil.predict(model, inputs, nthread=1, pred_margin=True)[:, 0, :]
        return link(sums) if link else sums

    return predict

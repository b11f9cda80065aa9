"""Models in ONNX format, in double precision."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .encoding import Matrix, round_numbers
from .linear import LINKS
from .record import Record

INPUT = "inputs"


def open_graph(record: Record, folder: Path) -> Callable[[Matrix], Matrix]:
    """Return the function that predicts with a model in ONNX format.

    onnxruntime starts a thread when it is imported, so a process must not be forked afterwards.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the workers share the cores
    session = onnxruntime.InferenceSession(folder / record.file, options, providers=["CPUExecutionProvider"])
    outputs = [session.get_outputs()[-1].name]  # the last output of a classifier has the probabilities
    run, link, single = session.run, LINKS[record.link], record.single

    def predict(matrix: Matrix) -> Matrix:
        if single:
            matrix = round_numbers(matrix).astype(np.float64)
        found: Matrix = run(outputs, {INPUT: matrix})[0]
        return link(found) if link else found

    return predict

"""The check that the service accepts the rows of a problem."""

import json

import pandas as pd

from mlops.errors import ProblemError
from mlops.image.schema import encode_schema, write_rows
from mlops.problem import Problem
from mlops.serving.refusals import Refusal
from mlops.serving.rows import RowReader
from mlops.serving.schema import decode_schema


def open_request_reader(problem: Problem) -> RowReader:
    """Return the reader with which the service of a problem reads requests."""
    return RowReader(decode_schema(encode_schema(problem)))


def send_row(problem: Problem, reader: RowReader, row: pd.Series) -> pd.DataFrame:
    """Convert a row to JSON and back, and return it as the scoring script would get it.

    Raises
    ------
    ProblemError
        If the service would refuse the row.
    """
    request = {"data": write_rows(problem, [[row[name] for name in problem.features]])}
    try:
        sent, *_ = reader.read_rows(json.dumps(request).encode())
    except Refusal as refusal:
        said = str(refusal).replace("data[0]", "row", 1)
        raise ProblemError(
            f"{problem}: The service would refuse a held-out row: {said} Correct the declaration or the rows."
        ) from refusal
    return pd.DataFrame(sent, columns=list(problem.features))

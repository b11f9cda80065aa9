"""The file ``schema.json`` in an image, which tells the server the features of a request and the kind of the answers.

.. code-block:: json

    {
      "format": 1,
      "features": [
        {"name": "AGE", "kind": "number", "minimum": 18, "maximum": null, "allowed": [], "missing": false}
      ],
      "answer": {"kind": "category", "classes": ["basic", "plus"]},
      "joins_requests": true
    }

The bounds of a date are strings: "2024-01-31". ``missing`` says whether null is allowed. The classes of an answer are
sorted. ``classes`` is empty if the answer is a number. ``joins_requests`` says whether the scoring script can get the
rows of several requests in one call. If the problem has a column with the role "id", ``id`` is its name.
`mlops.serving.schema` reads the file.
"""

import json
import math
from collections.abc import Sequence
from datetime import date

from mlops.errors import ProblemError
from mlops.problem import Column, Problem
from mlops.problem.column import Bound
from mlops.problem.values import DAY, Value, write_value
from mlops.serving.schema import FORMAT, decode_schema

Row = list[Value] | dict[str, Value]


def encode_schema(problem: Problem) -> bytes:
    """Return the content of ``schema.json``."""
    features = [_describe_column(column) for column in problem.feature_columns]
    answer = {"kind": problem.target.kind, "classes": list(problem.classes)}
    content = {
        "format": FORMAT,
        "features": features,
        "answer": answer,
        "joins_requests": problem.joins_requests,
        **({"id": problem.id.name} if problem.id else {}),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def check_examples(problem: Problem) -> None:
    """Check that the service accepts the examples of a problem.

    Raises
    ------
    ProblemError
        If an example does not match the schema.
    """
    if not problem.examples:
        return
    # imported here, because commands that only compare schemas need no numpy
    from mlops.serving.refusals import Refusal
    from mlops.serving.rows import RowReader

    request = json.dumps({"data": write_rows(problem, problem.example_rows)}).encode()
    try:
        RowReader(decode_schema(encode_schema(problem))).read_rows(request)
    except Refusal as refusal:
        said = str(refusal).replace("data", "examples", 1)
        raise ProblemError(f"{problem}: The service would refuse its examples. {said}") from refusal


def write_rows(problem: Problem, rows: Sequence[Sequence[object]]) -> list[Row]:
    """Convert rows to the list that a request ``{"data": [...]}`` contains, and return this list.

    Parameters
    ----------
    problem : Problem
        The problem.
    rows : sequence of sequences, length k
        Values in the order of the features.

    Returns
    -------
    list
        Lists of numbers if all features are numbers, otherwise records: ``{"plan": "basic", "since": "2024-01-31"}``.

    Raises
    ------
    ProblemError
        If there are no rows.
    """
    if not rows:
        raise ProblemError(
            f"{problem} has no examples, and the model has no example rows, so its service cannot be tested. Add "
            "`examples` to the declaration of the problem."
        )
    columns = problem.feature_columns
    written = [[write_value(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
    if all(column.kind == "number" for column in columns):
        return [*written]
    return [dict(zip(problem.features, row, strict=True)) for row in written]


def _describe_column(column: Column) -> dict[str, object]:
    checked = column.checked_in_service
    return {
        "name": column.name,
        "kind": column.kind,
        "minimum": _write_bound(column.minimum) if checked else None,
        "maximum": _write_bound(column.maximum) if checked else None,
        "allowed": list(column.allowed) if checked else [],
        "missing": column.max_missing > 0,
    }


def _write_bound(bound: Bound) -> float | str | None:
    if isinstance(bound, date):
        return bound.isoformat()[:DAY]
    return bound if bound is not None and math.isfinite(bound) else None

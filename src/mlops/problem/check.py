"""The contract that every problem must meet, as one function that the tests of a problem call."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.errors import ProblemError
from mlops.problem.image_files import SCORING_SCRIPT

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from mlops.problem.declared import Problem
    from mlops.serving.rows import RowReader

SHARE, SEED = 0.2, 0  # how rows are held out
ROWS = 20  # rows that are predicted one by one
TOLERANCE = 1e-6  # relative difference of two predictions that count as equal


def check(problem: "Problem", rows: "pd.DataFrame | None" = None, /, **hyperparameters: object) -> None:
    """Check that a problem keeps the promises on which the notebooks and the service rely.

    Parameters
    ----------
    problem : Problem
        The problem.
    rows : DataFrame, optional
        Rows to train on. By default, the sample data of the problem.
    **hyperparameters
        Values of the hyperparameters of `Problem.train`.

    Raises
    ------
    ProblemError
        If the problem breaks a promise. The message says which one, and how to keep it.
    """
    from mlops.problem.image_files import find_image_files
    from mlops.problem.imports import check_imports
    from mlops.problem.sample import check_rows
    from mlops.problem.scoring import predict_rows
    from mlops.problem.values import set_types

    check_imports(problem)
    find_image_files(problem)
    _check_script(problem)
    if rows is None:
        rows = problem.load_sample()
    check_rows(problem, rows)
    rows = set_types(rows, problem.columns)
    training, holdout = _split(problem, rows)
    model = _train(problem, training, hyperparameters)
    predicted = predict_rows(problem, model, holdout)
    _check_training(problem, training, hyperparameters, holdout, predicted)
    _check_predictions(problem, model, holdout, predicted)
    _check_explanation(problem, model)
    _check_export(problem, model)
    _check_examples(problem, model)


def _check_script(problem: "Problem") -> None:
    script = problem.folder / SCORING_SCRIPT
    if not script.is_file():  # the project can have the scoring script elsewhere
        return
    tree = ast.parse(script.read_text(encoding="utf-8"), SCORING_SCRIPT)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("init", "run"):
        if name not in defined:
            raise ProblemError(
                f"{script} has no function {name}. The service calls init() once, and run(data) per request."
            )


def _split(problem: "Problem", rows: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    held_out = problem.mark_holdout(rows, SHARE, SEED)
    again = problem.mark_holdout(rows.sample(frac=1, random_state=SEED), SHARE, SEED)
    if not again.sort_index().equals(held_out.sort_index()):
        raise ProblemError(
            f"{problem}: mark_holdout marks different rows if the order of the rows changes. Let only the values of a "
            "row decide, so that a row stays on its side when the data grows."
        )
    return problem.split_rows(rows, SHARE, SEED)


def _train(problem: "Problem", training: "pd.DataFrame", hyperparameters: "dict[str, Any]") -> "Any":
    import inspect

    try:
        inspect.signature(problem.train).bind(training, **hyperparameters)
    except TypeError as error:
        raise ProblemError(
            f"{problem}: train {error}. Call check(problem, name=value) with its hyperparameters: "
            f"{', '.join(problem.hyperparameters) or 'none'}."
        ) from error
    before = training.copy()
    model = problem.train(training, **hyperparameters)
    if not training.equals(before):
        raise ProblemError(f"{problem}: train changes the given rows, but they are used again. Change a copy instead.")
    return model


def _check_training(
    problem: "Problem",
    training: "pd.DataFrame",
    hyperparameters: "dict[str, Any]",
    holdout: "pd.DataFrame",
    predicted: "NDArray[np.generic]",
) -> None:
    from mlops.problem.scoring import predict_rows

    again = predict_rows(problem, _train(problem, training, hyperparameters), holdout)
    if not _are_equal(predicted, again):
        raise ProblemError(
            f"{problem}: train returns different models for the same rows. Give each random step a fixed random_state."
        )


def _check_predictions(
    problem: "Problem", model: "Any", holdout: "pd.DataFrame", predicted: "NDArray[np.generic]"
) -> None:
    import numpy as np

    from mlops.problem.scoring import predict_rows

    encoded = np.asarray(problem.encode(predicted), dtype=float)
    if problem.classes and not ((encoded >= 0) & (encoded <= 1)).all():
        raise ProblemError(f"{problem}: predict returns {encoded.max():g}. Return probabilities, from 0 to 1.")
    reader = _open_reader(problem)
    for place in range(min(ROWS, len(holdout))):
        alone = predict_rows(problem, model, holdout.iloc[[place]])
        if not _are_equal(predicted[[place]], alone):
            raise ProblemError(
                f"{problem}: predict returns {alone[0]} for row {place} alone, but {predicted[place]} among other "
                "rows. Do not let rows depend on each other, because the service predicts single rows."
            )
        served = predict_rows(problem, model, _send_row(problem, reader, holdout.iloc[place]))
        if not _are_equal(predicted[[place]], served):
            raise ProblemError(
                f"{problem}: predict returns {served[0]} for row {place} as the service gets it, but "
                f"{predicted[place]} as the training data has it. Requests have no time of day, and their columns have "
                "the types in docs/service.md. Let `prepare` make both alike."
            )
    scores = problem.score(holdout[problem.target.name], predicted)
    for name, value in scores.items():
        if value is None or not np.isfinite(value):
            raise ProblemError(
                f"{problem}: the metric {name} is {'undefined' if value is None else value} for {len(holdout)} "
                "held-out rows. Use more rows, or another metric."
            )


def _open_reader(problem: "Problem") -> "RowReader":
    from mlops.serving.rows import open_reader
    from mlops.serving.schema import FORMAT, Answer, Feature, Schema

    columns = problem.feature_columns
    features = tuple(Feature(column.name, column.kind, missing=column.max_missing > 0) for column in columns)
    return open_reader(Schema(FORMAT, features, Answer()))


def _send_row(problem: "Problem", reader: "RowReader", row: "pd.Series") -> "pd.DataFrame":
    """Return a row as the scoring script gets it, after its way through JSON."""
    import json

    import pandas as pd

    from mlops.problem.values import write_value
    from mlops.serving.refusals import Refusal

    columns = problem.feature_columns
    record = {column.name: write_value(column, row[column.name]) for column in columns}
    try:
        sent, _ = reader.read_rows(json.dumps({"data": [record]}).encode())
    except Refusal as refusal:
        said = str(refusal).replace("data[0]", "row", 1)
        raise ProblemError(f"{problem}: The service would refuse a held-out row: {said}") from refusal
    return pd.DataFrame(sent, columns=list(problem.features))


def _check_explanation(problem: "Problem", model: "Any") -> None:
    explained = problem.explain(model)
    if explained is None:
        return
    unnamed = [name for name in explained.index if not isinstance(name, str)]
    if unnamed or not explained.index.is_unique:
        raise ProblemError(f"{problem}: explain must return a Series with the name of each feature once in its index.")
    if explained.isna().any():
        raise ProblemError(f"{problem}: explain returns no number for {explained.index[explained.isna()][0]!r}.")


def _check_export(problem: "Problem", model: "Any") -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        written = [_export(problem, model, Path(folder)) for folder in (first, second)]
    if written[0] != written[1]:
        raise ProblemError(
            f"{problem}: export writes different files if it is called again. Write neither times nor random values."
        )


def _export(problem: "Problem", model: "Any", folder: Path) -> dict[str, bytes]:
    problem.export(model, folder)
    inner = next((path for path in folder.iterdir() if not path.is_file()), None)
    if inner:
        raise ProblemError(f"{problem}: export writes the folder {inner.name!r}. Write only files.")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _check_examples(problem: "Problem", model: "Any") -> None:
    from mlops.problem.scoring import predict_rows
    from mlops.problem.values import make_table

    features = problem.feature_columns
    predict_rows(problem, model, make_table(features, problem.examples))


def _are_equal(first: "NDArray[np.generic]", second: "NDArray[np.generic]") -> bool:
    import numpy as np

    return bool(np.allclose(first.astype(float), second.astype(float), rtol=TOLERANCE, atol=1e-12))

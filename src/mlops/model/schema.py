"""The schema of a problem, and the check that a registered model was trained with it."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops.parameters.layers import MODEL_NAME
from mlops.parameters.lookup import SHARED
from mlops.pipelines.advice import OVERRULE
from mlops.platform.models import ModelVersion, Registry
from mlops.problem import Problem

PROBLEM, SCHEMA = "problem", "schema"  # names of tags of a model version
MOST_NAMES = 3  # maximum number of columns that a message lists
REPLACE = (
    f"To replace it without a comparison, add `{OVERRULE}`. To keep the champion and register the new model under "
    f"another name, add `-p {SHARED}.{MODEL_NAME}=NAME`."
)


def tag_problem(problem: Problem) -> dict[str, str]:
    """Return the tags that a model version gets: the name of its problem, and the hash of the problem's schema."""
    return {PROBLEM: problem.name, SCHEMA: hash_schema(problem)}


def hash_schema(problem: Problem) -> str:
    """Return a hash of a problem's schema: its features (names and kinds, in order), its target and its classes."""
    target = (problem.target.name, problem.target.kind, *sorted(problem.target.allowed))
    content = json.dumps([*_list_features(problem), target])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def explain_misfit(registry: Registry, problem: Problem, model: ModelVersion) -> str:
    """Return why a model does not fit, such as "solves the problem 'churn', not 'visits'", or "" if the model fits.

    A model fits if it was trained for the problem, on the features that the problem declares, in the same order.

    Parameters
    ----------
    registry : Registry
        The registry of the model.
    problem : Problem
        The current problem of the project.
    model : ModelVersion
        A version of a model.

    Raises
    ------
    IntegrityError
        If the files of the version have changed.
    """
    owner, schema = model.tags.get(PROBLEM, problem.name), model.tags.get(SCHEMA, "")
    if owner != problem.name:
        return f"solves the problem {owner!r}, not {problem.name!r}"
    if schema == hash_schema(problem):
        return ""
    trained = _read_recorded_features(registry, model)
    if not schema and (not trained or _list_features(problem) == [(name, "number") for name in trained]):
        return ""
    return f"was trained on other columns than {problem.name!r} declares: {_compare(trained, problem)}"


def _list_features(problem: Problem) -> list[tuple[str, str]]:
    return [(column.name, column.kind) for column in problem.feature_columns]


def _read_recorded_features(registry: Registry, model: ModelVersion) -> tuple[str, ...]:
    from mlops.model.training_data import read_training_data  # imported here, because it imports pandas

    with TemporaryDirectory() as folder:
        return read_training_data(registry.fetch_model(model, Path(folder, "model"))).columns


def _compare(trained: tuple[str, ...], problem: Problem) -> str:
    lacks = [name for name in problem.features if name not in trained] if trained else []
    has = [name for name in trained if name not in problem.features]
    parts = [f"{word} {_list_names(names)}" for word, names in (("without", lacks), ("with", has)) if names]
    return " and ".join(parts) or "their order, their kinds, the target or its classes differ"


def _list_names(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:MOST_NAMES]))
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown

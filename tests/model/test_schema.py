"""A registered model must fit the problem that the project solves now."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tiny_model import make_files

from mlops.backends import memory
from mlops.model.schema import explain_misfit, hash_schema, tag_problem
from mlops.model.training_data import TrainingData, write_training_data
from mlops.platform.backend import Backend
from mlops.platform.models import ModelVersion
from mlops.problem import Column, Problem, metrics

X, Y, TARGET = Column("x"), Column("y"), Column("z", role="target")


def declare(*columns: Column, name: str = "plain") -> Problem:
    """Return a problem with these columns and the target `TARGET`."""
    own = {"name": name, "columns": (*columns, TARGET), "metrics": (metrics.mean_squared_error(),)}
    declared: type[Problem] = type("Declared", (Problem,), own)
    return declared()


def register(backend: Backend, folder: Path, tags: Mapping[str, str], *columns: str) -> ModelVersion:
    """Register a model that was trained on these columns."""
    files = make_files(folder, 1.0)
    if columns:
        write_training_data(TrainingData(columns=columns), files)
    run = backend.tracker.log_training(parameters={}, metrics={}, tags={}, files=files)
    return backend.registry.register("plain", run, tags)


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (declare(X, Y), ""),
        (declare(X, Column("w"), Y, Column("day", kind="date", role="ignored")), "without 'w'"),
        (declare(Y), "with 'x'"),
        (declare(X, Y, Column("day", kind="date")), "without 'day'"),
        (declare(X, *map(Column, "abcdef")), "without 'a', 'b', 'c' and 3 more and with 'y'"),
        (declare(Y, X), "their order, their kinds, the target or its classes differ"),
        (declare(X, Column("y", kind="date")), "their order, their kinds, the target or its classes differ"),
    ],
)
@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "old"])
def test_a_model_of_other_columns_does_not_fit(problem: Problem, why: str, tagged: bool, tmp_path: Path) -> None:
    backend = memory.open_backend()
    model = register(backend, tmp_path, tag_problem(declare(X, Y)) if tagged else {}, "x", "y")
    expected = f"was trained on other columns than 'plain' declares: {why}" if why else ""
    assert explain_misfit(backend.registry, problem, model) == expected


def test_a_model_of_another_problem_does_not_fit(tmp_path: Path) -> None:
    backend = memory.open_backend()
    model = register(backend, tmp_path, tag_problem(declare(X)), "x")
    assert (
        explain_misfit(backend.registry, declare(X, name="other"), model) == "solves the problem 'plain', not 'other'"
    )


def test_a_model_without_any_record_of_its_columns_is_taken_to_fit(tmp_path: Path) -> None:
    backend = memory.open_backend()
    assert explain_misfit(backend.registry, declare(X), register(backend, tmp_path, {"problem": "plain"})) == ""


def test_a_model_of_other_classes_does_not_fit(tmp_path: Path) -> None:
    def classify(*classes: str) -> Problem:
        target = Column("z", kind="category", role="target", allowed=classes)
        own = {"name": "plain", "columns": (X, target), "metrics": (metrics.log_loss(),)}
        declared: type[Problem] = type("Declared", (Problem,), own)
        return declared()

    backend = memory.open_backend()
    model = register(backend, tmp_path, tag_problem(classify("a", "b")), "x")
    assert explain_misfit(backend.registry, classify("b", "a"), model) == ""
    assert explain_misfit(backend.registry, classify("a", "b", "c"), model) == (
        "was trained on other columns than 'plain' declares: their order, their kinds, the target or its classes differ"
    )


def test_the_schema_does_not_depend_on_rules() -> None:
    """A wider range leaves the models of the problem comparable."""
    assert hash_schema(declare(Column("x", minimum=0.0))) == hash_schema(declare(Column("x", maximum=9.0)))

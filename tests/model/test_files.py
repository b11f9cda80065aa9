"""The files of a model: an MLflow model, and what a problem exports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
import yaml
from churn import problem as churn
from mlflow.models import Model, infer_signature
from progression import problem as diabetes
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from mlops.errors import IntegrityError, ProblemError
from mlops.model.estimator import load_estimator
from mlops.model.files import ESTIMATOR, list_served, save_model
from mlops.model.mlflow_model import WRITTEN
from mlops.problem import Column, Problem, metrics

DTYPE, TREE = "numpy.dtype", "sklearn.tree._tree.Tree"
DISTANCE = "sklearn.metrics._dist_metrics.EuclideanDistance64"


class Rents(Problem):
    """A number, predicted from a number and a text, both with gaps."""

    name = "rents"
    columns = (
        Column("size", max_missing=0.2),
        Column("town", kind="category", max_missing=0.2),
        Column("rent", role="target"),
    )
    metrics = (metrics.mean_absolute_error(),)


@pytest.fixture
def rents() -> pd.DataFrame:
    """60 rows with gaps."""
    rng = np.random.default_rng(0)
    towns = np.array(["a", "b", None], dtype=object)[rng.integers(0, 3, 60)]
    rows = pd.DataFrame({"size": rng.normal(80, 20, 60), "town": towns, "rent": rng.normal(900, 100, 60)})
    rows.loc[3, "size"] = None
    return rows


def fit(rows: pd.DataFrame, estimator: BaseEstimator) -> Any:
    """Fit an estimator behind imputers, a scaler and an encoder."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = make_column_transformer((numbers, ["size"]), (texts, ["town"]))
    return make_pipeline(prepared, estimator).fit(rows[["size", "town"]], rows["rent"])


def make_problem(trusted: tuple[str, ...], export: Callable[[Path], object] | None = None) -> Problem:
    """Return the problem of the rents with other trusted types."""

    class Other(Rents):
        trusted_types = trusted

        def export(self, model: Any, folder: Path) -> None:
            if export:
                export(folder)

    return Other()


@pytest.mark.parametrize(
    ("estimator", "types"),
    [
        (Ridge(), []),
        (DecisionTreeRegressor(max_depth=2), [TREE]),
        (RandomForestRegressor(n_estimators=2), [TREE]),
        (GradientBoostingRegressor(n_estimators=2), [TREE]),
        (
            HistGradientBoostingRegressor(max_iter=2),
            ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"],
        ),
        (KNeighborsRegressor(algorithm="kd_tree"), [DISTANCE, "sklearn.neighbors._kd_tree.KDTree"]),
        (KNeighborsRegressor(algorithm="ball_tree"), [DISTANCE, "sklearn.neighbors._ball_tree.BallTree"]),
        (SVR(), []),
        (MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs", max_iter=200), []),
        (make_pipeline(KNNImputer(), Ridge()), []),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, BaseEstimator) else "",
)
def test_an_estimator_needs_its_types_to_be_trusted(
    estimator: BaseEstimator, types: list[str], rents: pd.DataFrame, tmp_path: Path
) -> None:
    fitted, needed = fit(rents, estimator), [DTYPE, *types]
    with pytest.raises(ProblemError) as error:
        save_model(Rents(), fitted, tmp_path / "refused", rents)
    assert str(error.value) == (
        "The problem 'rents': the fitted model has types that skops does not trust, so it could not be loaded again. "
        "Review them, then add them to `trusted_types`: " + ", ".join(f'"{name}"' for name in needed) + "."
    )
    problem = make_problem(tuple(needed))
    save_model(problem, fitted, tmp_path / "model", rents)
    loaded = load_estimator(problem, tmp_path / "model" / ESTIMATOR)
    assert np.array_equal(problem.predict(loaded, rents), problem.predict(fitted, rents))
    predicted = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(rents[["size", "town"]])
    assert np.array_equal(predicted, problem.predict(fitted, rents))


def test_a_function_without_a_name_is_refused(rents: pd.DataFrame, tmp_path: Path) -> None:
    fitted = fit(rents, make_pipeline(FunctionTransformer(lambda values: values), Ridge()))
    with pytest.raises(ProblemError, match=r"'rents': skops cannot save the fitted model and load it again\. Build it"):
        save_model(make_problem((DTYPE, f"{__name__}.<lambda>")), fitted, tmp_path, rents)


def test_a_model_with_types_that_are_no_longer_trusted_is_not_loaded(rents: pd.DataFrame, tmp_path: Path) -> None:
    save_model(make_problem((DTYPE,)), fit(rents, Ridge()), tmp_path, rents)
    with pytest.raises(
        IntegrityError, match="model.skops was not loaded, because the problem 'rents' .*: \"numpy.dtype\"\\.$"
    ):
        load_estimator(Rents(), tmp_path / ESTIMATOR)


def test_a_model_that_takes_other_inputs_than_prepare_returns_is_refused(rents: pd.DataFrame, tmp_path: Path) -> None:
    fitted = make_pipeline(SimpleImputer(), Ridge()).fit(rents[["size"]], rents["rent"])
    with pytest.raises(ProblemError, match="'rents': the fitted model does not accept the columns that `prep"):
        save_model(make_problem((DTYPE,)), fitted, tmp_path, rents)


@pytest.mark.parametrize("name", ["MLmodel", "training_data.json", "model.skops"])
def test_an_exported_file_cannot_have_a_reserved_name(name: str, rents: pd.DataFrame, tmp_path: Path) -> None:
    problem = make_problem((DTYPE,), lambda folder: (folder / name).write_text("{}"))
    with pytest.raises(ProblemError, match=f"'rents': `export` wrote {name}, but the engine writes a file"):
        save_model(problem, fit(rents, Ridge()), tmp_path / "model", rents)


@pytest.mark.parametrize("problem", [diabetes, churn], ids=["diabetes", "churn"])
def test_the_files_are_those_that_mlflow_writes(problem: Problem, tmp_path: Path) -> None:
    rows = problem.load_sample().head(200)
    hyperparameters = {"diabetes": {"alpha": 0.4}, "churn": {"trees": 2, "learning_rate": 0.1, "depth": 2, "seed": 0}}
    fitted = problem.train(rows, **hyperparameters[problem.name])
    save_model(problem, fitted, tmp_path / "ours", rows)
    inputs = problem.prepare(rows)
    predict = "predict_proba" if problem.classes else "predict"
    mlflow.sklearn.save_model(
        fitted,
        str(tmp_path / "theirs"),
        serialization_format="skops",
        signature=infer_signature(inputs, getattr(fitted, predict)(inputs)),
        input_example=inputs.head(2),
        pip_requirements=(tmp_path / "ours" / "requirements.txt").read_text().splitlines(),
        pyfunc_predict_fn=predict,
        skops_trusted_types=list(problem.trusted_types) or None,
    )
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    assert {path.name for path in theirs.iterdir()} == {*WRITTEN, ESTIMATOR}
    for name in ("input_example.json", "serving_input_example.json", "requirements.txt"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    for name in ("conda.yaml", "python_env.yaml"):
        assert read_yaml(ours / name) == read_yaml(theirs / name)
    own = {"model_uuid", "utc_time_created", "model_size_bytes"}
    described = [Model.load(str(folder)).to_dict() for folder in (ours, theirs)]
    assert described[0] | dict.fromkeys(own) == described[1] | dict.fromkeys(own)


def read_yaml(path: Path) -> object:
    """Read a file, without the versions of the installers, which MLflow adds if they are installed."""
    versions = {"pip", "setuptools", "wheel"}
    content = yaml.safe_load(path.read_text())
    for name in ("dependencies", "build_dependencies"):
        content[name] = [
            item if isinstance(item, dict) or (bare := item.split("=")[0].rstrip("<")) not in versions else bare
            for item in content.get(name, [])
        ]
    return content


@pytest.mark.parametrize(
    ("names", "served"),
    [
        ({"model.json", "model.skops", "training_data.json", *WRITTEN}, ["model.json", "training_data.json"]),
        ({"model.skops", "training_data.json", *WRITTEN}, ["model.skops", "training_data.json"]),
        ({"model.json", "model.skops", "training_data.json"}, ["model.json", "training_data.json"]),
        ({"model.skops"}, ["model.skops"]),
    ],
)
def test_a_service_gets_only_what_it_needs(names: set[str], served: list[str]) -> None:
    assert list_served(names) == served

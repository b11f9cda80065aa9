"""The runtimes of models: each conversion predicts the same as the model, or is refused with the reason."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
)
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlops.errors import ProblemError
from mlops.files.hashes import hash_folder
from mlops.image.bundle import build_bundle
from mlops.image.runtimes.candidates import Original, Runtime, convert_model
from mlops.image.runtimes.choice import Candidate, choose_candidate, try_runtimes
from mlops.image.runtimes.intervals import convert_trees
from mlops.image.runtimes.packages import compose_requirements
from mlops.image.runtimes.tables import Unsupported
from mlops.image.sources import find_sources
from mlops.model.estimator import dump_estimator
from mlops.problem import Column, Problem, load, metrics
from mlops.problem.values import set_types
from mlops.serving.rows import Rows
from mlops.serving.runtimes import load_model
from mlops.serving.runtimes.encoding import TILE
from mlops.serving.script import load_script
from mlops.workspace import find_workspace

FEATURES = (
    Column("plan", kind="category", allowed=("basic", "plus")),
    Column("region", kind="category", max_missing=0.5),
    Column("fee"),
    Column("calls", max_missing=0.5),
    Column("paperless", kind="boolean", max_missing=0.5),
)


TRUSTED = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "functools.partial",
    "sklearn.utils.validation.check_array",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.interpolate._bsplines._BSpline",  # of scipy 1.18, which needs Python 3.12
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)


class Customers(Problem):
    """Customers with texts, numbers, booleans and gaps. The target is a boolean."""

    name = "customers"
    columns = (*FEATURES, Column("left", kind="boolean", role="target"))
    metrics = (metrics.log_loss(),)
    trusted_types = TRUSTED


class Payments(Customers):
    """The same customers. The target is a number."""

    name = "payments"
    columns = (*FEATURES, Column("paid", role="target"))
    metrics = (metrics.mean_squared_error("mse"),)


class Plans(Customers):
    """The same customers. The target is a category, and no row has the class "other"."""

    name = "plans"
    columns = (*FEATURES, Column("next", kind="category", role="target", allowed=("less", "more", "other", "same")))
    metrics = (metrics.log_loss(),)


class Measurements(Problem):
    """Rows of three numbers, one of which may be missing."""

    name = "measurements"
    columns = (Column("a"), Column("b"), Column("c", max_missing=0.5), Column("y", role="target"))
    metrics = (metrics.mean_squared_error("mse"),)
    trusted_types = (f"{__name__}.Capped", *TRUSTED)


class Ratios(Measurements):
    """The same rows. The input of the model is a ratio, which the scoring script must compute."""

    def prepare(self, rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"ratio": rows["a"] / rows["b"]})


class Capped(Ridge):
    """A linear model that predicts nothing above 200, which only few rows exceed."""

    def predict(self, X: Any) -> Any:
        return np.minimum(super().predict(X), 200)


def make_customers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "plan": rng.choice(["basic", "plus"], 400),
            "region": rng.choice(["north", "south", "east", None], 400),
            "fee": rng.normal(20, 5, 400),
            "calls": np.where(rng.random(400) < 0.2, np.nan, rng.poisson(3, 400)),
            "paperless": rng.choice(np.array([True, False, None], dtype=object), 400),
        }
    )
    score = (rows["plan"] == "plus") + (rows["region"] == "south") * 2 - rows["calls"].fillna(1) + rows["fee"] / 10
    return rows.assign(left=score + rng.normal(size=400) > 1, paid=np.exp(score), next=pd.cut(score, 3).cat.codes)


def make_encoder(unknown: str = "ignore") -> Any:
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown=unknown))
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    booleans = OrdinalEncoder(encoded_missing_value=-1)
    return make_column_transformer(
        (numbers, ["fee", "calls"]), (texts, ["plan", "region"]), (booleans, ["paperless"]), remainder="drop"
    )


def make_original(problem: Problem, estimator: Any, rows: pd.DataFrame, folder: Path) -> Original:
    """Fit an estimator, and save it as the registry does."""
    rows = set_types(rows, problem.columns)
    fitted = estimator.fit(problem.prepare(rows), rows[problem.target.name])
    (folder / "model.skops").write_bytes(dump_estimator(problem, fitted))
    return Original(problem, fitted, folder / "model.skops", rows)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    rows = make_customers()
    return rows.assign(next=rows["next"].map({0: "less", 1: "same", 2: "more"}))


@pytest.fixture(scope="module")
def measurements() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(rng.normal(size=(300, 3)) * [1, 100, 0.01] + [0, 1000, 5], columns=["a", "b", "c"])
    return rows.assign(y=np.abs(rows["a"] * 50 + rows["b"] / 10))


Try = Callable[..., dict[str, Candidate]]


@pytest.fixture
def attempt(tmp_path: Path) -> Try:
    """Return a function that tries the runtimes for a model, and returns the candidates by runtime."""

    def attempt_runtimes(problem: Problem, estimator: Any, rows: pd.DataFrame) -> dict[str, Candidate]:
        original = make_original(problem, estimator, rows, tmp_path)
        return {found.runtime: found for found in try_runtimes(original, tmp_path / "tried")}

    return attempt_runtimes


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), Ridge()),
        make_pipeline(MinMaxScaler(clip=True), VarianceThreshold(0.01), Ridge()),
        make_pipeline(StandardScaler(), PCA(2, whiten=True, svd_solver="full"), PoissonRegressor()),
        make_pipeline(make_column_transformer((StandardScaler(), ["c", "a"]), (MinMaxScaler(), ["b"])), Ridge()),
    ],
    ids=["scaler", "selector", "projection", "columns"],
)
def test_linear_models_become_numbers_with_the_same_bits(
    attempt: Try, measurements: pd.DataFrame, estimator: Any
) -> None:
    tried = attempt(Measurements(), estimator, measurements)
    assert (tried["numbers"].problem, tried["numbers"].difference) == ("", 0)
    assert choose_candidate([*tried.values()]).runtime == "numbers"
    rows = measurements[["a", "b", "c"]].to_numpy()
    numbers, estimated = (load_model(tried[name].folder) for name in ("numbers", "skops"))
    many = np.tile(rows, (TILE // rows.size + 1, 1))
    for part in (rows[:1], rows[1:8], rows, many):
        assert numbers.predict(part).tolist() == estimated.predict(part).tolist()


@pytest.mark.parametrize("problem", [Payments(), Plans()], ids=str)
def test_texts_gaps_and_booleans_are_encoded_with_numpy(
    attempt: Try, customers: pd.DataFrame, problem: Problem
) -> None:
    last = LogisticRegression() if problem.classes else Ridge()
    tried = attempt(problem, make_pipeline(make_encoder(), last), customers)
    assert tried["numbers"].problem == ""
    rows = problem.prepare(set_types(customers, problem.columns))
    columns: Rows = {name: rows[name].astype(object).to_numpy() for name in rows}
    numbers, estimated = (load_model(tried[name].folder) for name in ("numbers", "skops"))
    assert numbers.predict(columns) == pytest.approx(estimated.predict(columns), rel=1e-12)


def test_a_model_that_refuses_unknown_texts_refuses_them_as_numbers(attempt: Try, customers: pd.DataFrame) -> None:
    tried = attempt(Customers(), make_pipeline(make_encoder("error"), LogisticRegression()), customers)
    assert tried["numbers"].problem == ""
    row = {"plan": "basic", "region": "west", "fee": 20.0, "calls": 1.0, "paperless": True}
    columns = {name: np.array([value], dtype=object) for name, value in row.items()}
    for runtime in ("numbers", "skops"):
        with pytest.raises(ValueError, match="region|column 1"):
            load_model(tried[runtime].folder).predict(columns)


def test_a_gap_is_a_gap_whatever_its_value(attempt: Try, customers: pd.DataFrame) -> None:
    tried = attempt(Customers(), make_pipeline(make_encoder(), LogisticRegression()), customers)
    model = load_model(tried["numbers"].folder)
    row = {"plan": "basic", "fee": 20.0, "calls": 1.0, "paperless": True}

    def predict(region: object) -> float:
        columns = {name: np.array([value], dtype=object) for name, value in {**row, "region": region}.items()}
        (found,) = model.predict(columns)
        return float(found)

    assert predict(np.nan) == predict(None) == predict(float("nan")) != predict("west")


def test_a_model_that_no_runtime_converts_is_served_by_its_estimator(attempt: Try, customers: pd.DataFrame) -> None:
    tried = attempt(Customers(), make_pipeline(make_encoder(), SplineTransformer(), GaussianNB()), customers)
    assert tried["numbers"].problem == "GaussianNB is neither a linear model nor an ensemble of trees"
    assert tried["numbers"].difference is None
    chosen = choose_candidate([*tried.values()])
    assert (chosen.runtime, chosen.packages) == ("skops", ("scikit-learn", "skops", "pandas"))


def test_a_wrong_conversion_is_refused_although_it_is_right_for_most_rows(
    attempt: Try, measurements: pd.DataFrame
) -> None:
    tried = attempt(Measurements(), Capped(), measurements)
    found = tried["numbers"]
    assert found.difference is not None
    assert found.difference > 0.1
    assert found.problem == f"its prediction for {found.row} differs by {found.difference:.2g} standard deviations"
    with pytest.raises(ProblemError) as raised:
        choose_candidate([*tried.values()], "numbers")
    assert str(raised.value) == (
        "create_image.runtime is 'numbers', but this runtime cannot serve the model: its prediction for "
        f"{found.row} differs by {found.difference:.2g} standard deviations. No other runtime can serve it, either. "
        "Write a scoring script."
    )
    with pytest.raises(ProblemError, match=r"^create_image.runtime is 'torch'. Write one of numbers, .*skops, or noth"):
        choose_candidate([*tried.values()], "torch")


def test_limits_that_no_row_of_the_data_reaches_are_found(attempt: Try, measurements: pd.DataFrame) -> None:
    class Positive(Measurements):
        def predict(self, model: Any, rows: pd.DataFrame) -> Any:
            return np.maximum(super().predict(model, rows), 0)

    tried = attempt(Positive(), Ridge(), measurements.assign(y=measurements["y"] + 1000))
    assert all("with a number far outside of the data differs by" in found.problem for found in tried.values())


def test_inputs_that_the_problem_computes_need_a_script_that_computes_them(
    measurements: pd.DataFrame, tmp_path: Path
) -> None:
    original = make_original(Ratios(), Ridge(), measurements, tmp_path)
    with pytest.raises(ProblemError, match=r"^No runtime predicts the same as the model \(.*\)\. Write a scoring "):
        choose_candidate(try_runtimes(original, tmp_path / "engine"))
    chosen = choose_candidate(try_runtimes(replace(original, prepares=True), tmp_path / "own"))
    ratios = Ratios().prepare(measurements)
    assert chosen.runtime == "numbers"
    assert load_model(chosen.folder).predict(ratios.to_numpy()) == pytest.approx(original.estimator.predict(ratios))


def test_the_classes_of_a_project_are_not_in_an_image(attempt: Try, measurements: pd.DataFrame) -> None:
    tried = attempt(Measurements(), Capped(), measurements)
    assert tried["skops"].problem == f"the image does not contain {__name__}.Capped"
    with pytest.raises(ProblemError, match=r"^No runtime predicts the same as the model \(numbers: its pred"):
        choose_candidate([*tried.values()])


def make_candidate(runtime: Any, seconds: float, problem: str = "") -> Candidate:
    return Candidate(runtime, Path(), problem, one=seconds / 2, many=seconds / 2)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"numbers": 1.4, "onnx": 1.0, "skops": 9.0}, "numbers"),
        ({"numbers": 1.6, "onnx": 1.0, "skops": 9.0}, "onnx"),
        ({"onnx": 1.0, "skops": 1.3}, "skops"),
        ({"numbers": 9.0, "skops": 1.0}, "skops"),
        ({"onnx": 1.0}, "onnx"),
    ],
)
def test_a_runtime_with_packages_of_its_own_must_be_clearly_faster(seconds: dict[str, float], chosen: str) -> None:
    wrong = make_candidate("numbers", 0.1, "it is wrong")
    candidates = [make_candidate(runtime, taken) for runtime, taken in seconds.items()]
    assert choose_candidate([wrong, *candidates]).runtime == chosen


def test_a_runtime_that_cannot_serve_the_model_is_refused_with_those_that_can() -> None:
    candidates = [make_candidate("numbers", 1.0, "it is wrong"), make_candidate("onnx", 1.0)]
    with pytest.raises(ProblemError) as raised:
        choose_candidate([*candidates, make_candidate("skops", 9.0)], "numbers")
    assert str(raised.value) == (
        "create_image.runtime is 'numbers', but this runtime cannot serve the model: it is wrong. Choose onnx or "
        "skops, or leave the parameter empty for the fastest one."
    )


def test_the_requirements_of_a_runtime_are_those_of_the_project(project: Path) -> None:
    lock, base = project / "requirements.lock", load("progression").folder / "score_requirements.lock"
    assert compose_requirements(lock, lock, []) == base.read_text()
    assert compose_requirements(base, lock, []) == base.read_text()
    added, own = (compose_requirements(one, lock, ["skops", "pandas"]) for one in (base, lock))
    assert added.startswith(base.read_text())
    assert sorted(added.splitlines()) == sorted(own.splitlines())
    with pytest.raises(ProblemError, match=r"requirements.lock does not list torch. Run `make lock`.$"):
        compose_requirements(base, lock, ["torch"])


def test_a_problem_without_a_script_has_that_of_the_engine(tmp_path: Path, measurements: pd.DataFrame) -> None:
    problem, project = load("cancer"), find_workspace().project
    sources = find_sources(problem, project)
    assert (sources.loads_runtime, sources.requirements) == (True, project / "requirements.lock")
    original = make_original(
        problem, make_pipeline(StandardScaler(), LogisticRegression()), problem.load_sample(), tmp_path
    )
    tried = try_runtimes(original, tmp_path / "tried")
    for candidate in (candidate for candidate in tried if not candidate.problem):
        requirements, bundle = tmp_path / candidate.runtime, tmp_path / f"bundle-{candidate.runtime}"
        requirements.write_text(compose_requirements(sources.requirements, sources.lock, candidate.packages))
        build_bundle(
            bundle,
            replace(sources, requirements=requirements),
            model_name="cancer",
            model_version=1,
            model_files=candidate.files,
            example=[[0.0]],
        )
        recorded = json.loads((bundle / "manifest.json").read_text())["files"]
        assert sources.find_changes(recorded) == ([], [])
        other = replace(sources, runtime="skops" if candidate.runtime == "numbers" else "numbers")
        assert other.find_changes(recorded) == (["the chosen runtime"], [])
        assert replace(sources, runtime=candidate.runtime).find_changes(recorded) == ([], [])
        assert sources.find_changes({**recorded, "requirements.txt": "0"}) == (["requirements.lock"], [])


def test_the_script_of_the_engine_loads_the_model(
    tmp_path: Path, measurements: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = make_original(Measurements(), Ridge(), measurements.assign(c=1.0), tmp_path)
    (numbers, *_) = try_runtimes(original, tmp_path / "tried")
    sources = find_sources(load("cancer"), find_workspace().project)
    build_bundle(
        tmp_path / "bundle", sources, model_name="m", model_version=1, model_files=numbers.files, example=[[0.0]]
    )
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "bundle" / "model"))
    script = load_script(tmp_path / "bundle" / "score.py")
    rows = np.ascontiguousarray(measurements[["a", "b", "c"]].assign(c=1.0))
    assert script.run(rows).tolist() == original.estimator.predict(rows).tolist()
    with pytest.raises(ValueError, match=r"^a row has 2 numbers, but it needs 3: a, b, c$"):
        script.run(rows[:, :2])


def test_a_runtime_cannot_be_chosen_for_a_script_that_loads_the_model(tmp_path: Path) -> None:
    problem, project = load("progression"), find_workspace().project
    with pytest.raises(ProblemError) as raised:
        find_sources(problem, project, runtime="skops")
    assert str(raised.value) == (
        "create_image.runtime is 'skops', but src/progression/score.py loads the model itself. Leave the parameter "
        "empty, or delete the script to let the service load the model."
    )
    (tmp_path / "mine.py").write_text("from serving.runtimes import load_model\ndef init(): ...\ndef run(data): ...\n")
    assert find_sources(problem, project, str(tmp_path / "mine.py"), runtime="skops").loads_runtime


@pytest.mark.parametrize(
    ("problem", "last"),
    [
        (Customers(), HistGradientBoostingClassifier(max_iter=9, categorical_features=[4, 5])),
        (Payments(), HistGradientBoostingRegressor(max_iter=9, loss="poisson", categorical_features=[4, 5])),
        (Plans(), HistGradientBoostingClassifier(max_iter=5, categorical_features=[4, 5])),
        (Plans(), GradientBoostingClassifier(n_estimators=5, max_depth=4)),
        (Plans(), RandomForestClassifier(9, max_depth=5)),
        (Payments(), RandomForestRegressor(9, max_depth=6)),
        (Plans(), DecisionTreeClassifier(max_leaf_nodes=64)),
        (Payments(), DecisionTreeRegressor(max_depth=6)),
        (Payments(), HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=400)),
    ],
    ids=[
        "native categories",
        "poisson",
        "categories and classes",
        "classes",
        "forest of classes",
        "forest",
        "tree of classes",
        "tree",
        "no split",
    ],
)
def test_trees_are_served_in_double_precision(
    attempt: Try, customers: pd.DataFrame, problem: Problem, last: Any
) -> None:
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    numbers = "passthrough" if "Hist" in type(last).__name__ else SimpleImputer(add_indicator=True)
    if "Hist" not in type(last).__name__:
        texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    booleans = OrdinalEncoder(encoded_missing_value=-1)
    encoder = make_column_transformer(
        (numbers, ["calls", "fee"]), (booleans, ["paperless"]), (numbers, ["fee"]), (texts, ["plan", "region"])
    )
    tried = attempt(problem, make_pipeline(encoder, last), customers)
    for runtime, packages in (("numbers", ()), ("onnx", ("onnxruntime",))):
        found = tried[runtime]
        assert (found.problem, found.packages) == ("", packages)
        assert found.difference is not None
        assert found.difference < 1e-12
    assert choose_candidate([*tried.values()]).runtime in ("numbers", "onnx")


def test_numbers_and_booleans_that_pass_through_together_are_encoded(attempt: Try, customers: pd.DataFrame) -> None:
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    encoder = make_column_transformer((texts, ["plan", "region"]), remainder="passthrough")
    last = HistGradientBoostingClassifier(max_iter=9, categorical_features=[0, 1])
    found = attempt(Customers(), make_pipeline(encoder, last), customers)["numbers"]
    assert found.problem == ""
    assert found.difference is not None
    assert found.difference < 1e-12


def test_trees_in_single_precision_are_refused(attempt: Try, customers: pd.DataFrame) -> None:
    """skl2onnx, which converts models that are not only an ensemble of trees, stores numbers in single precision."""
    encoder = make_column_transformer((SimpleImputer(), ["fee", "calls"]))
    stacked = StackingClassifier([("forest", RandomForestClassifier(9))])
    tried = attempt(Customers(), make_pipeline(encoder, stacked), customers)
    assert tried["onnx"].difference is not None
    assert tried["onnx"].difference > 1e-8
    assert tried["onnx"].problem.startswith("its prediction for row ")


def test_onnx_serves_what_numpy_does_not(attempt: Try, measurements: pd.DataFrame) -> None:
    steps = (
        SimpleImputer(),
        StandardScaler(),
        MLPRegressor(hidden_layer_sizes=4, max_iter=20, random_state=0),
    )
    tried = attempt(Measurements(), make_pipeline(*steps), measurements)
    assert (tried["onnx"].problem, tried["onnx"].packages) == ("", ("onnxruntime",))
    assert choose_candidate([*tried.values()]).runtime == "onnx"
    for runtime in ("onnx", "skops"):  # the scaled number is infinite
        with np.errstate(over="ignore"), pytest.raises(ValueError, match="too large"):
            load_model(tried[runtime].folder).predict(np.array([[0.0, 1000.0, 1e308]]))


def test_numpy_serves_rows_and_blocks_of_rows_with_the_bits_of_gradient_boosting(
    attempt: Try, measurements: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = attempt(Measurements(), HistGradientBoostingRegressor(max_iter=30), measurements)
    rows = measurements[["a", "b", "c"]].to_numpy()
    expected = load_model(tried["skops"].folder).predict(rows).tolist()
    numbers = load_model(tried["numbers"].folder)
    assert numbers.predict(rows).tolist() == expected
    assert [numbers.predict(rows[place : place + 1])[0] for place in range(len(rows))] == expected
    monkeypatch.setattr("mlops.serving.runtimes.trees.BLOCK", 1000)  # a few rows
    assert load_model(tried["numbers"].folder).predict(rows).tolist() == expected


def test_large_trees_are_left_to_onnx(
    attempt: Try, measurements: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = attempt(Measurements(), RandomForestRegressor(3, random_state=0), measurements)
    assert re.fullmatch(r"a tree has 1\d\d leaves, but numpy serves .* up to 64 leaves", tried["numbers"].problem)
    assert choose_candidate([*tried.values()]).runtime == "onnx"
    monkeypatch.setattr("mlops.image.runtimes.intervals.LARGEST", 1000)
    with pytest.raises(Unsupported, match=r"^the tables of the trees would take 0 MB$"):
        convert_trees(RandomForestRegressor(3, max_depth=5).fit(measurements[["a"]], measurements["y"]))


def test_trees_refuse_the_gaps_that_the_model_refuses(attempt: Try, measurements: pd.DataFrame) -> None:
    tried = attempt(Measurements(), GradientBoostingRegressor(n_estimators=3, random_state=0), measurements)
    for runtime in ("numbers", "onnx"):
        assert tried[runtime].problem == ""
        with pytest.raises(ValueError, match=r"^data has missing values, or numbers that are too large for the model$"):
            load_model(tried[runtime].folder).predict(np.array([[0.0, 1000.0, np.nan]]))


def test_trees_that_divide_only_gaps_from_numbers_are_converted(attempt: Try, measurements: pd.DataFrame) -> None:
    """The threshold of such a node is infinite, and the scaler refuses infinity, which no request can have."""
    rows = measurements.assign(c=measurements["c"].where(measurements.index % 3 > 0), y=measurements.index % 3 == 0)
    model = make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=3))
    tried = attempt(Measurements(), model, rows.assign(y=rows["y"].astype(float)))
    assert [tried[runtime].problem for runtime in ("numbers", "onnx")] == ["", ""]


def test_trees_refuse_the_numbers_that_the_model_refuses(attempt: Try, measurements: pd.DataFrame) -> None:
    """Forests of scikit-learn compare numbers in single precision."""
    tried = attempt(Measurements(), RandomForestRegressor(3, max_depth=5, random_state=0), measurements)
    for runtime in ("numbers", "onnx", "skops"):
        model = load_model(tried[runtime].folder)
        assert len(model.predict(np.array([[3.4e38, 1000.0, 5.0]]))) == 1
        with pytest.raises(ValueError, match="too large"):
            model.predict(np.array([[0.0, 1000.0, -3.5e38]]))


def test_the_same_model_gives_the_same_files(measurements: pd.DataFrame, tmp_path: Path) -> None:
    steps = make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=3))
    original = make_original(Measurements(), steps, measurements, tmp_path)
    runtimes: tuple[Runtime, ...] = ("numbers", "onnx", "skops")
    for runtime in runtimes:
        for name in ("first", "again"):
            convert_model(original, runtime, tmp_path / name / runtime)
    assert hash_folder(tmp_path / "first") == hash_folder(tmp_path / "again")

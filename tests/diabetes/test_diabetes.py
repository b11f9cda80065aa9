"""The example of the project. The tests of the engine have problems of their own, so delete these with the example."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from diabetes import FEATURES, problem
from mlops.contract import check
from mlops.image.bundle import read_pins


@pytest.fixture
def good() -> pd.DataFrame:
    """The sample."""
    return problem.load_sample()


def test_the_example_keeps_the_contract_of_a_problem() -> None:
    check(problem, alpha=0.4)


def test_the_service_runs_on_the_packages_that_the_project_is_tested_with(project: Path) -> None:
    service, everything = (
        read_pins(problem.folder / "score_requirements.lock"),
        read_pins(project / "requirements.lock"),
    )
    assert service == {name: everything[name] for name in service}


def test_the_sample_has_442_rows_of_eleven_numbers(good: pd.DataFrame) -> None:
    assert good.shape == (442, 11)
    assert tuple(good.columns) == tuple(column.name for column in problem.columns) == (*FEATURES, "Y")
    assert set(good.dtypes.astype(str)) == {"float64"}
    assert (good["Y"].min(), good["Y"].max()) == (25.0, 346.0)
    assert np.square(good[list(FEATURES)]).sum().to_numpy() == pytest.approx(np.ones(10))


def test_the_examples_are_the_rows_of_the_reference_implementation() -> None:
    assert problem.example_rows == [list(range(1, 11)), list(range(10, 0, -1))]


@pytest.mark.parametrize("alpha", [0.0, 0.4, 10.0])
def test_the_model_is_scikit_learn_s_ridge(good: pd.DataFrame, alpha: float) -> None:
    ridge = Ridge(alpha=alpha).fit(good[list(FEATURES)], good["Y"])
    model = problem.train(good, alpha=alpha)
    assert model.named_steps["ridge"].coef_ == pytest.approx(ridge.coef_, rel=1e-9)
    assert problem.predict(model, good) == pytest.approx(ridge.predict(good[list(FEATURES)]), rel=1e-9)


def test_predictions_need_no_column_order(good: pd.DataFrame) -> None:
    model = problem.train(good, alpha=0.4)
    rows = good.sample(5, random_state=0)[["Y", *reversed(FEATURES)]]
    assert problem.predict(model, rows) == pytest.approx(problem.predict(model, good)[rows.index], rel=1e-12)


def test_the_weights_are_named(good: pd.DataFrame) -> None:
    weights = problem.explain(problem.train(good, alpha=0.4))
    assert list(weights.index) == list(FEATURES)
    assert weights["BMI"] == pytest.approx(404.82, abs=0.01)


@pytest.fixture
def score(project: Path, good: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The scoring script, loaded as the image loads it: as a file, with a model beside it."""
    problem.export(problem.train(good, alpha=0.4), tmp_path)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    spec = importlib.util.spec_from_file_location("score_alone", project / "src" / "diabetes" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.init()
    return module


def test_the_service_predicts_what_the_model_does(score: ModuleType, good: pd.DataFrame) -> None:
    expected = problem.predict(problem.train(good, alpha=0.4), good)
    assert score.run(good[list(FEATURES)].to_numpy()) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert score.run(np.empty((0, 10))).shape == (0,)


@pytest.mark.parametrize(("shape", "found"), [((2, 9), "9"), ((1, 11), "11"), ((0, 0), "0"), ((10,), "no")])
def test_rows_of_another_width_are_refused(score: ModuleType, shape: tuple[int, ...], found: str) -> None:
    with pytest.raises(ValueError, match=".") as raised:
        score.run(np.zeros(shape))
    needed = "but it needs 10: AGE, SEX, BMI, BP, S1, S2, S3, S4, S5, S6"
    assert str(raised.value) == f"a row has {found} numbers, {needed}"


def test_the_scoring_script_needs_numpy_alone(project: Path) -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['sklearn', 'pandas', 'scipy', 'mlops', 'diabetes']))"
    program = f"{blocked}; import runpy; print(sorted(runpy.run_path({str(project / 'src/diabetes/score.py')!r}))[-2:])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['os', 'run']\n"

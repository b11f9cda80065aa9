"""The files that turn a folder with an estimator into an MLflow model: inputs, an example, and packages."""

# `mlflow.sklearn.save_model` writes the same files, but takes 0.5 s in a new process: 0.2 s to scan all installed
# packages, and 0.3 s to import `mlflow.pyfunc`. This module takes 0.02 s.

import platform
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlops.errors import ProblemError
from mlops.files.hashes import hash_file
from mlops.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from numpy.typing import ArrayLike

MLMODEL, REQUIREMENTS, CONDA, PYTHON = "MLmodel", "requirements.txt", "conda.yaml", "python_env.yaml"
EXAMPLE, SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
WRITTEN = frozenset({MLMODEL, REQUIREMENTS, CONDA, PYTHON, EXAMPLE, SERVING_EXAMPLE})
PACKAGES = {"mlflow": "mlflow", "numpy": "numpy", "pandas": "pandas", "scikit-learn": "sklearn", "skops": "skops"}
IDENTITY_DIGITS = 32  # the number of hexadecimal digits in a UUID
CREATED = "1980-01-01 00:00:00"  # a constant, so that the same model has the same bytes; MLflow's run has the real time
EXAMPLE_ROWS = 2
TYPED_ROWS = 100  # rows from which the types of the inputs are inferred; MLflow reads 1,000 values in 1 ms


def describe_model(folder: Path, file: str, problem: Problem, estimator: Any, inputs: "pd.DataFrame") -> None:
    """Turn a folder that contains an estimator into an MLflow model, by writing the other files of the model.

    Parameters
    ----------
    folder : Path
        The folder, which contains the file of the estimator.
    file : str
        The name of the estimator's file, which is in skops' format.
    problem : Problem
        The problem.
    estimator : scikit-learn estimator
        The fitted estimator.
    inputs : DataFrame
        Some rows of the estimator's inputs, from which the types of the columns are read. The first two rows become the
        example.

    Raises
    ------
    ProblemError
        If the estimator does not accept the inputs, or if MLflow has no type for a column of the inputs.
    """
    from mlflow.models import Model
    from mlflow.models.utils import _save_example

    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    signature = _infer_signature(problem, getattr(estimator, method), inputs)
    identity = hash_file(folder / file)[:IDENTITY_DIGITS]
    model = Model(signature=signature, model_uuid=identity, utc_time_created=CREATED)
    _save_example(model, inputs.head(EXAMPLE_ROWS), str(folder))
    _add_flavors(model, method, file, problem.trusted_types)
    model.model_size_bytes = sum((folder / name).stat().st_size for name in (file, EXAMPLE, SERVING_EXAMPLE))
    model.save(str(folder / MLMODEL))
    _write_packages(folder)


def _infer_signature(
    problem: Problem, predict: "Callable[[pd.DataFrame], ArrayLike]", inputs: "pd.DataFrame"
) -> "ModelSignature":
    from mlflow.exceptions import MlflowException
    from mlflow.models import infer_signature

    try:
        # Warnings about whole numbers and column names do not matter here.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return infer_signature(inputs, predict(inputs.head(EXAMPLE_ROWS)))
    except MlflowException as error:
        raise ProblemError(
            f"{problem}: MLflow has no type for a column that `prepare` returns. MLflow said: {error}"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProblemError(
            f"{problem}: the fitted model does not accept the columns that `prepare` returns. Override `prepare` so "
            f"that it returns the inputs of the model, and use it in `train` and `predict`. scikit-learn said: {error}"
        ) from error


def _add_flavors(model: "Model", method: str, file: str, trusted: tuple[str, ...]) -> None:
    model.add_flavor(
        "python_function",
        env={"conda": CONDA, "virtualenv": PYTHON},
        loader_module="mlflow.sklearn",
        model_path=file,
        predict_fn=method,
        python_version=platform.python_version(),
    )
    model.add_flavor(
        "sklearn",
        code=None,
        pickled_model=file,
        serialization_format="skops",
        sklearn_version=import_module("sklearn").__version__,
        skops_trusted_types=list(trusted) or None,
    )


def _write_packages(folder: Path) -> None:
    # importlib.metadata would take 3 ms for each package, and does not find mlflow, because mlflow-skinny is installed.
    pins = [f"{name}=={import_module(module).__version__}" for name, module in PACKAGES.items()]
    python = platform.python_version()
    dependencies: list[object] = [f"python={python}", "pip", {"pip": pins}]
    conda = {"channels": ["conda-forge"], "dependencies": dependencies, "name": "mlflow-env"}
    installers = ["pip", "setuptools", "wheel"]
    virtual = {"python": python, "build_dependencies": installers, "dependencies": [f"-r {REQUIREMENTS}"]}
    for name, content in ((CONDA, conda), (PYTHON, virtual)):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    (folder / REQUIREMENTS).write_text("\n".join(pins), encoding="utf-8")

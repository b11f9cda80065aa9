"""The conversion of ensembles of trees for treelite; see `mlops.serving.runtimes.trees`."""

from pathlib import Path
from typing import Any

from mlops.image.runtimes.linear import Link
from mlops.image.runtimes.tables import NOT_INSTALLED, Unsupported

LOGARITHMIC = ("poisson", "gamma")  # losses of histogram gradient boosting


def convert_trees(estimator: Any, file: Path) -> tuple[Link, bool]:
    """Write an ensemble of trees, and return its link, and whether it compares numbers in single precision.

    Raises
    ------
    Unsupported
        If the estimator is not an ensemble of trees, or if treelite is not installed.
    """
    try:
        import treelite
    except ImportError as error:
        raise Unsupported(NOT_INSTALLED) from error
    name = type(estimator).__name__
    if not any(kind in name for kind in ("Forest", "ExtraTrees", "GradientBoosting")):
        raise Unsupported(f"{name} is not an ensemble of trees")
    treelite.sklearn.import_model(estimator).serialize(file)
    return _find_link(estimator, name), "HistGradientBoosting" not in name


def _find_link(estimator: Any, name: str) -> Link:
    if "Boosting" in name and hasattr(estimator, "classes_"):
        return "logistic" if len(estimator.classes_) == 2 else "softmax"
    return "exponential" if "Hist" in name and estimator.loss in LOGARITHMIC else "identity"

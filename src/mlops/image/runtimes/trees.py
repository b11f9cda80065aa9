"""The conversion of ensembles of trees for treelite; see `mlops.serving.runtimes.trees`."""

from pathlib import Path
from typing import Any

from mlops.image.runtimes.tables import NOT_INSTALLED, Unsupported


def convert_trees(estimator: Any, file: Path) -> None:
    """Write an ensemble of trees; see `mlops.image.runtimes.ensembles.describe_ensemble`.

    Raises
    ------
    Unsupported
        If treelite is not installed.
    """
    try:
        import treelite
    except ImportError as error:
        raise Unsupported(NOT_INSTALLED) from error
    treelite.sklearn.import_model(estimator).serialize(file)

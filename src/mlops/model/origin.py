"""The origin of a training: its notebook, commit and data."""

from mlops.data.tables import Table
from mlops.platform.trainings import TrainingOrigin
from mlops.record.lineage import Lineage


def describe_origin(code: Lineage, table: Table, began: float) -> TrainingOrigin:
    """Return the origin of a training: its notebook, commit and data.

    Parameters
    ----------
    code : Lineage
        The notebook and the commit.
    table : Table
        The data of the training.
    began : float
        The start of the notebook, in seconds since 1970.
    """
    columns = {str(name): str(kind) for name, kind in table.frame.dtypes.items()}
    return TrainingOrigin(code.notebook, code.git_commit, began, table.url, table.sha256, len(table.frame), columns)

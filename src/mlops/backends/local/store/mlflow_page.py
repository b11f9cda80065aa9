"""What MLflow's page shows of a training beside its numbers: its source, and its data with schema and hash.

The tags and the JSON are those that MLflow's own ``log_input`` writes; that needs the whole of MLflow and the data's
content, where the columns and the hash are known already.
"""

import json
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlops.platform.trainings import TrainingOrigin
from mlops.record.lineage import UNKNOWN

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

DIGITS = 12  # of the hash: MLflow keeps 36 at most, and the folder of the data has as many in its name
TYPES = {"int": "long", "uint": "long", "float": "double", "bool": "boolean", "datetime": "datetime"}


def describe_source(origin: TrainingOrigin) -> dict[str, str]:
    """Return the tags from which MLflow's page shows notebook and commit."""
    commit = {} if origin.git_commit == UNKNOWN else {"mlflow.source.git.commit": origin.git_commit}
    return {"mlflow.source.type": "NOTEBOOK", "mlflow.source.name": origin.notebook, **commit}


def describe_data(origin: TrainingOrigin) -> "DatasetInput":
    """Return the data of a training as MLflow's page shows it."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"type": name_type(kind), "name": name, "required": True} for name, kind in origin.columns.items()]
    data = Dataset(
        name=PurePath(urlsplit(origin.data_url).path).name,
        digest=origin.data_sha256[:DIGITS],
        source_type="http" if "://" in origin.data_url else "local",
        source=json.dumps({"uri": origin.data_url}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": origin.rows, "num_elements": origin.rows * len(columns)}),
    )
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


def name_type(kind: str) -> str:
    """Return MLflow's name of a NumPy type: "double" for "float64"; text and all else is a string."""
    return TYPES.get(kind.split("[")[0].rstrip("0123456789").lower(), "string")

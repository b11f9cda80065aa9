"""The notebook and the data of a training, in the form that MLflow's page shows."""

import json
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlops.platform.trainings import TrainingOrigin
from mlops.record.lineage import UNKNOWN

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

DIGITS = 12  # digits of the data's hash, as many as in the names of folders of data; MLflow allows up to 36
TYPES = {"int": "long", "uint": "long", "float": "double", "bool": "boolean", "datetime": "datetime"}


def describe_source(origin: TrainingOrigin) -> dict[str, str]:
    """Return the MLflow tags that hold the notebook and the commit of a training."""
    commit = {} if origin.git_commit == UNKNOWN else {"mlflow.source.git.commit": origin.git_commit}
    return {"mlflow.source.type": "NOTEBOOK", "mlflow.source.name": origin.notebook, **commit}


def describe_data(origin: TrainingOrigin) -> "DatasetInput":
    """Return the data of a training as an MLflow data set."""
    # MLflow's own `log_input` is not used, because it needs the complete MLflow package and the content of the data.
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
    """Return MLflow's name for a NumPy type: "double" for "float64", and "string" for text and unknown types."""
    return TYPES.get(kind.split("[")[0].rstrip("0123456789").lower(), "string")

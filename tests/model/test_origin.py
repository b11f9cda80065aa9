"""The origin of a training."""

import pandas as pd

from mlops.data.tables import Table
from mlops.model.origin import describe_origin
from mlops.platform.trainings import TrainingOrigin
from mlops.record.lineage import Lineage


def test_the_data_is_described_by_its_columns_and_hash() -> None:
    table = Table("data/x.csv", "0" * 64, pd.DataFrame({"A": [1, 2], "B": [0.5, 1.5], "C": ["x", "y"]}))
    found = describe_origin(Lineage("abc", "notebooks/02_train.ipynb", "1" * 64), table, 7.5)
    kind = str(table.frame["C"].dtype)
    columns = {"A": "int64", "B": "float64", "C": kind}
    assert found == TrainingOrigin("notebooks/02_train.ipynb", "abc", 7.5, "data/x.csv", "0" * 64, 2, columns)

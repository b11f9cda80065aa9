"""The description of a model's training data, stored with the model: ranges of the features, and example rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import pandas as pd

from mlops.files.atomic import write_atomically
from mlops.files.records import read_record
from mlops.numbers import format_number

TRAINING_DATA = "training_data.json"  # stored with the model, in the registry and in the image
EXAMPLES = 2
DIGITS = 6  # significant digits of the example rows


@dataclass(frozen=True)
class TrainingData:
    """The ranges of the features in the training rows, and example rows with their true values.

    Parameters
    ----------
    columns : tuple of str, length k
        The names of the features.
    minimum, maximum : tuple of float, length k
        The lowest and the highest value of each feature in the training rows.
    rows : tuple of tuple of float, shape (n, k)
        Example rows of the data set. The model was not trained on them.
    actual : tuple of float, length n
        The true target values of the example rows.
    """

    columns: tuple[str, ...] = ()
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()
    rows: tuple[tuple[float, ...], ...] = ()
    actual: tuple[float, ...] = ()

    def judge_row(self, row: Sequence[float]) -> str:
        """Return a text that says whether a row is far outside the training data, and in which columns."""
        # A value is far outside if its distance from the range of its column is greater than the width of that range.
        if not self.columns:
            return "unknown, because the model was trained by an older version, which did not record ranges"
        outside = [
            f"{name} {format_number(value)} (trained on {format_number(low)} to {format_number(high)})"
            for name, value, low, high in zip(self.columns, row, self.minimum, self.maximum, strict=True)
            if not low - (high - low) <= value <= high + (high - low)
        ]
        if not outside:
            return "within or near the training data"
        others = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        return f"FAR OUTSIDE the training data: {outside[0]}{others}"


def describe_data(training: pd.DataFrame, others: pd.DataFrame, actual: pd.Series) -> TrainingData:
    """Return the ranges of the features in the training rows, and example rows.

    Parameters
    ----------
    training : DataFrame
        The features of the training rows.
    others : DataFrame
        The features of rows that were not used for training, of which some become the example rows.
    actual : Series
        The true values of `others`.
    """
    examples = others.head(EXAMPLES).astype("float64")
    return TrainingData(
        columns=tuple(str(name) for name in training.columns),
        minimum=tuple(float(value) for value in training.min()),
        maximum=tuple(float(value) for value in training.max()),
        rows=tuple(tuple(_round(value) for value in row) for row in examples.to_numpy()),
        actual=tuple(_round(value) for value in actual.head(EXAMPLES)),
    )


def write_training_data(described: TrainingData, folder: Path) -> None:
    """Write the description of a model's training data as ``training_data.json`` to the folder of the model's files."""
    content = msgspec.json.format(msgspec.json.encode(asdict(described)), indent=1)
    write_atomically(folder / TRAINING_DATA, content + b"\n")


def read_training_data(folder: Path) -> TrainingData:
    """Read the description of a model's training data from ``training_data.json`` in a folder.

    Return an empty description if the file does not exist.
    """
    path = folder / TRAINING_DATA
    return read_record(path, TrainingData) if path.is_file() else TrainingData()


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")

"""The file ``runtime.json`` beside the files of a model, which says how to load the model."""

from pathlib import Path
from typing import Literal

import msgspec

RECORD = "runtime.json"
ARRAYS = "arrays.npz"  # the arrays that the record names
FORMAT = 1
THREADED = ("onnx",)  # onnxruntime starts a thread when it is imported


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of a computation with a matrix, and the names of the arrays that it needs; see `encoding`."""

    name: Literal["subtract", "divide", "multiply", "add", "clip", "take", "impute", "project"]
    arrays: tuple[str, ...] = ()


class Numbers(msgspec.Struct, frozen=True, tag="numbers"):
    """Inputs that are computed from columns of numbers.

    Parameters
    ----------
    columns : tuple of int
        The positions of the columns.
    steps : tuple of Step
        The computation.
    """

    columns: tuple[int, ...]
    steps: tuple[Step, ...] = ()


class Texts(msgspec.Struct, frozen=True, tag="texts"):
    """Inputs that are looked up by the value of a column.

    Parameters
    ----------
    column : int
        The position of the column.
    values : tuple of str or bool
        The known values.
    table : str
        The name of an array with the inputs for each known value, for a missing value and for an unknown value.
    refused : tuple of str
        The values that the model refuses: "missing", "unknown" or both.
    """

    column: int
    values: tuple[str | bool, ...]
    table: str
    refused: tuple[Literal["missing", "unknown"], ...] = ()


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of ``runtime.json``: how to load a model, and how to predict with it.

    Parameters
    ----------
    format : int
        The format of the record.
    runtime : str
        The runtime.
    columns : tuple of str
        The names of the columns of a row.
    file : str
        The file of the model for the runtime.
    blocks : tuple of Numbers or Texts
        The inputs that are computed from the columns, side by side. Empty if the columns themselves are the inputs.
    steps : tuple of Step
        The computation that follows, with all inputs.
    link : str
        The function that a linear model or an ensemble applies to its sums.
    single : bool
        Whether trees compare numbers in single precision.
    complete : bool
        Whether the model refuses missing values and infinite numbers.
    table : bool
        Whether the estimator needs a DataFrame.
    trusted : tuple of str
        The types that may be loaded from the file of the estimator.
    classes : tuple of int
        The position of each class of the model among the classes of the problem; empty if the model predicts numbers.
    labels : int
        The number of classes of the problem.
    binary : bool
        Whether a prediction is the probability of the second class.
    """

    format: int
    runtime: Literal["numbers", "onnx", "skops"]
    columns: tuple[str, ...]
    file: str = ""
    blocks: tuple[Numbers | Texts, ...] = ()
    steps: tuple[Step, ...] = ()
    link: Literal["identity", "exponential", "logistic", "softmax"] = "identity"
    single: bool = False
    complete: bool = False
    table: bool = False
    trusted: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    labels: int = 0
    binary: bool = False


def starts_threads(folder: Path) -> bool:
    """Return whether loading the model in a folder starts threads, so that the process cannot be forked afterwards.

    False for a model without a record, because nothing is known about it.
    """
    return (folder / RECORD).is_file() and read_record(folder).runtime in THREADED


def read_record(folder: Path) -> Record:
    """Read the record in the folder of a model's files.

    Raises
    ------
    ValueError
        If the record was written by a newer version.
    """
    record = msgspec.json.decode((folder / RECORD).read_bytes(), type=Record)
    if record.format != FORMAT:
        raise ValueError(
            f"{RECORD} has format {record.format}, but this version reads format {FORMAT}. Use the version of mlops "
            "that created the image."
        )
    return record

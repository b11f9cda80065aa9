"""The feature rows that models were trained on. The platform stores equal rows only once."""

import io
from collections.abc import Callable, Mapping

import pandas as pd

from mlops.data.tables import read_table
from mlops.errors import IntegrityError, UsageError
from mlops.platform.trainings import Tracker

RECORD = "training_rows"  # the result of a training that names its rows, and the tag of its model

Restore = Callable[[pd.DataFrame, Mapping[str, object]], pd.DataFrame]


def keep_rows(tracker: Tracker, rows: pd.DataFrame) -> str:
    """Store the feature rows of a training on the platform.

    Parameters
    ----------
    tracker : Tracker
        The platform's record of trainings.
    rows : DataFrame
        The features of the rows that the model is trained on.

    Returns
    -------
    str
        The name under which `find_rows` finds them.
    """
    content = io.BytesIO()
    rows.drop_duplicates().to_parquet(content, index=False)
    return tracker.keep_rows(content.getvalue())


def find_rows(tracker: Tracker, made: Mapping[str, object], restore: Restore) -> pd.DataFrame | None:
    """Return the feature rows that a model was trained on.

    Parameters
    ----------
    tracker : Tracker
        The platform's record of trainings.
    made : mapping
        The results of the model's training, or the tags of its version. ``training_rows`` names its rows. An older
        version of the engine did not store them. Their source is then the file ``data_path``, if it still has the hash
        ``data_sha256``.
    restore : callable
        Called with the rows of that file and with `made`. Returns the features of the rows that were trained on.

    Returns
    -------
    DataFrame or None
        The rows; None if they are unavailable.

    Raises
    ------
    IntegrityError
        If the stored rows have changed.
    """
    if RECORD in made:
        content = tracker.fetch_rows(str(made[RECORD]))
        return None if content is None else pd.read_parquet(io.BytesIO(content))
    if "data_path" not in made:
        return None
    try:
        table = read_table(str(made["data_path"]), str(made["data_sha256"]))
    except (UsageError, IntegrityError):  # the file was deleted or changed
        return None
    return restore(table.frame, made)

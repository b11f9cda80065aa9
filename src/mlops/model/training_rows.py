"""The feature rows that models were trained on: kept by the platform, once per content, and found again."""

import io
from collections.abc import Callable, Mapping

import pandas as pd

from mlops.data.tables import read_table
from mlops.errors import IntegrityError, UsageError
from mlops.platform.trainings import Tracker

RECORD = "training_rows"  # the result of a training, and the tag of its model, that names them

Restore = Callable[[pd.DataFrame, Mapping[str, object]], pd.DataFrame]


def keep_rows(tracker: Tracker, rows: pd.DataFrame) -> str:
    """Keep the feature rows of a training on the platform.

    Parameters
    ----------
    tracker : Tracker
        The platform's record of trainings.
    rows : DataFrame
        The features of the rows that the model is trained on.

    Returns
    -------
    str
        The name by which `find_rows` finds them.
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
        How the model was made: the results of its training, or the tags of its version. ``training_rows`` names its
        rows. Trainings of older versions have none; their rows are those of the file ``data_path``, if it still has
        the hash ``data_sha256``.
    restore : callable
        Given that file's rows and `made`, returns the features of those that an older version trained on.

    Returns
    -------
    DataFrame or None
        None if they are not available.

    Raises
    ------
    IntegrityError
        If the rows that were kept have changed.
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

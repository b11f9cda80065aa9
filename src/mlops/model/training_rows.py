"""The rows that models were trained on. The platform stores their ids or, if the problem has no id, their features."""

import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from mlops.data.blocks import hash_rows
from mlops.data.identity import Familiarity, identify_rows, match_rows
from mlops.data.tables import parse_parquet, read_table
from mlops.errors import IntegrityError, UsageError
from mlops.pipelines import ALL_STEPS, find_training
from mlops.pipelines.step import Step
from mlops.platform.trainings import Tracker
from mlops.problem import Problem
from mlops.problem.split import restore_rows


def keep_rows(tracker: Tracker, problem: Problem, rows: pd.DataFrame) -> str:
    """Store the ids or the features of training rows on the platform, unless they are already stored.

    Parameters
    ----------
    tracker : Tracker
        The tracker of the platform, which records trainings.
    problem : Problem
        The problem. If it declares an id, only the ids are stored, otherwise all features.
    rows : DataFrame
        The training rows.

    Returns
    -------
    str
        The SHA-256 of the stored rows.
    """
    content, rows = io.BytesIO(), identify_rows(problem.key, rows)
    unique = rows if _are_certainly_unique(rows) else rows.drop_duplicates()
    unique.to_parquet(content, index=False)
    return tracker.keep_rows(content.getvalue())


def _are_certainly_unique(rows: pd.DataFrame) -> bool:
    # pandas' exact check for duplicates takes ten times as long as comparing hashes.
    if rows.empty or not all(map(pd.api.types.is_numeric_dtype, rows.dtypes)):
        return False
    return bool(pd.Series(hash_rows(rows.to_numpy(dtype=float, na_value=np.nan))).is_unique)


def look_up_rows(
    tracker: Tracker,
    problem: Problem,
    rows: pd.DataFrame,
    trainings: Iterable[Mapping[str, object]],
    steps: Sequence[Step] = ALL_STEPS,
) -> Familiarity:
    """Return, for each row of a table, whether it is, or may be, a training row of at least one of several models.

    Parameters
    ----------
    tracker : Tracker
        The tracker of the platform, which records trainings.
    problem : Problem
        The problem. A row is identified by its id or, if the problem has no id, by its features.
    rows : DataFrame
        The rows to look up.
    trainings : iterable of mapping
        For each model, the results of its training, or the tags of its registered version.
    steps : sequence of Step
        The steps of the pipeline, including the training step.
    """
    columns = [column for column in problem.columns if column.role in ("id", "feature")]
    return match_rows(identify_rows(columns, rows), find_distinct_rows(tracker, problem, trainings, steps))


def find_distinct_rows(
    tracker: Tracker, problem: Problem, trainings: Iterable[Mapping[str, object]], steps: Sequence[Step] = ALL_STEPS
) -> list[pd.DataFrame | None]:
    """Return the distinct sets of rows that models were trained on, as tables; None in place of an unavailable set."""
    step = find_training(steps)
    name = step.trains.rows if step and step.trains else ""
    distinct = {str(made.get(name, place)): made for place, made in enumerate(trainings)}
    return [find_rows(tracker, problem, made, steps) for made in distinct.values()]


def find_rows(
    tracker: Tracker, problem: Problem, made: Mapping[str, object], steps: Iterable[Step] = ALL_STEPS
) -> pd.DataFrame | None:
    """Return the ids or the features of the rows that a model was trained on.

    Parameters
    ----------
    tracker : Tracker
        The tracker of the platform, which records trainings.
    problem : Problem
        The problem that the model was trained for.
    made : mapping
        The results of the model's training, or the tags of its registered version.
    steps : iterable of Step
        The steps of the pipeline, including the training step.

    Returns
    -------
    DataFrame or None
        The ids or features, one row each; None if they are unavailable.

    Raises
    ------
    IntegrityError
        If the stored rows have changed.
    """
    step = find_training(steps)
    if step is None or not step.trains:
        return None
    if step.trains.rows in made:
        content = tracker.fetch_rows(str(made[step.trains.rows]))
        return None if content is None else parse_parquet(io.BytesIO(content))
    source = next((file for file in step.hands_on if file.url in made), None)
    if source is None:
        return None
    try:
        table = read_table(str(made[source.url]), str(made[source.sha256]), problem.columns)
    except (UsageError, IntegrityError):  # the data file was deleted or changed
        return None
    return restore_rows(problem.features, table.frame, made)

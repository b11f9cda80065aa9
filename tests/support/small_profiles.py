"""Profiles of small tables with given edges, for tests."""

from collections.abc import Mapping

import pandas as pd

from mlops.data.profile import ColumnProfile, profile_column


def profile_frame(frame: pd.DataFrame, edges: Mapping[str, tuple[float, ...]]) -> dict[str, ColumnProfile]:
    """Return the profiles of those columns of numbers that `edges` names."""
    return {name: profile_column(frame[name].to_numpy(dtype=float), chosen) for name, chosen in edges.items()}

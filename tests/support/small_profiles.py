"""Profiles and scans of small tables, for tests."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mlops.data.batches import FrameBatches
from mlops.data.profile import ColumnProfile, Profile, profile_column
from mlops.data.scan import TableScan, scan_batches
from mlops.problem import Column


def profile_frame(frame: pd.DataFrame, edges: Mapping[str, tuple[float, ...]]) -> dict[str, ColumnProfile]:
    """Return the profiles of the columns of numbers for which `edges` has bin edges."""
    return {name: profile_column(frame[name].to_numpy(dtype=float), chosen) for name, chosen in edges.items()}


def scan_frame(frame: pd.DataFrame, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Return the scan of a table that is in memory."""
    return scan_batches(FrameBatches(frame), columns, reference)

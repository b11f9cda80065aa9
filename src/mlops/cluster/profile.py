"""The profile of a data folder as a reference for later data, computed on the workers of a Dask cluster."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.cluster.folder import Folder, inspect_folder
from mlops.cluster.parts import Part, fetch_part, open_part
from mlops.cluster.selection import EVERYTHING, Outline, Window, begin_search, outline
from mlops.cluster.workers import Workers, open_workers
from mlops.data.batches import VALUES, Batches, Columns
from mlops.data.profile import BINS, ColumnProfile, make_reference, require_numbers, require_once, require_profile
from mlops.data.rows import RowsScan, ScanPlan, scan_rows
from mlops.data.tables import parse_content, read_table

POINTS = 256  # maximum number of values in an outline (see `mlops.cluster.selection`)
TRAVEL = 4_000_000  # maximum number of values from outlines on this machine at a time (100 MB)

Windows = Mapping[str, Sequence[Window]]
Outlines = Mapping[str, Mapping[Window, Outline]]


def profile_file(url: str, scheduler: str = "") -> dict[str, ColumnProfile]:
    """Profile every column of a CSV or Parquet file, or of a folder of Parquet files, as a reference for later data.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec supports. Workers must be able to read it, too.
    scheduler : str
        The address of the Dask scheduler whose workers read the files. Empty to read the files on this machine.

    Raises
    ------
    ClusterError
        If the cluster loses its scheduler or too many workers.
    IntegrityError
        If a file changes while it is read.
    UsageError
        If the file or cluster does not exist, if a worker cannot read the file, or if a column cannot be profiled.
    """
    if not scheduler:
        return make_reference(read_table(url).frame)
    with open_workers(scheduler) as workers:
        return profile_folder(url, workers)


def profile_folder(url: str, workers: Workers) -> dict[str, ColumnProfile]:
    """Profile every column of a data file or folder on the workers of a cluster. See `profile_file` for the errors."""
    folder = inspect_folder(url, workers, is_hashed=False)
    if folder.is_text:
        return workers.collect([workers.submit(profile_text, folder.parts[0])])[0]
    require_once(folder.names)
    for name in folder.names:
        require_numbers(name, folder.name_kind(name), is_number=name in folder.numbers)
    edges = {name: found for group in _group(folder) for name, found in _choose_edges(group, folder, workers)}
    plan = ScanPlan(edges, {}, ())
    counts = [workers.submit(count_part, part, folder.columns, plan) for part in folder.parts]
    totals = reduce(RowsScan.merge, workers.collect(counts)).totals.finish()
    return {name: require_profile(name, totals[name].profile) for name in folder.names}


def _group(folder: Folder) -> Iterator[list[str]]:
    """Yield the names of the columns of numbers in groups that are small enough for the memory of this machine."""
    size = max(TRAVEL // (POINTS * BINS * len(folder.parts)), 1)
    for start in range(0, len(folder.names), size):
        yield list(folder.names[start : start + size])


def _choose_edges(names: Sequence[str], folder: Folder, workers: Workers) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield each named column of a data folder with the edges of its bins."""

    def outline_all(windows: Windows) -> list[Outlines]:
        return workers.collect([workers.submit(outline_part, part, folder.columns, windows) for part in folder.parts])

    found = outline_all(dict.fromkeys(names, [EVERYTHING]))
    searches = {name: begin_search([part[name][EVERYTHING] for part in found]) for name in names}
    while windows := {name: search.list_windows() for name, search in searches.items() if search.windows}:
        found = outline_all(windows)
        searches |= {name: searches[name].narrow([part[name] for part in found]) for name in windows}
    yield from ((name, search.place_edges()) for name, search in searches.items())


# The functions below run on the workers.


def profile_text(part: Part) -> dict[str, ColumnProfile]:
    """Profile every column of a text file."""
    with fetch_part(part) as content:
        return make_reference(parse_content(content))


def outline_part(part: Part, columns: Columns, windows: Windows) -> Outlines:
    """Return the outlines (see `mlops.cluster.selection`) of a file of a data folder, by column and window."""
    names = list(windows)
    with open_part(part, columns) as batches:
        size = max(VALUES // max(batches.rows, 1), 1)
        groups = (names[start : start + size] for start in range(0, len(names), size))
        return {
            name: {window: outline(values, window, POINTS) for window in windows[name]}
            for group in groups
            for name, values in _read_sorted(batches, group)
        }


def count_part(part: Part, columns: Columns, plan: ScanPlan) -> RowsScan:
    """Count the values of a file of a data folder in each bin of each column."""
    with open_part(part, columns) as batches:
        return scan_rows(batches, plan)


def _read_sorted(batches: Batches, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield each named column with its finite values, sorted."""
    read = [batch.cast(pl.Float64) for batch in batches.read_numbers(names)]
    for name in names:
        values = np.concatenate([batch[name].to_numpy() for batch in read] or [np.empty(0)])
        yield name, np.sort(values[np.isfinite(values)])

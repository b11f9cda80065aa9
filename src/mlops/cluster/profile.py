"""The profile of a data folder, with which later data is compared. The workers of a Dask cluster compute it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.cluster.folder import Folder, inspect_folder
from mlops.cluster.parts import Part, fetch_part, open_part
from mlops.cluster.selection import EVERYTHING, Outline, Window, begin_search, outline
from mlops.cluster.workers import Workers, open_workers
from mlops.data.batches import Batches, Columns
from mlops.data.content import VALUES
from mlops.data.kinds.column import conclude_column
from mlops.data.kinds.conversion import convert_kinds, list_texts
from mlops.data.kinds.counts import CountProfile, summarize_counts
from mlops.data.kinds.inference import infer_kind, is_id_name, recognize_values
from mlops.data.kinds.parsing import EXAMPLES, count_days, parse_values
from mlops.data.kinds.reference import list_expected, make_reference, require_numbers, require_profile
from mlops.data.kinds.scan import ValuePlan
from mlops.data.profile import BINS, ColumnProfile, require_once
from mlops.data.rows import RowsScan, ScanPlan, scan_rows
from mlops.data.tables import parse_content, read_table
from mlops.errors import UsageError
from mlops.problem import Column

POINTS = 256  # maximum number of values in an outline (see `mlops.cluster.selection`)
MEASURED = ("number", "date")
TRAVEL = 4_000_000  # maximum number of values of outlines that this machine holds at a time (100 MB)

Windows = Mapping[str, Sequence[Window]]
Outlines = Mapping[str, Mapping[Window, Outline]]


def profile_file(
    url: str, scheduler: str = "", columns: Sequence[Column] = ()
) -> dict[str, ColumnProfile | CountProfile]:
    """Return the profile of each column of a CSV or Parquet file, or of a folder of Parquet files, by column name.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec supports. Workers must be able to read it, too.
    scheduler : str
        The address of the Dask scheduler whose workers read the files. Empty to read the files on this machine.
    columns : sequence of Column, optional
        The declared columns. The kinds of other columns are inferred.

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
        return make_reference(read_table(url, "", columns).frame, columns)
    with open_workers(scheduler) as workers:
        return profile_folder(url, workers, columns)


def profile_folder(
    url: str, workers: Workers, columns: Sequence[Column] = ()
) -> dict[str, ColumnProfile | CountProfile]:
    """Return the profile of each column, computed on the workers of a cluster; see `profile_file`."""
    folder = inspect_folder(url, workers, is_hashed=False)
    if folder.is_text:
        return workers.collect([workers.submit(profile_text, folder.parts[0], columns)])[0]
    require_once(folder.names)
    kinds = _find_kinds(folder, columns, workers)
    for name in (name for name, kind in kinds.items() if kind == "number"):
        require_numbers(name, folder.name_kind(name), is_number=name in folder.numbers)
    edges = dict(_choose_all_edges(folder, kinds, workers))
    plan = _plan_scan(kinds, columns, edges)
    counts = [workers.submit(count_part, part, folder.columns, plan) for part in folder.parts]
    found = reduce(RowsScan.merge, workers.collect(counts))
    numbers = {name: totals.profile for name, totals in found.totals.finish().items()}
    return {
        name: require_profile(name, numbers[name]) if name in numbers else _conclude_other(name, kind, found)
        for name, kind in kinds.items()
    }


def _find_kinds(folder: Folder, columns: Sequence[Column], workers: Workers) -> dict[str, str]:
    declared = {column.name: column.read_as for column in columns}
    ignored = {column.name for column in columns if column.role == "ignored"}
    names = [name for name in folder.names if name not in ignored]
    unknown = [name for name in names if name not in declared]
    parts = workers.collect([workers.submit(recognize_part, part, folder.columns, unknown) for part in folder.parts])
    inferred = {name: infer_kind(name, set().union(*(part[name] for part in parts))) for name in unknown}
    return {name: declared.get(name) or inferred[name] for name in names}


def _plan_scan(kinds: Mapping[str, str], columns: Sequence[Column], edges: Mapping[str, tuple[float, ...]]) -> ScanPlan:
    declared = {column.name: column for column in columns}
    others = {
        name: ValuePlan(kind, kept=frozenset(list_expected(declared.get(name), kind)), edges=edges.get(name, ()))
        for name, kind in kinds.items()
        if kind != "number"
    }
    return ScanPlan({name: edges[name] for name, kind in kinds.items() if kind == "number"}, {}, others)


def _conclude_other(name: str, kind: str, found: RowsScan) -> ColumnProfile | CountProfile:
    column = conclude_column(kind, kind, found.others[name], 0, "")
    if column.bad:
        raise UsageError(
            f"The column {name} contains {column.example!r}, but the problem declares {EXAMPLES[kind]}. "
            "Correct the value."
        )
    known = column.profile
    if isinstance(known, ColumnProfile):
        return require_profile(name, known)
    return summarize_counts(kind, column.counts, column.missing)


def _choose_all_edges(
    folder: Folder, kinds: Mapping[str, str], workers: Workers
) -> Iterator[tuple[str, tuple[float, ...]]]:
    names = [name for name, kind in kinds.items() if kind in MEASURED]
    dates = {name for name in names if kinds[name] == "date"}
    size = max(TRAVEL // (POINTS * BINS * len(folder.parts)), 1)  # columns whose outlines fit into memory together
    for start in range(0, len(names), size):
        yield from _choose_edges(names[start : start + size], dates, folder, workers)


def _choose_edges(
    names: Sequence[str], dates: Collection[str], folder: Folder, workers: Workers
) -> Iterator[tuple[str, tuple[float, ...]]]:
    def outline_all(windows: Windows) -> list[Outlines]:
        return workers.collect(
            [workers.submit(outline_part, part, folder.columns, windows, dates) for part in folder.parts]
        )

    found = outline_all(dict.fromkeys(names, [EVERYTHING]))
    searches = {name: begin_search([part[name][EVERYTHING] for part in found]) for name in names}
    while windows := {name: search.list_windows() for name, search in searches.items() if search.windows}:
        found = outline_all(windows)
        searches |= {name: searches[name].narrow([part[name] for part in found]) for name in windows}
    yield from ((name, search.place_edges()) for name, search in searches.items())


# The functions below run on the workers.


def profile_text(part: Part, columns: Sequence[Column]) -> dict[str, ColumnProfile | CountProfile]:
    """Return the profile of each column of a text file, by column name."""
    with fetch_part(part) as content:
        frame = parse_content(content, list_texts(columns))
        return make_reference(convert_kinds(frame, columns, part.url), columns)


def recognize_part(part: Part, columns: Columns, names: Sequence[str]) -> dict[str, set[str]]:
    """Return what each column in `names` contains in a file; see `mlops.data.kinds.inference.recognize_values`."""
    with open_part(part, columns) as batches:
        return {
            name: {"number"}
            if name in columns.numbers and not is_id_name(name)
            else set(map(recognize_values, batches.read_values(name)))
            for name in names
        }


def outline_part(part: Part, columns: Columns, windows: Windows, dates: Collection[str]) -> Outlines:
    """Return the outlines of one file of a data folder: for each column, one outline per window."""
    names = list(windows)
    with open_part(part, columns) as batches:
        size = max(VALUES // max(batches.rows, 1), 1)
        groups = (names[start : start + size] for start in range(0, len(names), size))
        return {
            name: {window: outline(values, window, POINTS) for window in windows[name]}
            for group in groups
            for name, values in _read_sorted(batches, group, dates)
        }


def count_part(part: Part, columns: Columns, plan: ScanPlan) -> RowsScan:
    """Scan one file of a data folder, and return the totals of its columns, such as the counts of the bins."""
    with open_part(part, columns) as batches:
        return replace(scan_rows(batches, plan), hashes=np.empty(0, dtype="uint64"))


def _read_sorted(
    batches: Batches, names: Sequence[str], dates: Collection[str]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    numbers = [name for name in names if name not in dates]
    read = [batch.cast(pl.Float64) for batch in batches.read_numbers(numbers)] if numbers else []
    for name in names:
        parts = list(_read_days(batches, name)) if name in dates else [batch[name] for batch in read]
        values = np.concatenate([part.to_numpy() for part in parts] or [np.empty(0)])
        yield name, np.sort(values[np.isfinite(values)])


def _read_days(batches: Batches, name: str) -> Iterator[pl.Series]:
    return (count_days(parse_values(values, "date")).cast(pl.Float64) for values in batches.read_values(name))

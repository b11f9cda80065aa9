"""The scan of a data file for the data test, on this machine or on the workers of a Dask cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import pandas as pd

from mlops.cluster.folder import Folder, inspect_folder
from mlops.cluster.parts import Part, open_part
from mlops.cluster.workers import Handle, Workers, open_workers
from mlops.data import scan
from mlops.data.batches import Columns
from mlops.data.kinds.conversion import list_texts
from mlops.data.kinds.scan import Hashes, find_id
from mlops.data.profile import Profile
from mlops.data.rows import RowsScan, ScanPlan, find_repeats, scan_rows
from mlops.data.scan import HEAD, TableScan
from mlops.problem import Column

BUCKET = 5_000_000  # number of hashes in a bucket (40 MB)
SOURCE = "scheduler"  # the name of the notebook parameter with the address
ROWS = ""  # key for the hashes of whole rows; all other keys are names of columns

Scanned = tuple[RowsScan, Mapping[str, Sequence[Hashes]]]


def scan_file(url: str, columns: Sequence[Column], reference: Profile, scheduler: str = "") -> TableScan:
    """Scan a data file or folder, on this machine or on the workers of a Dask cluster, and return the result.

    Parameters
    ----------
    url : str
        A path, or a URL with a scheme that fsspec supports. Workers must be able to read it, too.
    columns : sequence of Column
        The declared columns, with their rules.
    reference : Profile
        The profile with the bin edges of each column.
    scheduler : str
        The address of the Dask scheduler whose workers read the files. Empty to read the files on this machine.

    Raises
    ------
    ClusterError
        If the cluster loses its scheduler or too many workers.
    IntegrityError
        If a file changes during the scan.
    UsageError
        If the file or cluster does not exist, if a worker cannot read the file, or if the content of the file does not
        match the ending of its name.
    """
    if not scheduler:
        return scan.scan_file(url, columns, reference)
    with open_workers(scheduler, SOURCE) as workers:
        return scan_folder(url, columns, reference, workers)


def scan_folder(url: str, columns: Sequence[Column], reference: Profile, workers: Workers) -> TableScan:
    """Scan a data file or folder on the workers of a cluster, and return the result.

    See `scan_file` for the parameters and the errors.
    """
    folder = inspect_folder(url, workers, is_hashed=True)
    if folder.is_text:
        (found,) = workers.collect([workers.submit(scan_text, folder.parts[0], columns, reference)])
    else:
        found = _scan_parts(folder, scan.plan_scan(folder, columns, reference), workers)
    return replace(found, url=url, sha256=folder.sha256)


def _scan_parts(folder: Folder, plan: ScanPlan, workers: Workers) -> TableScan:
    buckets = folder.rows // BUCKET + 1
    first = next((part for part, count in zip(folder.parts, folder.counts, strict=True) if count), folder.parts[0])
    head = workers.submit(read_head, first, folder.columns)
    scans = [workers.submit(scan_part, part, folder.columns, plan, row, buckets) for part, row in folder.list_starts()]
    found = reduce(RowsScan.merge, workers.collect([workers.submit(get_findings, one) for one in scans]))
    copies, _ = _find_repeats(scans, ROWS, buckets, workers) if plan.is_compared else (0, 0)
    repeats = {}
    for name in plan.unique:
        count, smallest = _find_repeats(scans, name, buckets, workers)
        parts = [workers.submit(find_in_part, part, folder.columns, name, smallest) for part in folder.parts if count]
        repeats[name] = count, next(filter(None, workers.collect(parts)), "")
    return scan.conclude_scan(folder, plan, found, copies, repeats, workers.collect([head])[0])


def _find_repeats(scans: Sequence[Handle[Scanned]], name: str, buckets: int, workers: Workers) -> tuple[int, int]:
    """Return how many hashes in all parts repeat an earlier hash, and the smallest repeated hash (0 if none)."""
    found = workers.collect(
        [
            workers.submit(find_in_bucket, [workers.submit(get_bucket, one, name, number) for one in scans])
            for number in range(buckets)
        ]
    )
    return sum(count for count, _ in found), next((smallest for count, smallest in found if count), 0)


# The functions below run on the workers.


def scan_text(part: Part, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a text file, and return the result."""
    with open_part(part, texts=list_texts(columns)) as batches:
        return scan.scan_batches(batches, columns, reference)


def read_head(part: Part, columns: Columns) -> pd.DataFrame:
    """Return the first rows of a file in a data folder."""
    with open_part(part, columns) as batches:
        return batches.read_head(HEAD)


def scan_part(part: Part, columns: Columns, plan: ScanPlan, row: int, buckets: int) -> Scanned:
    """Scan a file. `row` is the position of its first row in the table, counted from 0.

    Return the totals of the file and, separately, hashes: one for each row, and one for each value of a column whose
    values must be unique. The hashes are sorted and split into buckets.
    """
    with open_part(part, columns) as batches:
        found = scan_rows(batches, plan, row)
    hashes = {ROWS: found.hashes, **{name: found.others[name].ids for name in plan.unique}}
    others = {name: replace(other, ids=other.ids[:0]) for name, other in found.others.items()}
    split = {name: _split(values, buckets) for name, values in hashes.items()}
    return replace(found, hashes=found.hashes[:0], others=others), split


def _split(hashes: Hashes, buckets: int) -> list[Hashes]:
    hashes.sort()
    bounds = np.arange(1, buckets, dtype="uint64") * np.uint64((2**64 - 1) // buckets)
    return np.split(hashes, np.searchsorted(hashes, bounds))


def get_findings(scanned: Scanned) -> RowsScan:
    """Return the result of `scan_part` without the hashes."""
    return scanned[0]


def get_bucket(scanned: Scanned, name: str, number: int) -> Hashes:
    """Return a bucket from the result of `scan_part`: hashes of the column `name`, or of rows if `name` is `ROWS`."""
    return scanned[1][name][number]


def find_in_bucket(parts: Sequence[Hashes]) -> tuple[int, int]:
    """Return how many hashes in all arrays repeat an earlier hash, and the smallest repeated hash (0 if none)."""
    return find_repeats(np.concatenate(parts))


def find_in_part(part: Part, columns: Columns, name: str, wanted: int) -> str:
    """Return the first id with the hash `wanted` in a column of a file. Return "" if there is none."""
    with open_part(part, columns) as batches:
        return find_id(batches.read_values(name), wanted)

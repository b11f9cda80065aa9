"""The scan of a data file for the data test, on this machine or on the workers of a Dask cluster."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops.cluster.folder import Folder, inspect_folder
from mlops.cluster.parts import Part, open_part
from mlops.cluster.workers import Handle, Workers, open_workers
from mlops.data import scan
from mlops.data.batches import Columns
from mlops.data.profile import Profile
from mlops.data.rows import RowsScan, ScanPlan, count_copies, scan_rows
from mlops.data.scan import HEAD, TableScan
from mlops.problem import Column

BUCKET = 5_000_000  # number of hashes in a bucket (40 MB)
SOURCE = "scheduler"  # the notebook's parameter with the address

Hashes = NDArray[np.uint64]


def scan_file(url: str, columns: Sequence[Column], reference: Profile, scheduler: str = "") -> TableScan:
    """Scan a CSV or Parquet file, or a folder of Parquet files as one table, on this machine or on a Dask cluster.

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
    """Scan a data file or folder on the workers of a cluster. See `scan_file` for the parameters and errors."""
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
    copies = _count_copies(scans, buckets, workers) if plan.is_compared else 0
    return scan.conclude_scan(folder, found, copies, workers.collect([head])[0])


def _count_copies(scans: Sequence[Handle[tuple[RowsScan, list[Hashes]]]], buckets: int, workers: Workers) -> int:
    """Return the number of rows that equal an earlier row, from the scans of all parts of a table."""
    counts = [
        workers.submit(count_in_bucket, [workers.submit(get_bucket, one, number) for one in scans])
        for number in range(buckets)
    ]
    return sum(workers.collect(counts))


# The functions below run on the workers.


def scan_text(part: Part, columns: Sequence[Column], reference: Profile) -> TableScan:
    """Scan a text file."""
    with open_part(part) as batches:
        return scan.scan_batches(batches, columns, reference)


def read_head(part: Part, columns: Columns) -> pd.DataFrame:
    """Return the first rows of a file of a data folder."""
    with open_part(part, columns) as batches:
        return batches.read_head(HEAD)


def scan_part(part: Part, columns: Columns, plan: ScanPlan, row: int, buckets: int) -> tuple[RowsScan, list[Hashes]]:
    """Scan a file whose first row has the number `row`. Return also its sorted row hashes, split into buckets."""
    with open_part(part, columns) as batches:
        found = scan_rows(batches, plan, row)
    found.hashes.sort()
    bounds = np.arange(1, buckets, dtype="uint64") * np.uint64((2**64 - 1) // buckets)
    return replace(found, hashes=found.hashes[:0]), np.split(found.hashes, np.searchsorted(found.hashes, bounds))


def get_findings(scanned: tuple[RowsScan, list[Hashes]]) -> RowsScan:
    """Return the result of `scan_part` without the hashes of the rows."""
    return scanned[0]


def get_bucket(scanned: tuple[RowsScan, list[Hashes]], number: int) -> Hashes:
    """Return the bucket of row hashes with this number from the result of `scan_part`."""
    return scanned[1][number]


def count_in_bucket(parts: Sequence[Hashes]) -> int:
    """Return how many hashes equal an earlier hash, in the arrays of all parts together."""
    return count_copies(np.concatenate(parts))

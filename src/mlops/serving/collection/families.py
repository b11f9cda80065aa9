"""The metrics of a service's collected rows: the backlog, the uploads and the distributions."""

from pathlib import Path

from ..metrics.families import Family, Sample
from ..metrics.tally import read_tally
from .backlog import describe_backlog
from .distributions import describe_distributions
from .settings import Folders, Settings
from .uploader import BYTES, DONE, FAILED, UPLOADS


def describe_collected(settings: Settings, folders: Folders | None = None) -> list[Family]:
    """Return the metrics of collected rows.

    Parameters
    ----------
    settings : Settings
        The settings of the collection.
    folders : Folders, optional
        The folders of the service. With them, the uploads and the distributions of the rows are described, too.
    """
    backlog = describe_backlog(settings)
    if not folders:
        return backlog
    return [*backlog, *describe_uploads(folders.metrics), *describe_distributions(folders.bundle, settings)]


def describe_uploads(folder: Path) -> list[Family]:
    """Return the metrics of the uploader, from the file in which it stores its counts."""
    counts = read_tally(folder / UPLOADS)
    results = [Sample(counts.get(name, 0), {"result": name}) for name in (DONE, FAILED)]
    said = "Uploads of segments, and failed attempts, which are retried."
    sizes = [Sample(counts.get(BYTES, 0))]
    return [
        Family("mlops_collection_uploads", "counter", said, results),
        Family("mlops_collection_uploaded_bytes", "counter", "Size of the uploaded segments, compressed.", sizes),
    ]

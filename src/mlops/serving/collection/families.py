"""The metrics of a service's collected rows: the backlog, the uploads and the distributions."""

from pathlib import Path

from ..metrics.families import Family, Sample
from ..metrics.tally import read_tally
from .backlog import describe_backlog
from .distributions import describe_distributions
from .settings import Settings
from .uploader import BYTES, DONE, FAILED, UPLOADS


def describe_collected(settings: Settings, counted: tuple[Path, Path] | None = None) -> list[Family]:
    """Return the metrics of collected rows.

    Parameters
    ----------
    settings : Settings
        The settings of the collection.
    counted : tuple of Path, optional
        The folder of the image, and the folder with the service's metrics. If they are given, the uploads and the
        distributions of the rows are described, too.
    """
    backlog = describe_backlog(settings)
    if not counted:
        return backlog
    return [*backlog, *describe_uploads(counted[1]), *describe_distributions(*counted, settings)]


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

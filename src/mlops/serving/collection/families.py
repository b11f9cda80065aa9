"""The metrics of a service's collected rows: the backlog, the uploads and the drift."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ..metrics.families import Family, Sample
from ..metrics.tally import read_tally
from .drift import describe_drift
from .segments import CLOSED, OPEN, find_time, list_segments, measure_segments
from .settings import Folders, Settings
from .uploader import BYTES, DONE, FAILED, UPLOADS


def describe_collected(settings: Settings, folders: Folders | None = None) -> list[Family]:
    """Return the metrics of collected rows.

    Parameters
    ----------
    settings : Settings
        The settings of the collection.
    folders : Folders, optional
        The folders of the service. With them, the uploads and the drift of the rows are described, too.
    """
    backlog = describe_backlog(settings)
    if not folders:
        return backlog
    return [*backlog, *describe_uploads(folders.metrics), *describe_drift(folders.bundle, settings)]


def describe_backlog(settings: Settings, clock: Callable[[], float] = time.time) -> list[Family]:
    """Return the metrics of the segments in a folder: the age of the oldest record, and the use of the disk.

    Parameters
    ----------
    settings : Settings
        The settings of the collection.
    clock : callable
        A function that returns the time in seconds since 1970.
    """
    folder = Path(settings.folder)
    waiting = list_segments(folder, OPEN, CLOSED)
    age = max(0.0, clock() - find_time(waiting[0].name)) if waiting else 0.0
    used, free = measure_segments(folder), shutil.disk_usage(folder).free
    measured: dict[str, tuple[str, float]] = {
        "mlops_collection_bytes": ("Size of the collected rows in the folder of the service.", used),
        "mlops_collection_limit_bytes": (
            "Limit for the size of the collected rows in the folder of the service.",
            settings.max_bytes,
        ),
        "mlops_collection_free_bytes": ("Free space on the disk that holds the collected rows.", free),
    }
    if settings.url:
        said = "Age of the oldest collected row that is not uploaded yet; 0 if there is none."
        measured["mlops_collection_oldest_record_age_seconds"] = (said, age)
    return [Family(name, "gauge", text, [Sample(value)]) for name, (text, value) in measured.items()]


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

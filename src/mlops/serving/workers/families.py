"""The metrics of the supervisor, from the file in which it records its workers."""

from pathlib import Path

from ..metrics.families import Family, Sample
from .record import read_workers


def describe_supervisor(folder: Path) -> list[Family]:
    """Return the metrics of the supervisor, from the file in `folder` in which it records its workers."""
    text = "Number of starts of the process that uploads segments."
    return [Family("mlops_uploader_starts", "counter", text, [Sample(read_workers(folder).uploads)])]

"""The metrics of the supervisor, from its record."""

from pathlib import Path

from ..metrics.families import Family, Sample
from .record import read_workers


def describe_supervisor(folder: Path) -> list[Family]:
    """Return the metrics of the supervisor, from the record that it writes to a folder."""
    text = "Number of starts of the process that uploads segments."
    return [Family("mlops_uploader_starts", "counter", text, [Sample(read_workers(folder).uploads)])]

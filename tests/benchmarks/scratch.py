"""The folder that the benchmark writes to, and the type of its sections."""

import tempfile
from dataclasses import dataclass

from benchmarks.goals import Figure
from benchmarks.measure import Row
from benchmarks.processes import PROJECT

OUTPUTS = PROJECT / "outputs" / "benchmarks"


@dataclass(frozen=True)
class Section:
    """Measurements that belong together."""

    title: str
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()


def make_scratch() -> "tempfile.TemporaryDirectory[str]":
    """Create a temporary folder. It is in the checkout, so that git answers as in real runs."""
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="scratch-", dir=OUTPUTS, ignore_cleanup_errors=True)

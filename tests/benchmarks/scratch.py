"""Where the benchmark writes, and what a section of it is."""

import tempfile
from dataclasses import dataclass

from benchmarks.goals import Figure
from benchmarks.measure import Row
from benchmarks.processes import PROJECT

OUTPUTS = PROJECT / "outputs" / "benchmarks"


@dataclass(frozen=True)
class Section:
    """What was measured together."""

    title: str
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()


def make_scratch() -> "tempfile.TemporaryDirectory[str]":
    """Make a folder that is taken away again; it is in the checkout, so that git has an answer as in real runs."""
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="scratch-", dir=OUTPUTS, ignore_cleanup_errors=True)

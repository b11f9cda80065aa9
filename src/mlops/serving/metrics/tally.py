"""Counts of the processes beside the workers, such as the uploader, in files beside those of the workers."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class Tally:
    """Counts by name. A restarted process continues the counts in the file.

    Parameters
    ----------
    path : Path, optional
        The file; None to count in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._counts = read_tally(path) if path else {}

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to the counts, and store them."""
        if not any(counts.values()):
            return
        for name, count in counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        if self._path:
            scratch = self._path.with_suffix(".new")
            with suppress(OSError):  # the disk is full, or the folder was deleted
                scratch.write_text(json.dumps(self._counts))
                os.replace(scratch, self._path)


def read_tally(path: Path) -> dict[str, int]:
    """Return the counts in a file; no counts if the file is missing or damaged."""
    try:
        return {str(name): int(count) for name, count in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}

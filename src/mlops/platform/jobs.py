"""The seam of jobs: one step of a submitted run, on the machine that executes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlops.platform.datasets import DatasetVersion


class Job(Protocol):
    """One step of a submitted run, seen from the machine that executes it; all its steps share one run's folder."""

    @property
    def run_id(self) -> str:
        """The submitted run's id, which names the folder of the run."""
        ...

    def find_data(self, version: str) -> str:
        """Return the address of the registered data set in a version ("latest"), or of new data (`NEW_DATA`).

        New data is the file that has arrived last in the folder that is watched, copied to where nobody writes to it
        again. Raises NotFoundError.
        """
        ...

    def keep_data(self, url: str) -> DatasetVersion:
        """Make new data the newest version of the data set; called when `url`, from `find_data`, has passed its test.

        Safe to call again: the same content makes no second version.
        """
        ...

    def fetch_folder(self, folder: Path) -> None:
        """Copy what earlier steps have stored to `folder`; nothing where there is none yet."""
        ...

    def store_folder(self, folder: Path) -> None:
        """Store the run's folder with the run, so that the next step and people find it; whatever came of the step."""
        ...

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record a step's numbers with the step and with the run."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Tag the submitted run: "outcome", "reason", "model_version", "skipped_register"."""
        ...

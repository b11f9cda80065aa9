"""The interface to jobs: one step of a submitted run, on the machine that executes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlops.record.conclusion import Conclusion


class Job(Protocol):
    """One step of a submitted run, seen from the machine that executes it. All steps of a run share its folder."""

    @property
    def run_id(self) -> str:
        """The id of the submitted run, which is also the name of its folder."""
        ...

    def fetch_folder(self, folder: Path) -> None:
        """Copy the files that earlier steps stored to `folder`; do nothing if there are none."""
        ...

    def store_folder(self, folder: Path) -> None:
        """Store the folder of the run, so that the next step and you can read it; called even if the step failed."""
        ...

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a step with the step and with the run."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add a tag that records the origin or the data of the submitted run: "BuildId", "dataset"."""
        ...

    def conclude(self, conclusion: Conclusion) -> None:
        """Record on the platform how the submitted run ended, as far as it is known; called after each step."""
        ...


class Jobs(Protocol):
    """The jobs of the platform. The current process may be one of them."""

    def find_job(self) -> Job | None:
        """Return the step of a submitted run that this process executes, or None outside of a submitted run.

        Called by `mlops run-step`.
        """
        ...

"""The seam of jobs: one step of a submitted run, on the machine that executes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Job(Protocol):
    """One step of a submitted run, seen from the machine that executes it; all its steps share one run's folder."""

    @property
    def run_id(self) -> str:
        """The submitted run's id, which names the folder of the run."""
        ...

    def fetch_folder(self, folder: Path) -> None:
        """Copy what earlier steps have stored to `folder`; nothing where there is none yet."""
        ...

    def store_folder(self, folder: Path) -> None:
        """Store the run's folder with the run, for the next step and for people; called however the step ended."""
        ...

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Record a step's numbers with the step and with the run."""
        ...

    def tag(self, tags: Mapping[str, str]) -> None:
        """Tag the submitted run: "outcome", "reason", "model_version", "skipped_register"."""
        ...


class Jobs(Protocol):
    """The platform's jobs, of which a process may be one."""

    def find_job(self) -> Job | None:
        """Return the step of a submitted run that this process executes; called by `mlops run-step`.

        None outside of a submitted run.
        """
        ...

"""The reports of a run: one after each step, and the index at the end."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mlops.portal.environments import Overview
from mlops.portal.index import write_index
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.listener import Listener
from mlops.scraps import name_copy

LOGGER = logging.getLogger(__name__)


@contextmanager
def warn_unwritten(what: str) -> Iterator[None]:
    """Log an `OSError` that the ``with`` block raises, and continue. `what` is the name of the page in the message."""
    try:
        yield
    except OSError as error:
        LOGGER.warning("Could not write %s. The run continues. %s", what, error)


class Reporter(Listener):
    """A listener that writes the reports of a run.

    Parameters
    ----------
    outputs : Path
        The folder of all runs.
    read_overview : callable
        Returns the services of the environments, or None to leave them out of the index.
    """

    def __init__(self, outputs: Path, read_overview: Callable[[], Overview | None] = lambda: None) -> None:
        self._outputs = outputs
        self._read_overview = read_overview

    def step_started(self, step: StepRecord) -> None:
        """Load the templates of reports."""
        from mlops.portal.report import rehearse

        rehearse()  # now, because this process has nothing else to do while the kernel starts

    def step_ended(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """Write a report if the step's notebook was executed, and return the step with the report's name added."""
        notebook = self._outputs / run.run_id / name_copy(step.notebook, step.environment)
        if step.state not in ("done", "failed") or not notebook.is_file():
            return step
        from mlops.portal.report import render_report  # slow: imports nbconvert

        with warn_unwritten(f"the report of {step.name}"):
            return replace(step, report=render_report(notebook, run, step).name)
        return step

    def run_ended(self, run: RunRecord) -> None:
        """Write the index of all runs."""
        with warn_unwritten("the index of all runs"):
            write_index(self._outputs, self._read_overview())

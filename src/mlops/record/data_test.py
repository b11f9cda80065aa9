"""The last data test, read from the records of runs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlops.errors import DataTestFailed
from mlops.pipelines import ALL_STEPS
from mlops.pipelines.step import Step
from mlops.record.ledger import RunRecord, StepRecord

ENDED = ("done", "reused", "failed")


@dataclass(frozen=True)
class DataTest:
    """The result of the last data test.

    Parameters
    ----------
    passed : bool
        Whether the data passed.
    refused : bool
        Whether the data breaks a rule. False if the data passed, or if the test crashed.
    at : str
        The time when the test started, in UTC and ISO 8601.
    url : str
        The path or URL of the data file.
    report : str
        The path of the test's report, relative to the folder of all runs.
    """

    passed: bool
    refused: bool
    at: str
    url: str = ""
    report: str = ""

    @property
    def data(self) -> str:
        """The name of the data file."""
        return PurePosixPath(self.url).name


def find_data_test(runs: Iterable[RunRecord], steps: Iterable[Step] = ALL_STEPS, of: str = "") -> DataTest | None:
    """Return the data test that started last, or None if no data was tested.

    Parameters
    ----------
    runs : iterable of RunRecord
        The records of runs, newest first.
    steps : iterable of Step
        The steps of the project.
    of : str
        The path or URL of a data file. If it is given, only tests of this file count.
    """
    takes = {step.name: step.takes_data for step in steps if step.takes_data}
    own: list[DataTest] = []
    reused: list[DataTest] = []
    for run in runs:
        found = next((step for step in run.steps if step.name in takes and step.state in ENDED), None)
        described = _describe(run, found, takes[found.name]) if found else None
        if found and described and of in ("", described.url):
            (reused if found.state == "reused" else own).append(described)
    # Reused tests count, too, because the run that executed the test can be deleted, or be on another machine.
    return max((*own, *reversed(reused)), key=lambda test: test.at, default=None)


def summarize_rules(step: StepRecord, most: int = 2) -> list[str]:
    """Return the rules that the data broke, but at most `most`. If it broke more, a last item says so: "and 3 more".

    The list is empty if the step did not reject the data.
    """
    # A record has only the beginning of a long error. The first line has the number of broken rules.
    head, *lines = step.error.splitlines() or [""]
    rules = [line.strip() for line in lines if line.startswith("  ")]
    if step.error_kind != DataTestFailed.__name__ or not rules:
        return []
    counted = re.search(r"breaks (\d+) rule", head)
    others = (int(counted[1]) if counted else len(rules)) - len(rules[:most])
    return [*rules[:most], *([f"and {others} more"] if others > 0 else [])]


def _describe(run: RunRecord, step: StepRecord, takes: str) -> DataTest:
    url = str(step.results.get(takes) or step.parameters.get(takes) or "")
    report = f"{run.run_id}/{step.report}" if step.report else ""
    refused = step.state == "failed" and step.error_kind == DataTestFailed.__name__
    return DataTest(step.has_results, refused, step.started or run.started, url, report)

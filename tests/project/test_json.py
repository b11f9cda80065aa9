"""docs/json.md has every field of `run.json` and of what --json prints, and no others."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from mlops.catalog.forgetting import Forgotten
from mlops.cli.streams import JSON_FORMAT
from mlops.kernels.running_parents import RunningFork, RunningParent
from mlops.operations.costs import Cost, Estimate
from mlops.parameters.merging import Parameters
from mlops.platform.infrastructure import Change
from mlops.platform.leftovers import Leftover
from mlops.platform.models import ModelVersion
from mlops.platform.pipelines import PublishedPipeline, SubmittedRun, SubmittedStep
from mlops.platform.services import Decision, Rollback, Service
from mlops.record.ledger import FORMAT, RunRecord, RunSettings
from mlops.record.steps import Failure, StepRecord
from mlops.regression.check import Verdict
from mlops.regression.comparison import Comparison
from mlops.regression.values import Difference
from mlops.sweeps.results import Point, Sweep

DOCUMENTS: dict[str, type] = {
    "Run record": RunRecord,
    "Failure": Failure,
    "Step": StepRecord,
    "Settings": RunSettings,
    "Parameters": Parameters,
    "Model version": ModelVersion,
    "Service": Service,
    "Decision": Decision,
    "Rollback": Rollback,
    "Notebook check": Verdict,
    "Comparison": Comparison,
    "Difference": Difference,
    "Plan": Sweep,
    "Point": Point,
    "Publication": PublishedPipeline,
    "Submitted runs": SubmittedRun,
    "Submitted step": SubmittedStep,
    "Warm kernels": RunningParent,
    "Fork": RunningFork,
    "Changes": Change,
    "Leftover": Leftover,
    "Forgotten rows": Forgotten,
    "Costs": Estimate,
    "Cost line": Cost,
}
PRINTED = {
    "Status",
    "Standing",
    "Sweep",
    "Keys",
    "Deletion",
    "Collected rows",
    "Log",
    "Trace",
}  # objects that the command itself composes; tests/cli checks them


@pytest.fixture(scope="module")
def documented(project: Path) -> dict[str, list[str]]:
    """The fields of each section of docs/json.md."""
    sections = re.split(r"^##+ (.+)$", (project / "docs" / "json.md").read_text(), flags=re.MULTILINE)[1:]
    return {
        name: re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)
        for name, body in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_section_is_known(documented: dict[str, list[str]]) -> None:
    assert documented.keys() == DOCUMENTS.keys() | PRINTED


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_is_documented_in_its_order(documented: dict[str, list[str]], name: str) -> None:
    assert documented[name] == [field.name for field in fields(DOCUMENTS[name])]


def test_the_numbers_are_those_of_the_code(project: Path) -> None:
    text = (project / "docs" / "json.md").read_text()
    assert f"| {FORMAT}, the format of run records |" in text
    assert f"| all other output of `--json` | {JSON_FORMAT} |" in text

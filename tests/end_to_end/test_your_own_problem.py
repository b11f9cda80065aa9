"""The ten steps of docs/your-own-problem.md, run as they stand there: from a CSV file to a service that answers.

Then the tests of the engine, which must not depend on the example that the steps delete.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from azure_pipelines.agent import copy_repository, move_packages
from command_line import PROJECT, CommandLine
from other_project import OtherCommandLine, write_parameters

from mlops.record.ledger import list_runs
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow  # the wheels of another lock, a forest, and eight notebooks
GUIDE = PROJECT / "docs" / "your-own-problem.md"
BLOCK = re.compile(r"^```(bash|python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
REFRESH = "make notebooks\n"
REFRESHING = "CONFIRM=1 .venv/bin/python tests/notebooks/refresh.py"  # `make` would install the packages again
# Tests of the engine that use a project in each of the ways in which tests do, and all tests of the checkout itself.
TESTS = (
    "backends/local/test_environments.py",  # the packages of this checkout were moved
    "ci/test_names.py",
    "ci/test_schema.py",
    "cli/test_cli.py",
    "cli/test_sweeps.py",
    "end_to_end/test_check_notebooks.py",
    "end_to_end/test_sweep.py",
    "notebooks",
    "operations",
    "parameters",
    "pipelines",
    "problem",
    "project",
)


@dataclass(frozen=True)
class Walk:
    """The copy of the checkout in which a reader follows the steps."""

    mlops: CommandLine

    def follow(self, language: str, text: str) -> None:
        """Do what one block of the guide says: run a command, write a file, or edit one."""
        project = self.mlops.workspace.project
        if language == "bash":
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                cwd=project,
                env=self.mlops.environ,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
            return
        path = project / text.splitlines()[0].removeprefix("# ")
        content = text.split("\n", 1)[1]
        if path.suffix == ".ipynb":
            name, line = content.rstrip().split(" = ", 1)
            write_parameters(project, {name: line})
        elif language == "yaml":
            key, _, _ = content.strip().partition(": ")
            replaced = {"problem": r"^problem: .*", "trees": r"^    alpha: .*"}[key]
            edited, count = re.subn(replaced, content.rstrip("\n"), path.read_text(), flags=re.MULTILINE)
            assert count == 1, f"{path} has no line to replace by {content}"
            path.write_text(edited)
        else:
            path.write_text(text)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Walk]:
    """The checkout after all steps."""
    if not (PROJECT / "src" / "diabetes").exists():
        pytest.skip("the guide replaces the example, which this checkout has no more")
    folder = tmp_path_factory.mktemp("own")
    workspace = Workspace(folder / "project", folder / "home", folder / "outputs")
    copy_repository(PROJECT, workspace.project)
    move_packages(Path(sys.prefix), workspace.project / ".venv")
    workspace.home.mkdir()
    shutil.copyfile(database, workspace.home / database.name)
    walked = Walk(OtherCommandLine(workspace))
    for language, text in BLOCK.findall(GUIDE.read_text()):
        if text != REFRESH:
            walked.follow(language, text)
    yield walked
    walked.mlops("stop")


def test_the_guide_has_ten_steps() -> None:
    assert re.findall(r"^\*\*(\d+)\. ", GUIDE.read_text(), re.MULTILINE) == [str(step) for step in range(1, 11)]


def test_the_whole_job_promotes_and_releases_the_first_model(walk: Walk) -> None:
    (run,) = list_runs(walk.mlops.workspace.outputs)
    assert (run.pipeline, run.outcome) == ("all", "promoted")
    assert {step.state for step in run.steps} == {"done"}
    assert float(str(run.result("accuracy"))) > 0.9


def test_the_service_answers_with_the_probabilities_of_the_cultivars(walk: Walk) -> None:
    status = json.loads(walk.mlops("status", "--json").stdout)
    (service,) = [found for found in status["services"] if found["environment"] == "production"]
    key = walk.mlops("keys", "production", "--primary").stdout.strip()
    names = (walk.mlops.workspace.project / "src/wine/wine.csv").read_text().split("\n", 1)[0].split(",")[:-1]
    record = dict(zip(names, (13, 2, 2.4, 19, 100, 2.3, 2, 0.4, 1.6, 5, 1, 2.6, 750), strict=True))
    answer = requests.post(
        f"{service['url']}/score", json={"data": [record]}, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    (probabilities,) = answer.json()["result"]
    assert len(probabilities) == 3
    assert sum(probabilities) == pytest.approx(1)


@pytest.mark.timeout(1800)
def test_the_tests_of_the_engine_and_of_the_checkout_pass(walk: Walk) -> None:
    walk.follow("bash", f"{REFRESHING}\ngit add --all\n")
    left_out = ("PYTEST_", "MLOPS_", "PYTHONPATH")
    ran = subprocess.run(
        [".venv/bin/python", "-m", "pytest", "-m", "not slow", *(f"tests/{name}" for name in TESTS)],
        cwd=walk.mlops.workspace.project,
        env={name: value for name, value in os.environ.items() if not name.startswith(left_out)},
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8000:]
    assert int(re.findall(r"(\d+) passed", ran.stdout)[-1]) > 500

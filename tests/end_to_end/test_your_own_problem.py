"""The ten steps of docs/your-own-problem.md, run as they stand there: from a CSV file to a service that answers."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from command_line import PROJECT, CommandLine
from other_project import copy_files, write_parameters

from mlops.record.ledger import list_runs

pytestmark = pytest.mark.slow  # the wheels of another lock, a forest, and eight notebooks
GUIDE = PROJECT / "docs" / "your-own-problem.md"
BLOCK = re.compile(r"^```(bash|python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
REFRESH = "make notebooks\n"  # this step has tests of its own


@dataclass(frozen=True)
class Walk:
    """The copy of the project in which a reader follows the steps."""

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
    """The project after all steps."""
    walked = Walk(copy_files(tmp_path_factory.mktemp("own")))
    walked.mlops.workspace.home.mkdir()
    shutil.copyfile(database, walked.mlops.workspace.home / database.name)
    (walked.mlops.workspace.project / ".venv").symlink_to(PROJECT / ".venv")
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

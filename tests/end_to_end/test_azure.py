"""The reference architecture on Azure, end to end with the command line, against the double of Azure.

Submitted runs are really executed: each notebook of the published sources in a process of its own, which has only the
information that Azure gives to it.
"""

import contextlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from command_line import MLOPS
from doubles.azure.azure import Azure
from sandbox import SANDBOX

from mlops.cli import main
from mlops.pipelines import RETRAIN

pytestmark = pytest.mark.slow
ROWS = {"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]}


@dataclass(frozen=True)
class Laptop:
    """A checkout on some machine, with the command line on Azure.

    Commands that change something run as processes, each of which imports Azure's SDKs (3 s). Most commands
    that only read, and some repetitions, run in the process of the test.
    """

    project: Path

    def __call__(self, *words: str, fails: int = 0) -> str:
        """Run a command, which must end with the exit code `fails`. Return its standard output."""
        ran = subprocess.run(
            [str(MLOPS), *words, "--platform", "azure"],
            cwd=self.project,
            env={**os.environ, "MLOPS_HOME": str(self.project / ".mlops")},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert ran.returncode == fails, f"mlops {' '.join(words)}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def ask(self, *words: str) -> str:
        """Run a command in this process. Return its standard output."""
        with contextlib.chdir(self.project):
            environ = {"MLOPS_HOME": str(self.project / ".mlops")}
            ran = CliRunner(env=environ).invoke(main, [*words, "--platform", "azure"], prog_name="mlops")
        assert ran.exit_code == 0, f"mlops {' '.join(words)}\n{ran.output}"
        return ran.stdout

    def read(self, *words: str) -> Any:
        """Run a command in this process and return its JSON."""
        return json.loads(self.ask(*words, "--json"))

    def set_alpha(self, alpha: float) -> None:
        """Change the model as a commit would."""
        path = self.project / "parameters" / "base.yml"
        lines = path.read_text().splitlines()
        (place,) = (number for number, line in enumerate(lines) if line.strip().startswith("alpha:"))
        lines[place] = f"    alpha: {alpha}"
        path.write_text("\n".join(lines) + "\n")

    def serving(self) -> dict[str, tuple[int, str, str]]:
        """Return, for each environment, the model version that it serves, its health, and the result of its test."""
        found = self.read("status")["services"]
        return {one["environment"]: (one["model_version"], one["health"], one["tested"]) for one in found}

    def ask_production(self) -> list[float]:
        """Call the production service as a client."""
        (service,) = [one for one in self.read("status")["services"] if one["environment"] == "production"]
        key = self("keys", "production", "--primary").strip()
        answer = requests.post(
            f"{service['url']}/score", json=ROWS, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        return list(answer.json()["result"])


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """A copy of the sandbox, with the engine itself instead of a link."""
    shutil.copytree(SANDBOX, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return Laptop(tmp_path / "project")


@pytest.mark.timeout(1500)
def test_the_reference_architecture_on_azure(azure: Azure, laptop: Laptop) -> None:
    azure.deployments.start_empty()

    # Set the platform up. A second time changes nothing.
    assert "create" in laptop.ask("provision", "--what-if")
    laptop("provision")
    assert azure.workspaces.exists
    assert "create" not in laptop.ask("provision", "--what-if")

    # Build: publish the pipeline as the version of a build, only once per build.
    laptop.set_alpha(1.0)  # a model that leaves room for a better one
    build = ("publish", "--build-id", "7", "--build-uri", "https://build/7")
    for published in (laptop(*build, "--json"), laptop.ask(*build, "--json")):
        assert json.loads(published)["version"] == "7"

    # Retrain: the first model is promoted, the same one is then rejected, which is not a failure.
    promoted = json.loads(laptop("submit", "retrain", "--wait", "--json"))
    assert (promoted["state"], promoted["outcome"]) == ("succeeded", "promoted")
    assert (promoted["tags"]["BuildId"], promoted["tags"]["BuildUri"]) == ("7", "https://build/7")
    assert [step["state"] for step in promoted["steps"]] == ["succeeded"] * len(RETRAIN)
    rejected = laptop.read("submit", "retrain", "--wait")
    assert (rejected["state"], rejected["outcome"]) == ("succeeded", "rejected")
    skipped = {step["name"]: step["reason"] for step in rejected["steps"] if step["reason"]}
    assert set(skipped) == {"register", "create_image"}
    assert "are equal" in skipped["register"]
    assert laptop.read("status")["champion"]["version"] == 1

    # Download the executed notebooks and their reports.
    folder = Path(laptop.ask("runs", promoted["run_id"], "--download", str(laptop.project / "reports")).strip())
    assert {path.name for path in folder.glob("*.html")} >= {"01_test_data.html", "05_create_image.html"}
    assert json.loads((folder / "run.json").read_text())["outcome"] == "promoted"
    assert "✓ train" in laptop.ask("runs", promoted["run_id"], "--log", "train")

    # Application Insights has each run once, with its outcome.
    told = [item["data"]["baseData"] for item in azure.insights.items if item["data"]["baseType"] == "RequestData"]
    outcomes = {request["properties"]["run_id"]: request["properties"]["outcome"] for request in told}
    assert outcomes.items() >= {promoted["run_id"]: "promoted", rejected["run_id"]: "rejected"}.items()
    assert len(outcomes) == len(told)

    # Release to QA and production.
    laptop("run", "release")
    assert laptop.serving() == {"qa": (1, "healthy", "passed"), "production": (1, "healthy", "passed")}
    first = laptop.ask_production()

    # Release a better model, which comes with a commit.
    laptop.set_alpha(0.4)
    laptop("publish", "--build-id", "8")
    better = laptop.read("submit", "retrain", "--wait")
    assert (better["outcome"], better["version"]) == ("promoted", "8")
    laptop("run", "release")
    assert laptop.serving()["production"] == (2, "healthy", "passed")
    assert laptop.ask_production() != first

    # Roll back to the previous service.
    laptop("rollback", "--reason", "too slow")
    assert laptop.serving()["production"] == (1, "healthy", "passed")
    assert laptop.ask_production() == first

    # Delete everything. A second time there is nothing to do.
    laptop("provision", "--delete", "--yes")
    assert not azure.workspaces.exists
    laptop("provision", "--delete", "--yes")
    ended = subprocess.run(
        [str(MLOPS), "status", "--platform", "azure"], cwd=laptop.project, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "mlops: There is no workspace 'mlops-ws' in the resource group 'mlops-rg'" in ended.stderr

"""The commands of docs/runs.md that run every notebook with papermill alone."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SECTION = re.compile(r"^## papermill alone\n.*?```bash\n(.*?)```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def commands(project: Path) -> list[list[str]]:
    """The words of each command in the section."""
    found = SECTION.search((project / "docs" / "runs.md").read_text())
    assert found
    return [shlex.split(line) for line in found[1].splitlines()]


def run(words: list[str], folder: Path, mlops: Any) -> "subprocess.CompletedProcess[str]":
    """Run a documented command in the project, with this interpreter's papermill; write to `folder`."""
    assert words[0] == ".venv/bin/papermill"
    papermill = Path(sys.executable).with_name("papermill")
    words = [word.replace("executed/", f"{folder}/") for word in words[1:]]
    return subprocess.run(
        [papermill, *words], cwd=mlops.workspace.project, env=mlops.environ, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_documented_commands_release_a_model(commands: list[list[str]], mlops: Any, tmp_path: Path) -> None:
    made, *executions = commands
    assert made == ["mkdir", "-p", "executed"]
    early = run(executions[1], tmp_path, mlops)  # before the data test
    assert early.returncode == 1
    assert "Run notebooks/01_test_data.ipynb first." in early.stderr.splitlines()[-2]
    for words in executions:
        done = run(words, tmp_path, mlops)
        assert done.returncode == 0, done.stderr
    unknown = run([*executions[1], "-p", "alfa", "1"], tmp_path, mlops).stderr.splitlines()[-2]
    assert unknown.startswith("ParameterError: This notebook has no parameter 'alfa'. Did you mean 'alpha'?")
    status = mlops.invoke("status").stdout
    assert "Champion:   diabetes version 1" in status
    assert status.count("healthy, diabetes version 1, test passed") == 2

"""The command `mlops kernels`: what it says of parents that cannot fork, did not start, or are switched off."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlops.cli import kernels as command
from mlops.cli import main
from mlops.kernels.leftovers import name_interpreter
from mlops.kernels.running_parents import RunningParent
from mlops.kernels.socket_folder import find_folder

PROBLEM = "Importing odd starts a thread, which a fork would not have. If kernels.preload lists odd, remove it."
PARENT = RunningParent(
    pid=42, key="k", path=Path("k.sock"), age=60, memory=200_000_000, forks=(), ready=True, problem="", python="/python"
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of sockets without the parents of other tests."""
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        yield find_folder()


def call(*words: str) -> Result:
    """Call the command."""
    return CliRunner().invoke(main, ["kernels", *words])


@pytest.mark.parametrize(
    ("parent", "state"),
    [
        (PARENT, "ready"),
        (replace(PARENT, ready=False), "importing"),
        (replace(PARENT, problem=PROBLEM), "cannot fork"),
        (replace(PARENT, problem=PROBLEM, ready=False), "cannot fork"),
    ],
)
def test_the_state_of_a_parent_and_why_it_cannot_fork(
    parent: RunningParent, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "list_parents", lambda: [parent])
    advice = f"  {PROBLEM}\n" if parent.problem else ""
    assert call().output == f"{state:<11} process 42         200 MB    1.0 minutes  0 forks  /python\n{advice}"
    (found,) = json.loads(call("--json").output)["parents"]
    assert found["problem"] == parent.problem


def test_a_failed_start_is_not_hidden(folder: Path) -> None:
    (folder / "k.log").write_bytes(name_interpreter(os.path.abspath(sys.executable)))
    (folder / "k.failed").write_text("The parent of the warm kernels did not start. It ended before it was ready.")
    assert call().output == (
        "The parent of the warm kernels did not start. It ended before it was ready.\n"
        "Notebooks use fresh kernels for up to 5 minutes after this failure. "
        "`mlops kernels --stop` clears the failure, so that the next notebook tries a warm kernel again.\n"
    )
    assert call("--stop").output == "No parent process of warm kernels of this checkout is running.\n"
    assert call().output == "No parent process of warm kernels is running. The next notebook starts one.\n"


def test_that_warm_kernels_are_switched_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_WARM_KERNELS", "0")
    assert call().output == (
        "No parent process of warm kernels is running, because warm kernels are switched off. "
        "Check MLOPS_WARM_KERNELS and kernels.warm in parameters/base.yml.\n"
    )


def test_a_folder_that_others_can_read_is_an_error_and_no_traceback(folder: Path) -> None:
    folder.chmod(0o755)
    for words in ((), ("--stop",)):
        refused = call(*words)
        assert refused.exit_code == 1
        assert refused.output == f"mlops: {folder} is not a private folder of this user. Delete it and try again.\n"

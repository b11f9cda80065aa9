"""Steps that are known to fail are refused before anything runs or is written."""

import resource
from pathlib import Path

import pytest
from given_parameters import write_notebook

from mlops.errors import UsageError
from mlops.pipelines.step import Step
from mlops.runner.requirements import require_new, require_runnable
from mlops.workspace import Workspace

STEPS = (Step("look", "01_look", files=("path", "other")),)


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """A project of one notebook."""
    write_notebook(tmp_path / "notebooks" / "01_look.ipynb", 'path = ""  # a file\nother = ""  # another')
    return Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")


@pytest.mark.parametrize("name", ["monday", "2026-11-26", "a.b", "_a", "é-1"])
def test_a_name_of_a_run_is_accepted(small: Workspace, name: str) -> None:
    require_new(name, small.outputs)


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "../x", "a/b", "a\n"])
def test_a_name_of_a_run_that_breaks_the_rule_is_refused_with_it(small: Workspace, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        require_new(name, small.outputs)
    said = "cannot be the name of a run. Use letters, digits, _, - and ., but begin with a letter, a digit or _."
    assert str(raised.value) == f"{name!r} {said}"


def test_a_step_that_can_run_is_accepted(small: Workspace, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x")
    require_runnable(STEPS, {"look": {"path": str(tmp_path / "x.csv"), "other": ""}}, small)
    require_runnable(STEPS, {"look": {}}, small)
    assert small.outputs.is_dir()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, []),
        ({resource.RLIMIT_AS: 3_000_000_000, resource.RLIMIT_NOFILE: 128, resource.RLIMIT_NPROC: 60}, []),
        (
            {resource.RLIMIT_AS: 2_048_000_000},
            [
                "The memory of a process is limited to 2.0 GB, but a run needs 3.0 GB. "
                "Raise the limit (`ulimit -v`) if a step fails."
            ],
        ),
        (
            {resource.RLIMIT_NOFILE: 64, resource.RLIMIT_NPROC: 25},
            [
                "The number of open files is limited to 64, but a run needs 128. "
                "Raise the limit (`ulimit -n`) if a step fails.",
                "The number of processes is limited to 25, but a run needs 60. "
                "Raise the limit (`ulimit -u`) if a step fails.",
            ],
        ),
    ],
)
def test_limits_that_are_too_low_for_a_run_are_named(
    small: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limits: dict[int, int],
    said: list[str],
) -> None:
    """Otherwise, steps fail with errors that do not name the limit, such as "can't start new thread"."""
    monkeypatch.setattr(resource, "getrlimit", lambda name: (limits.get(name, resource.RLIM_INFINITY), 0))
    require_runnable(STEPS, {"look": {}}, small)
    assert caplog.messages == said


def test_a_file_that_does_not_exist_is_refused_and_nothing_is_written(small: Workspace) -> None:
    with pytest.raises(UsageError, match=r"look\.other is 'gone\.csv', but there is no such file"):
        require_runnable(STEPS, {"look": {"path": "", "other": "gone.csv"}}, small)
    assert not small.outputs.exists()


def test_a_notebook_that_cannot_be_executed_is_refused(small: Workspace) -> None:
    path = small.notebooks / "01_look.ipynb"
    path.write_text(path.read_text().replace('"parameters"', '"parametres"'))
    with pytest.raises(UsageError, match=r"notebooks/01_look\.ipynb: No cell is tagged `parameters`"):
        require_runnable(STEPS, {"look": {}}, small)


@pytest.mark.parametrize(("spoil", "reason"), [("file", "File exists"), ("file/outputs", "Not a directory")])
def test_a_folder_that_cannot_be_made_is_refused(small: Workspace, tmp_path: Path, spoil: str, reason: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=rf"Cannot write to the folder of the runs, .*/{spoil} \({reason}"):
        require_runnable(STEPS, {"look": {}}, Workspace(small.project, small.home, tmp_path / spoil))

"""Lineage: which commit, which notebook."""

import subprocess
from pathlib import Path

import pytest

from mlops.record.lineage import describe_code, describe_notebooks, name_build, read_commit
from mlops.workspace import Workspace


def run_git(folder: Path, *words: str) -> str:
    """Run git as somebody, whatever the machine's settings."""
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit of one notebook."""
    notebook = tmp_path / "notebooks" / "02_train.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("abc")
    run_git(tmp_path, "init", "--quiet")
    run_git(tmp_path, "add", ".")
    run_git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_a_clean_checkout_is_its_commit(repository: Path) -> None:
    commit = read_commit(repository)
    assert commit == run_git(repository, "rev-parse", "HEAD")
    assert len(commit) == 40
    assert read_commit(repository / "notebooks") == commit


def test_a_changed_file_makes_it_dirty(repository: Path) -> None:
    (repository / "notebooks" / "02_train.ipynb").write_text("changed")
    assert read_commit(repository) == run_git(repository, "rev-parse", "HEAD") + "-dirty"


def test_a_staged_change_makes_it_dirty(repository: Path) -> None:
    (repository / "new").write_text("new")
    run_git(repository, "add", "new")
    assert read_commit(repository).endswith("-dirty")


def test_a_file_that_git_does_not_track_makes_nothing_dirty(repository: Path) -> None:
    (repository / "untracked").write_text("new")
    assert read_commit(repository) == run_git(repository, "rev-parse", "HEAD")


def test_outside_of_git_it_is_unknown(tmp_path: Path) -> None:
    assert read_commit(tmp_path) == "unknown"


def test_before_the_first_commit_it_is_unknown(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "--quiet")
    assert read_commit(tmp_path) == "unknown"


def test_without_git_it_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert read_commit(repository) == "unknown"


def test_code_is_commit_notebook_and_hash(repository: Path) -> None:
    workspace = Workspace(repository, repository / "home", repository / "outputs")
    code = describe_code(workspace, "02_train")
    assert code.git_commit == run_git(repository, "rev-parse", "HEAD")
    assert code.notebook == "notebooks/02_train.ipynb"
    assert code.notebook_sha256.startswith("ba7816bf8f01")
    assert describe_notebooks(workspace, ["02_train"]) == {code.notebook: code.notebook_sha256}


@pytest.mark.parametrize(
    ("run_folder", "build"),
    [("/outputs/20261122-190758-all-3f9a51c2", "20261122-190758-all-3f9a51c2"), ("", "interactive")],
)
def test_a_build_without_ci_is_named_after_its_run(run_folder: str, build: str) -> None:
    assert name_build(run_folder) == build

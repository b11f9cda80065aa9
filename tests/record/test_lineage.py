"""Lineage: which commit, which notebook."""

import os
import subprocess
from pathlib import Path

import pytest

from mlops.record.lineage import describe_code, describe_notebooks, find_commit, name_build, read_commit
from mlops.workspace import Workspace


def run_git(folder: Path, *words: str) -> str:
    """Run git as a fixed user, regardless of the machine's settings."""
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


def make_project(folder: Path) -> Path:
    """Make a folder with a file in it."""
    folder.mkdir(parents=True)
    (folder / "file").write_text("content")
    return folder


def test_outside_of_git_it_is_unknown(tmp_path: Path) -> None:
    assert find_commit(tmp_path) == ("unknown", f"{tmp_path} is not a git repository")


def test_before_the_first_commit_it_is_unknown(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "--quiet")
    assert find_commit(tmp_path) == ("unknown", f"the repository {tmp_path} has no commit yet")


def test_without_git_it_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert find_commit(repository) == ("unknown", "git is not installed")


def test_a_folder_inside_somebody_elses_repository_is_unknown(repository: Path) -> None:
    project = make_project(repository / "inside")
    said = f"{project} is a folder inside the repository {repository}, whose commits may not include it"
    assert find_commit(project) == ("unknown", said)
    assert read_commit(repository / "notebooks") == "unknown"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_repository_of_another_user_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    os.chown(repository, 65534, 65534)
    os.chown(repository / ".git", 65534, 65534)
    said = f"belongs to another user. If you trust it, run `git config --global --add safe.directory {repository}`"
    assert find_commit(repository) == ("unknown", f"{repository} {said}")


def test_a_worktree_a_clone_and_a_submodule_are_repositories_of_their_own(repository: Path, tmp_path: Path) -> None:
    commit = run_git(repository, "rev-parse", "HEAD")
    run_git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    run_git(repository, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(tmp_path / "shallow"))
    allow = ("-c", "protocol.file.allow=always")
    run_git(tmp_path / "shallow", *allow, "submodule", "--quiet", "add", repository.as_uri(), "part")
    for project in ("tree", "shallow", "shallow/part"):
        found = find_commit(tmp_path / project)
        assert (found.name.removesuffix("-dirty"), found.problem) == (commit, "")


def test_a_repository_that_the_environment_names_does_not_count(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment names one in a hook of another repository, or if dotfiles are in a bare repository."""
    commit = run_git(repository, "rev-parse", "HEAD")
    folder = tmp_path_factory.mktemp("elsewhere")
    project = make_project(folder / "project")
    run_git(folder, "clone", "--quiet", "--bare", str(repository), "bare.git")
    for name, value in {"GIT_DIR": folder / "bare.git", "GIT_WORK_TREE": project}.items():
        monkeypatch.setenv(name, str(value))
    assert find_commit(project) == ("unknown", f"{project} is not a git repository")
    monkeypatch.setenv("GIT_WORK_TREE", str(repository))
    assert find_commit(repository) == (commit, "")


def test_a_repository_that_git_cannot_compare_is_unknown(repository: Path) -> None:
    (repository / ".git" / "index").write_bytes(b"damaged")
    name, problem = find_commit(repository)
    assert name == "unknown"
    assert problem.startswith("git said: ")


def test_asking_changes_nothing(repository: Path) -> None:
    index = repository / ".git" / "index"
    os.utime(repository / "notebooks" / "02_train.ipynb", (1, 1))  # git would otherwise update its index
    before = index.read_bytes()
    assert len(read_commit(repository)) == 40
    assert index.read_bytes() == before


def test_the_environment_names_the_commit_of_sources_without_history(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_GIT_COMMIT", "abc-dirty")
    assert find_commit(tmp_path_factory.mktemp("sources")) == ("abc-dirty", "")
    assert read_commit(repository) == run_git(repository, "rev-parse", "HEAD")


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

"""What must hold for the checkout as a whole."""

import os
import runpy
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import list_tracked

LAYOUT = {
    "notebooks",
    "src",
    "parameters",
    "tests",
    "outputs",
    "docs",
    ".ci",
    "azure-pipelines.yml",
    "environment.yml",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
    "pyproject.toml",
    "requirements.lock",
    ".gitignore",
}


def test_the_top_level_is_as_agreed(project: Path) -> None:
    assert {path.relative_to(project).parts[0] for path in list_tracked(project)} <= LAYOUT


def test_environment_has_the_pins_of_the_lock(project: Path) -> None:
    environment = yaml.safe_load((project / "environment.yml").read_text())
    python, _, pip = environment["dependencies"]
    version = python.removeprefix("python=")
    read_pins = runpy.run_path(str(project / ".ci" / "write-environment"))["read_pins"]
    assert pip["pip"][:-1] == read_pins(project / "requirements.lock", version)
    assert len(pip["pip"]) > 200
    assert pip["pip"][-1] == "-e ."


def test_the_lock_has_the_packages_of_the_card_with_hashes(project: Path) -> None:
    lock = (project / "requirements.lock").read_text()
    for name in (
        "jupyterlab",
        "papermill",
        "nbval",
        "azureml-sdk",
        "scikit-learn",
        "pandas",
        "matplotlib",
        "scrapbook",
    ):
        assert f"\n{name}==" in lock
    assert lock.count("==") <= lock.count("--hash=sha256:")
    major, minor = lock.split("\nazureml-core==")[1].split(".")[:2]
    assert (int(major), int(minor)) >= (1, 61)


def test_nothing_names_a_registry_or_a_machine(project: Path) -> None:
    hosts = ["pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "deb.debian" + ".org"]
    machine = ["/work" + "/main", "/work" + "/shared", "/." + "pyenv/"]
    for path in list_tracked(project):
        content = path.read_bytes()
        assert not [word for word in hosts + machine if word.encode() in content], path


def test_state_and_outputs_are_ignored(project: Path) -> None:
    for name in (".mlops/x", ".venv/x", "outputs/20261122-190758-all-3f9a/run.json", "outputs/index.html"):
        command = ["git", "-C", str(project), "check-ignore", "-q", name]
        assert subprocess.run(command, check=False).returncode == 0, name


@pytest.mark.parametrize(("user", "option"), [("0", "--allow-root "), ("1000", "")])
def test_jupyterlab_starts_for_every_user_and_gets_its_arguments(
    project: Path, tmp_path: Path, user: str, option: str
) -> None:
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (tmp_path / "id").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    words = ["make", "--no-print-directory", "-n", "-o", ".venv/.ready-lab", "lab", "ARGS=--port 9000"]
    ran = subprocess.run(words, cwd=project, env=environ, capture_output=True, text=True, check=True)
    assert " ".join(ran.stdout.split()) == f".venv/bin/jupyter lab notebooks {option}--port 9000"

"""The inputs that the results of a step depend on."""

import math
from pathlib import Path

import pytest

from mlops.errors import FormatError
from mlops.files.hashes import hash_file
from mlops.pipelines.step import HandedFile, Step
from mlops.record.fingerprints import (
    describe_environment,
    fingerprint_step,
    has_kept_files,
    hash_sources,
    identify_home,
)
from mlops.record.ledger import RunRecord
from mlops.record.processes import own_process
from mlops.workspace import HOME_FORMAT, Workspace


def test_a_home_keeps_its_id_and_a_new_one_gets_another(tmp_path: Path) -> None:
    first = identify_home(tmp_path / "first")
    assert identify_home(tmp_path / "first") == first != identify_home(tmp_path / "second")
    assert (tmp_path / "first" / "format").read_text() == f"{HOME_FORMAT}\n"


def test_a_newer_home_gets_no_id(tmp_path: Path) -> None:
    (tmp_path / "format").write_text(f"{HOME_FORMAT + 1}\n")
    with pytest.raises(FormatError, match=f"The home {tmp_path} has format {HOME_FORMAT + 1}"):
        identify_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["format"]


def test_sources_are_hashed_by_path_and_content(tmp_path: Path) -> None:
    source = tmp_path / "package" / "module.py"
    source.parent.mkdir()
    source.write_text("x = 1\n")
    first = hash_sources(tmp_path)
    source.write_text("x = 22\n")
    second = hash_sources(tmp_path)
    source.rename(source.with_name("other.py"))
    assert len({first, second, hash_sources(tmp_path)}) == 3


def test_the_hash_of_recent_sources_is_that_of_the_last_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, other = tmp_path / "package", tmp_path / "package-other"
    for folder in (package, other):
        folder.mkdir()
        (folder / "module.py").write_text(f"x = '{folder.name}'\n")
    alone, whole = hash_sources(package), hash_sources(tmp_path)
    monkeypatch.setattr("mlops.record.fingerprints.RECENT", math.inf)
    (package / "module.py").write_text("x = 22\n")
    assert (hash_sources(package, recent=True), hash_sources(tmp_path, recent=True)) == (alone, whole)
    changed = hash_sources(tmp_path)
    assert changed != whole
    monkeypatch.setattr("mlops.record.fingerprints.RECENT", 0)
    assert hash_sources(tmp_path, recent=True) == changed


def test_a_recent_listing_of_a_folder_is_one_of_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("x = 1\n")
    (tmp_path / "package.py").write_text("x = 2\n")
    monkeypatch.setattr("mlops.record.fingerprints.RECENT", math.inf)
    hash_sources(tmp_path)
    shown = hash_sources(package, recent=True)
    assert shown == hash_sources(package)
    (package / "module.py").write_text("x = 22\n")
    assert hash_sources(package) != shown


def test_caches_and_the_lock_of_an_editor_change_no_hash(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    first = hash_sources(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "module.cpython-311.pyc").write_bytes(b"x")
    (tmp_path / ".#module.py").symlink_to("somebody@host.1234")
    assert hash_sources(tmp_path) == first


def test_handed_on_files_are_those_that_the_step_declares(tmp_path: Path) -> None:
    step = Step("clean", "01_clean", hands_on=(HandedFile("table", "content"),))
    path = tmp_path / "table.csv"
    path.write_text("x\n1\n")
    results = {"table": str(path), "content": hash_file(path), "other_path": "missing", "other_sha256": "no hash"}
    assert has_kept_files(step, results)
    path.write_text("x\n2\n")
    assert not has_kept_files(step, results)
    path.unlink()
    assert not has_kept_files(step, results)
    assert has_kept_files(Step("clean", "01_clean"), results)


def test_the_cluster_that_reads_the_data_does_not_count(tmp_path: Path) -> None:
    """Otherwise a data test on a cluster would run again without one, with the same answer."""
    workspace = Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")
    workspace.notebooks.mkdir()
    (workspace.notebooks / "01_test.ipynb").write_text('{"cells": []}')
    run = RunRecord("monday", "build", "local", "running", "", "", own_process(), ())

    def find(step: Step, **parameters: str) -> str:
        return fingerprint_step(step, parameters, run, workspace, lambda name: "")

    step = Step("test", "01_test", takes_scheduler="cluster")
    assert find(step, cluster="tcp://x:1", mode="a") == find(step, cluster="", mode="a") != find(step, mode="b")
    other = Step("test", "01_test")
    assert find(other, cluster="tcp://x:1") != find(other, cluster="")


def test_packages_of_the_lock_may_be_added_and_others_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.lock").write_text("a.b-c==1.0 ; x \\\n    --hash=sha256:0\nnumpy==2.3\n")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    (tmp_path / "numpy-2.3.dist-info").mkdir()
    before = describe_environment(tmp_path)
    (tmp_path / "A_b_c-1.0.dist-info").mkdir()
    (tmp_path / "pip-26.3.dist-info").mkdir()
    assert describe_environment(tmp_path) == before
    (tmp_path / "numpy-2.3.dist-info").rename(tmp_path / "numpy-2.2.dist-info")
    assert describe_environment(tmp_path)["installed"] == ["numpy-2.2"]


def test_a_name_means_the_same_package_with_dots_hyphens_and_capitals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.lock").write_text("backports-tempfile==1.0\nPyYAML==6.0\njaraco.text==4\na--b==1.0\n")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    for name in ("backports.tempfile-1.0", "pyyaml-6.0", "jaraco_text-4", "a_b-1.0", "backports.tempfile-1.1"):
        (tmp_path / f"{name}.dist-info").mkdir()
    assert describe_environment(tmp_path)["installed"] == ["backports.tempfile-1.1"]


def test_another_problem_reuses_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "project", tmp_path / "home", tmp_path / "outputs")
    for folder in (workspace.notebooks, workspace.parameters, workspace.project / "src"):
        folder.mkdir(parents=True)
    (workspace.notebooks / "01_n.ipynb").write_text('{"cells": []}')
    run = RunRecord("run", "", "local", "running", "", "", own_process(), ())
    found = []
    for text in ("problem: churn\n", "platform: local\nproblem: 'churn'  # ours\n", "problem: other\n", ""):
        (workspace.parameters / "base.yml").write_text(text)
        found.append(fingerprint_step(Step("n", "01_n"), {}, run, workspace, str))
    assert found[0] == found[1]
    assert len(set(found)) == 3

"""`mlops provision`: its messages, questions and exit codes."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from progression import problem


@pytest.fixture(scope="module")
def provisioned(make_mlops: Any) -> Any:
    """A command line on its own state, which is set up."""
    mlops = make_mlops()
    ran = mlops.invoke("provision")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return mlops


def find_first_run(mlops: Any) -> Path:
    """Return the folder of the run that set up a state."""
    return min(mlops.workspace.outputs.glob("*-provision-*"))


def read_versions(mlops: Any) -> list[Any]:
    """Return the versions of the data set, the oldest first."""
    catalogue = mlops.workspace.home / "datasets" / "catalogue.json"
    versions: list[Any] = json.loads(catalogue.read_text())["versions"]
    return versions


def test_what_if_changes_nothing(make_mlops: Any) -> None:
    mlops = make_mlops()
    ran = mlops.invoke("provision", "--what-if")
    assert (ran.returncode, ran.stdout) == (0, f"+ create    folder  {mlops.workspace.home}\n")
    assert not mlops.workspace.home.exists()
    assert not mlops.workspace.outputs.exists()
    shown = json.loads(mlops.invoke("provision", "--what-if", "--json").stdout)
    assert shown["changes"] == [{"kind": "create", "resource": "folder", "name": str(mlops.workspace.home)}]


def test_it_is_a_run_with_a_report(provisioned: Any) -> None:
    folder = find_first_run(provisioned)
    record = json.loads((folder / "run.json").read_text())
    assert (record["pipeline"], record["state"]) == ("provision", "succeeded")
    tested, step = record["steps"]
    assert (tested["name"], tested["results"]["rows"]) == ("test_data", 442)
    assert step["results"]["dataset_version"] == 1
    assert step["results"]["pipeline_version"] == folder.name
    assert (folder / "00_provision.ipynb").is_file()
    assert step["results"]["dataset_url"] == tested["results"]["data_path"]


def test_a_second_time_there_is_nothing_to_do(provisioned: Any) -> None:
    newest = read_versions(provisioned)[-1]["version"]
    ran = provisioned.invoke("provision", "--what-if")
    assert ran.stdout.endswith(f"  unchanged folder  {provisioned.workspace.home}\nNothing to change.\n")
    record = json.loads(provisioned.invoke("provision", "--json").stdout)
    *_, step = record["steps"]
    assert (step["results"]["changes"], step["results"]["dataset_version"]) == (0, newest)
    assert step["results"]["pipeline_version"] == find_first_run(provisioned).name


def test_a_data_file_becomes_the_next_version_and_then_an_older_one_the_newest(
    provisioned: Any, tmp_path: Path
) -> None:
    first, *_ = read_versions(provisioned)
    rows = problem.load_sample()
    rows.head(400).to_csv(tmp_path / "new.csv", index=False)
    record = json.loads(provisioned.invoke("provision", "-p", f"data_path={tmp_path / 'new.csv'}", "--json").stdout)
    tested, step = record["steps"]
    assert (tested["results"]["rows"], step["results"]["dataset_version"]) == (400, 2)
    built = json.loads(provisioned.invoke("run", "build", "--json").stdout)
    assert built["steps"][0]["parameters"]["data_path"] == step["results"]["dataset_url"]
    older = provisioned.workspace.home / "datasets" / first["file"]
    record = json.loads(provisioned.invoke("provision", "-p", f"data_path={older}", "--json").stdout)
    assert (record["steps"][1]["results"]["dataset_version"], record["steps"][0]["results"]["rows"]) == (3, 442)


def test_a_data_file_that_fails_its_test_is_not_registered(provisioned: Any, tmp_path: Path) -> None:
    before = read_versions(provisioned)
    rows = problem.load_sample()
    rows.assign(BMI=rows["BMI"] + 20).to_csv(tmp_path / "bad.csv", index=False)
    ran = provisioned.invoke("provision", "-p", f"data_path={tmp_path / 'bad.csv'}")
    assert ran.returncode == 1
    assert "DataTestFailed" in ran.stderr
    assert "\nNo resource changes.\n" in ran.stdout
    assert re.search(r"^Report: .*/01_test_data.html$", ran.stdout, re.MULTILINE)
    assert read_versions(provisioned) == before


def test_what_it_does_not_take_is_refused(provisioned: Any) -> None:
    ran = provisioned.invoke("provision", "-p", "data_paht=new.csv")
    assert ran.returncode == 2
    assert "-p data_paht does not name a step. Did you mean test_data.data_path?" in ran.stderr


def test_deleting_needs_an_answer(provisioned: Any) -> None:
    ran = provisioned.invoke("provision", "--delete", "--what-if")
    assert (ran.returncode, ran.stdout) == (0, f"- delete    folder  {provisioned.workspace.home}\n")
    ran = provisioned.invoke("provision", "--delete")
    assert ran.returncode == 2
    assert "--delete asks for confirmation, but there is no terminal to answer on. Add --yes." in ran.stderr
    assert provisioned.workspace.home.is_dir()


def test_deleting_twice_is_no_error(provisioned: Any, make_mlops: Any) -> None:
    mlops = make_mlops()
    shutil.copytree(provisioned.workspace.home, mlops.workspace.home)
    assert mlops.invoke("provision", "--delete", "--yes").returncode == 0
    assert not mlops.workspace.home.exists()
    ran = mlops.invoke("provision", "--delete", "--yes")
    assert (ran.returncode, ran.stdout) == (0, "Nothing to delete.\n")


def test_run_does_not_offer_it(make_mlops: Any) -> None:
    assert "'provision' is not one of" in make_mlops().invoke("run", "provision").stderr

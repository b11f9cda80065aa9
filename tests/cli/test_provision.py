"""`mlops provision`: what it says, what it asks, how it ends."""

import json
from typing import Any

import pytest


@pytest.fixture(scope="module")
def provisioned(make_mlops: Any) -> Any:
    """A command line on a state of its own, set up."""
    mlops = make_mlops()
    ran = mlops("provision")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return mlops


def test_what_if_changes_nothing(make_mlops: Any) -> None:
    mlops = make_mlops()
    ran = mlops("provision", "--what-if")
    assert (ran.returncode, ran.stdout) == (0, f"+ create  folder  {mlops.workspace.home}\n")
    assert not mlops.workspace.home.exists()
    assert not mlops.workspace.outputs.exists()
    shown = json.loads(mlops("provision", "--what-if", "--json").stdout)
    assert shown == [{"kind": "create", "resource": "folder", "name": str(mlops.workspace.home)}]


def test_it_is_a_run_with_a_report(provisioned: Any) -> None:
    (folder,) = provisioned.workspace.outputs.glob("*-provision-*")
    record = json.loads((folder / "run.json").read_text())
    assert (record["pipeline"], record["state"]) == ("provision", "succeeded")
    (step,) = record["steps"]
    assert step["results"]["dataset_version"] == 1
    assert step["results"]["pipeline_version"] == folder.name
    assert (folder / "00_provision.ipynb").is_file()
    assert (provisioned.workspace.home / "datasets" / "1" / "diabetes.csv").is_file()


def test_a_second_time_there_is_nothing_to_do(provisioned: Any) -> None:
    ran = provisioned("provision", "--what-if")
    assert ran.stdout.endswith("nothing to do\n")
    record = json.loads(provisioned("provision", "--json").stdout)
    (step,) = record["steps"]
    assert (step["results"]["changes"], step["results"]["dataset_version"]) == (0, 1)
    published = min(path.name for path in provisioned.workspace.outputs.glob("*-provision-*"))
    assert step["results"]["pipeline_version"] == published


def test_deleting_needs_an_answer(provisioned: Any) -> None:
    ran = provisioned("provision", "--delete", "--what-if")
    assert (ran.returncode, ran.stdout) == (0, f"- delete  folder  {provisioned.workspace.home}\n")
    ran = provisioned("provision", "--delete")
    assert ran.returncode == 2
    assert "--delete asks before it takes anything away, and nobody is here to answer: add --yes" in ran.stderr
    assert provisioned.workspace.home.is_dir()


def test_deleting_twice_is_no_error(provisioned: Any) -> None:
    assert provisioned("provision", "--delete", "--yes").returncode == 0
    assert not provisioned.workspace.home.exists()
    ran = provisioned("provision", "--delete", "--yes")
    assert (ran.returncode, ran.stdout) == (0, "nothing is there\n")


def test_run_does_not_offer_it(make_mlops: Any) -> None:
    assert "'provision' is not one of" in make_mlops()("run", "provision").stderr

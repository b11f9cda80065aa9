"""`mlops provision --platform azure` as people run it: it executes the notebook 00_provision against the double."""

import json
import re
from typing import Any

import pytest
from doubles.azure.azure import Azure
from doubles.azure.names import GROUP, WORKSPACE

pytestmark = pytest.mark.slow


def test_the_whole_platform_is_set_up_by_one_command_and_taken_away_by_another(azure: Azure, make_mlops: Any) -> None:
    azure.deployments.start_empty()
    mlops = make_mlops()
    ran = mlops("provision", "--platform", "azure", "--what-if")
    assert ran.returncode == 0, ran.stderr
    assert f"+ create    resource group              {GROUP}\n" in ran.stdout
    assert azure.deployments.resources == {}
    ran = mlops("provision", "--platform", "azure", "--json")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    record = json.loads(ran.stdout)
    *_, step = record["steps"]
    assert (step["results"]["platform"], step["results"]["dataset_version"]) == ("azure", 1)
    assert azure.workspaces.exists
    assert azure.blobs.read("data/diabetes.csv").startswith(b"AGE,SEX,BMI")
    assert list(azure.datasets.versions) == ["diabetes"]
    report = next(mlops.workspace.outputs.glob("*-provision-*/00_provision.html")).read_text()
    assert WORKSPACE in report
    ran = mlops("provision", "--platform", "azure", "--delete", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert azure.deployments.groups == {}


def test_a_refusal_is_one_line_and_the_second_try_goes_on(azure: Azure, make_mlops: Any) -> None:
    azure.deployments.start_empty()
    text = "Operation results in exceeding approved standardDSv2Family Cores quota."
    azure.deployments.refusals = {"Microsoft.ContainerService/managedClusters": ("QuotaExceeded", text)}
    mlops = make_mlops()
    ran = mlops("provision", "--platform", "azure")
    assert ran.returncode == 1
    assert re.search(r"Outcome: +error: provision failed in 00_provision", ran.stdout)
    assert re.search(r"PlatformError in the cell .*: .*QuotaExceeded: .*standardDSv2Family.*Quotas", ran.stderr)
    assert mlops("provision", "--platform", "azure").returncode == 0
    assert azure.datasets.versions

"""Two problems of one checkout share a home, and each has its own data set, champion and runs."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from old_homes import build_home
from other_project import OtherCommandLine, copy_project

from mlops.record.ledger import list_runs


@pytest.mark.slow
def test_another_problem_starts_afresh_in_the_home_of_the_first(tmp_path: Path) -> None:
    first = build_home(tmp_path, "format-3")
    copy_project(tmp_path, "progression")
    other = copy_project(tmp_path, "cancer").workspace
    mlops = OtherCommandLine(replace(other, home=first.home, outputs=first.outputs))
    (old,) = list_runs(first.outputs)
    assert "Champion:   none yet" in mlops("status").stdout
    trained = mlops("run", "retrain")
    assert trained.returncode == 0, trained.stderr
    assert "Data:       cancer version 1" in trained.stdout
    assert "cancer version 1 is the champion" in trained.stdout
    catalogue = json.loads((first.home / "datasets" / "catalogue.json").read_text())
    # The version of the older home keeps no name, because it has another target.
    assert [(entry.get("dataset", ""), entry["version"]) for entry in catalogue["versions"]] == [("", 1), ("cancer", 1)]
    for words, said in {
        ("run", "release"): "qa serves the model diabetes, and this run would deploy the model cancer. Add "
        "`--take-over` to replace diabetes.",
        ("run", "retrain", "-p", "shared.model_name=diabetes"): "The champion, diabetes version 1, was trained on "
        "other columns than 'cancer' declares: without 'mean radius', 'mean texture', 'mean perimeter' and 27 more and "
        "with 'AGE', 'SEX', 'BMI' and 7 more. To replace it without a comparison, ",
    }.items():
        refused = mlops(*words)
        assert (refused.returncode, refused.stderr[: len(said) + 7]) == (2, f"mlops: {said}")
    run = list_runs(first.outputs)[0]
    base = other.parameters / "base.yml"
    base.write_text(re.sub(r"^problem: \w+", "problem: progression", base.read_text(), flags=re.MULTILINE))
    said = "The run was made for the problem 'cancer', but parameters/base.yml sets the problem 'progression'."
    refused = mlops("run", "build", "--only", "test_data", "--from", run.run_id)
    assert (refused.returncode, refused.stderr.count(said)) == (2, 1)
    shown = json.loads(mlops("status", "--json").stdout)
    assert (shown["champion"]["name"], shown["champion"]["version"]) == ("diabetes", 1)
    assert [found["run_id"] for found in shown["runs"]] == [run.run_id, old.run_id]

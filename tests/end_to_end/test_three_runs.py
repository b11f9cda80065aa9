"""The main job as a user runs it, three times: promoted, rejected, error."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
import pytest
import requests
from command_line import CommandLine
from imported import SLOW, list_imported
from mlflow.exceptions import MlflowException
from opened import open_here
from progression import problem
from sandbox import commit_outputs

from mlops.backends import open_backend
from mlops.model.loading import load_registered
from mlops.operations.status import find_renewal
from mlops.pipelines import PIPELINES
from mlops.record.ledger import RunRecord, list_runs

POOR = ("run", "all", "-p", "train.alpha=1")  # a model that leaves room for a better one
Ran = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Shown:
    """What users see at one moment: the index of runs, and `mlops status` as text and as JSON."""

    index: str
    status: str
    status_json: dict[str, Any]


def show(mlops: CommandLine) -> Shown:
    """Return what users see now."""
    index = (mlops.workspace.outputs / "index.html").read_text()
    return Shown(index, mlops.invoke("status").stdout, json.loads(mlops.invoke("status", "--json").stdout))


# The fixtures run one after the other, whatever the order of the tests. Each keeps what its tests need, because later
# runs change it.


@pytest.fixture(scope="module")
def _first(mlops: CommandLine) -> tuple[Ran, Shown]:
    return mlops(*POOR), show(mlops)


@pytest.fixture(scope="module")
def first(_first: tuple[Ran, Shown]) -> Ran:
    """The first run: everything from the data test to the tested production service."""
    return _first[0]


@pytest.fixture(scope="module")
def shown(_first: tuple[Ran, Shown]) -> Shown:
    """What users saw after the first run."""
    return _first[1]


@pytest.fixture(scope="module")
def record(first: Ran, mlops: CommandLine) -> RunRecord:
    """The record of the first run."""
    return list_runs(mlops.workspace.outputs)[-1]


@pytest.fixture(scope="module")
def again(first: Ran, mlops: CommandLine) -> tuple[Ran, RunRecord]:
    """The second run, on the same data, and its record."""
    return mlops(*POOR), list_runs(mlops.workspace.outputs)[0]


@dataclass(frozen=True)
class Correction:
    """A release with a corrected scoring script: its record, what users saw before and after it, and later needs."""

    script: Path
    ran: Ran
    record: RunRecord
    before: Shown
    after: Shown
    renewal: str


@pytest.fixture(scope="module")
def correction(
    again: tuple[Ran, RunRecord], mlops: CommandLine, tmp_path_factory: pytest.TempPathFactory
) -> Correction:
    """A release of the first model with another scoring script."""
    script = tmp_path_factory.mktemp("corrected") / "score.py"
    script.write_text((mlops.workspace.project / "src/progression/score.py").read_text() + "# corrected\n")
    changed = f"create_image.scoring_script={script}"
    before, ran = show(mlops), mlops("run", "release", "-p", changed)
    renewal = find_renewal(open_here(mlops.workspace, changed), PIPELINES["release"])
    return Correction(script, ran, list_runs(mlops.workspace.outputs)[0], before, show(mlops), renewal)


@pytest.fixture(scope="module")
def rolled_back(correction: Correction, mlops: CommandLine) -> tuple[RunRecord, Shown]:
    """A better model, which was released to production and rolled back: its run, and what users saw at the end."""
    before = json.loads(mlops.invoke("status", "--json").stdout)["services"][1]
    better = mlops("run", "all")
    assert better.returncode == 0, better.stderr
    run = list_runs(mlops.workspace.outputs)[0]
    after = json.loads(mlops.invoke("status", "--json").stdout)
    assert after["champion"]["version"] == 2
    assert (after["services"][1]["url"], after["services"][1]["model_version"]) == (before["url"], 2)
    rolled = mlops("rollback", "--reason", "too slow")
    assert rolled.returncode == 0, rolled.stderr
    assert "production serves diabetes version 1 again. diabetes version 2 was rolled back." in rolled.stdout
    answer = requests.get(before["url"] + "/readyz", timeout=60).json()
    assert answer["digest"] == before["digest"]
    return run, show(mlops)


def test_the_first_model_is_promoted_and_released(first, record) -> None:  # type: ignore[no-untyped-def]
    assert first.returncode == 0, first.stderr
    assert (record.state, record.outcome) == ("succeeded", "promoted")
    assert [(step.name, step.state) for step in record.steps] == [(step.name, "done") for step in PIPELINES["all"]]
    assert record.result("reason") == "There is no champion yet, so the first model is promoted."


def test_the_summary_has_what_a_user_needs(first) -> None:  # type: ignore[no-untyped-def]
    for line in (
        r"Outcome:    promoted: There is no champion yet",
        r"Data:       diabetes version 1\n",
        r"Model:      diabetes version 1 is the champion",
        r"Metrics:    challenger  mae 49\.\d  mse 3,370  r2 0\.3\d\d",
        r"Production: http://127\.0\.0\.1:\d+  \(healthy, diabetes version 1\)",
        r"Report:     .*index\.html",
    ):
        assert re.search(line, first.stdout), first.stdout
    assert re.search(r"✓ train +done +\d+\.\d s", first.stderr)


def test_the_curl_line_can_be_pasted(first, mlops) -> None:  # type: ignore[no-untyped-def]
    line = next(line for line in first.stdout.splitlines() if line.startswith("Try it:"))
    command = line.removeprefix("Try it:")
    ran = subprocess.run(["bash", "-c", command], env=mlops.environ, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["result"] == pytest.approx([166.8, 102.1], abs=0.1)
    assert "(rows of the data set that the model was not trained on; their true values: 141 and 97)" in first.stdout


def test_every_step_leaves_a_notebook_and_a_report(record, shown, mlops) -> None:  # type: ignore[no-untyped-def]
    folder = mlops.workspace.outputs / record.run_id
    assert len(list(folder.glob("*.ipynb"))) == len(PIPELINES["all"])
    for step in record.steps:
        assert "<title>" in (folder / step.report).read_text(), step.name
    assert f'href="{record.run_id}/06_deploy-production.html"' in shown.index
    assert "3,370" in shown.index
    assert "promoted by the gate, deployed by" in shown.index
    assert "points of disease progression" in shown.index
    assert "Last data test of diabetes version 1: " in shown.index


def test_the_client_of_mlflow_loads_the_champion_and_predicts_the_same(  # type: ignore[no-untyped-def]
    first, mlops, good: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{mlops.workspace.home}/mlflow.db")
    loaded = mlflow.pyfunc.load_model("models:/diabetes@champion")
    assert list(loaded.input_example.columns) == list(problem.features)
    backend = open_backend("local", mlops.workspace)
    version = backend.registry.find_champion("diabetes")
    assert version is not None
    champion = load_registered(backend, problem, version)
    predicted = loaded.predict(good[list(problem.features)])
    assert predicted == pytest.approx(problem.predict(champion, good), rel=1e-12)
    whole = pd.DataFrame([range(1, 11)], columns=loaded.input_example.columns)
    with pytest.raises(MlflowException, match="Can not safely convert int64 to float64"):
        loaded.predict(whole)
    assert loaded.predict(whole.astype(float)) == pytest.approx(problem.predict(champion, whole), rel=1e-12)


def test_status_tells_champion_services_and_runs(shown) -> None:  # type: ignore[no-untyped-def]
    status = shown.status_json
    assert (status["champion"]["name"], status["champion"]["version"]) == ("diabetes", 1)
    assert [(found["environment"], found["health"]) for found in status["services"]] == [
        ("qa", "healthy"),
        ("production", "healthy"),
    ]
    assert status["services"][0]["digest"] == status["services"][1]["digest"]
    assert status["services"][1]["url"].startswith("http://127.0.0.1:")
    assert status["runs"][-1]["outcome"] == "promoted"
    assert "Champion:   diabetes version 1" in shown.status


def test_the_version_has_its_lineage(shown, record) -> None:  # type: ignore[no-untyped-def]
    tags = shown.status_json["champion"]["tags"]
    assert tags["run_id"] == record.result("training_run")
    assert tags["data_sha256"] == record.result("data_sha256")
    assert (tags["BuildId"], Path(tags["BuildUri"]).name) == (record.run_id, record.run_id)
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", tags["git_commit"])
    assert {*json.loads(tags["notebooks"])} >= {"notebooks/02_train.ipynb", "notebooks/04_register.ipynb"}
    assert float(tags["mse"]) == pytest.approx(3372.53, abs=0.01)


def test_no_key_is_in_anything_that_is_written(first, mlops) -> None:  # type: ignore[no-untyped-def]
    shown = json.loads(mlops.invoke("keys", "production", "--json").stdout)
    keys = [shown["primary"], shown["secondary"]]
    written = [path for root in (mlops.workspace.outputs, mlops.workspace.home) for path in root.rglob("*")]
    places = [path for path in written if path.is_file() and any(key.encode() in path.read_bytes() for key in keys)]
    assert [path.name for path in places] == ["production-keys.json"]
    assert not any(key in first.stdout + first.stderr for key in keys)


def test_keys_come_in_three_forms(first, mlops) -> None:  # type: ignore[no-untyped-def]
    both = json.loads(mlops.invoke("keys", "qa", "--json").stdout)
    assert mlops.invoke("keys", "qa", "--primary").stdout == both["primary"] + "\n"
    assert mlops.invoke("keys", "qa").stdout == f"primary    {both['primary']}\nsecondary  {both['secondary']}\n"
    assert min(len(both[name]) for name in ("primary", "secondary")) >= 40


def test_the_same_data_again_is_rejected_and_green(again) -> None:  # type: ignore[no-untyped-def]
    ran, newest = again
    assert ran.returncode == 0, ran.stderr
    assert (newest.state, newest.outcome) == ("succeeded", "rejected")
    states = {step.name: step.state for step in newest.steps}
    assert (states["test_data"], states["train"], states["evaluate"]) == ("reused", "reused", "done")
    assert {states[step.name] for step in PIPELINES["all"] if step.effects} == {"skipped"}
    assert "make the same errors on all 101 rows unseen by both models" in ran.stdout
    assert "(healthy, diabetes version 1)" in ran.stdout


def test_status_runs_and_an_unchanged_retraining_import_no_slow_package(again, mlops) -> None:  # type: ignore[no-untyped-def]
    retrain = ("run", "retrain", *POOR[2:])
    assert mlops(*retrain).returncode == 0  # it compares its model with the present champion
    for words in (retrain, ("status",), ("runs",)):
        assert list_imported(mlops.environ, *words) & SLOW == set(), words
    states = [step.state for step in list_runs(mlops.workspace.outputs)[0].steps]
    assert states == ["reused", "reused", "reused", "skipped", "skipped"]


def test_bad_data_is_an_error_that_changes_nothing(first, mlops, tmp_path) -> None:  # type: ignore[no-untyped-def]
    before = json.loads(mlops.invoke("status", "--json").stdout)
    good = next((mlops.workspace.home / "datasets").rglob("diabetes.csv")).read_text()
    (tmp_path / "bad.csv").write_text(good.replace("BMI", "bmi"))
    failed = mlops("run", "all", "-p", f"test_data.data_path={tmp_path / 'bad.csv'}")
    assert failed.returncode == 1
    assert "BMI: columns: missing; allowed: the columns AGE, SEX" in failed.stderr
    assert "error: test_data failed in 01_test_data" in failed.stdout
    after = json.loads(mlops.invoke("status", "--json").stdout)
    assert (after["champion"], after["services"]) == (before["champion"], before["services"])


def test_a_proxy_does_not_make_a_healthy_service_look_broken(first, mlops) -> None:  # type: ignore[no-untyped-def]
    proxied = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    tested = mlops("run", "release", "--only", "test_production", **proxied)
    assert tested.returncode == 0, tested.stderr
    services = json.loads(mlops("status", "--json", **proxied).stdout)["services"]
    assert [service["health"] for service in services] == ["healthy", "healthy"]


def test_a_changed_scoring_script_gives_a_new_image_of_the_champion(correction) -> None:  # type: ignore[no-untyped-def]
    """The image passes its test in QA and in production. The next release finds it up to date."""
    before, after = correction.before.status_json, correction.after.status_json
    assert before["outdated"] == ""
    assert correction.ran.returncode == 0, correction.ran.stderr
    script = correction.script
    told = f"{script} has changed since the image of diabetes:1 was created. Creating a new image.\n"
    assert correction.ran.stderr.startswith(told)
    run = correction.record
    assert (run.outcome, [step.state for step in run.steps]) == ("released", ["done"] * 5)
    assert run.steps[0].results["outdated"] == told.removesuffix(" Creating a new image.\n")
    assert [found["digest"] for found in after["services"]] == [run.steps[0].results["digest"]] * 2
    assert after["services"][1]["digest"] != before["services"][1]["digest"]
    assert after["champion"] == before["champion"]
    own = "src/progression/score.py has changed since the image of diabetes:1 was created. `mlops run release` creates"
    assert own in correction.after.status.splitlines()[1]  # the next release uses the problem's own script again
    assert correction.renewal == ""


def test_a_script_that_imports_what_its_lock_lacks_is_refused(first, mlops, tmp_path) -> None:  # type: ignore[no-untyped-def]
    before = [run.run_id for run in list_runs(mlops.workspace.outputs)]
    (tmp_path / "score.py").write_text("import json\nfrom sklearn import linear_model\n")
    refused = mlops.invoke("run", "release", "-p", f"create_image.scoring_script={tmp_path / 'score.py'}")
    assert refused.returncode == 2
    assert "score.py, line 2: The image does not contain the module sklearn. Add scikit-learn==" in refused.stderr
    assert "and its dependencies to src/progression/score_requirements.lock." in refused.stderr
    assert [run.run_id for run in list_runs(mlops.workspace.outputs)] == before


def test_a_better_model_takes_over_at_the_same_address_and_is_rolled_back(rolled_back) -> None:  # type: ignore[no-untyped-def]
    _, shown = rolled_back
    assert [service["model_version"] for service in shown.status_json["services"]] == [2, 1]


def test_a_worse_model_is_rejected(rolled_back, mlops) -> None:  # type: ignore[no-untyped-def]
    """The first training is evaluated again, with the new champion."""
    worse = mlops("run", "retrain", *POOR[2:])
    assert worse.returncode == 0, worse.stderr
    newest = list_runs(mlops.workspace.outputs)[0]
    assert (newest.outcome, [step.state for step in newest.steps][:3]) == ("rejected", ["reused", "reused", "done"])
    assert str(newest.result("reason")).startswith(
        "The challenger is worse: the increase of the mean squared error is "
    )


def test_a_run_is_held_against_the_outputs_of_another_one(rolled_back, record, mlops, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Another alpha gives another model. What belongs to another version of the model is not compared."""
    better, _ = rolled_back
    committed = commit_outputs(mlops, better.run_id, tmp_path)
    same = committed.invoke("check-notebooks", better.run_id)
    assert same.returncode == 0, same.stdout
    assert re.search(r"✓ 07_test_service-production +\d+ compared, none differ", same.stdout)
    said = "\n– 06_deploy-production        not compared: environment is 'production' (committed: 'qa')\n"
    assert said in same.stdout
    checked = committed.invoke("check-notebooks", record.run_id)
    assert checked.returncode == 1, checked.stderr
    for line in (
        "✓ 01_test_data                6 compared, none differ",
        "    note: run with alpha=1.0 (committed: 0.4)",
        "    scrap alpha: 1.0, committed 0.4",
        "– 03_evaluate                 not compared: champion_version is 0 (committed: 1)",
    ):
        assert f"\n{line}\n" in checked.stdout, checked.stdout
    assert "not compared: model_version is 1 (committed: 2)\n" in checked.stdout
    assert "row BMI, column weight: 290, committed 400 (allowed: 0.001)\n" in checked.stdout


def test_a_version_that_was_rolled_back_stays_the_champion_and_is_not_released(rolled_back, mlops) -> None:  # type: ignore[no-untyped-def]
    released = mlops("run", "release")
    assert released.returncode == 0, released.stderr
    assert re.search(
        r"Outcome: +rejected: diabetes version 2 was rolled back to diabetes version 1 in production on .*\(too slow\)",
        released.stdout,
    )
    assert "(healthy, diabetes version 1)" in released.stdout
    redeploy = "`mlops run release --redeploy-rolled-back` deploys it again."
    assert f"It does not serve the champion. {redeploy}\n" in released.stdout  # the outcome says why
    assert "– deploy_qa          refused" in released.stderr
    tested = mlops("run", "release", "--only", "test_production")  # of what serves, not of what was refused
    assert (tested.returncode, "Outcome:    done\n" in tested.stdout) == (0, True), tested.stdout
    assert "(healthy, diabetes version 1)" in tested.stdout
    assert json.loads(mlops("run", "release", "--only", "deploy_qa", "--json").stdout)["outcome"] == "rejected"
    only = mlops("run", "release", "--only", "test_qa", "--json")
    record = json.loads(only.stdout)
    assert (only.returncode, record["outcome"], record["steps"][1]["state"]) == (0, "rejected", "skipped")
    status = json.loads(mlops.invoke("status", "--json").stdout)
    assert (status["champion"]["version"], status["services"][1]["serves_champion"]) == (2, False)
    assert [(found["image"], found["decision"]["reason"]) for found in status["rollbacks"]] == [
        ("diabetes:2", "too slow")
    ]
    assert "rolled back: diabetes version 2 to diabetes version 1 in production by " in mlops.invoke("status").stdout
    shown = json.loads(mlops.invoke("runs", "--json").stdout)["runs"]
    undone = [run["tags"]["environment"] for run in shown if run["pipeline"] == "rollback"]
    assert undone == ["production"]
    assert {run["pipeline"] for run in shown} >= {"all", "rollback"}


def test_a_model_of_another_name_does_not_take_production_over_unasked(first, mlops) -> None:  # type: ignore[no-untyped-def]
    other = mlops("run", "all", "-p", "shared.model_name=other")
    assert other.returncode == 2
    assert other.stderr == (
        "mlops: qa serves the model diabetes, and this run would deploy the model other. Add `--take-over` to replace "
        "diabetes.\n"
    )


@pytest.mark.slow  # tests/operations/test_releasing.py has the rule
def test_after_stop_a_run_brings_production_back(again, mlops) -> None:  # type: ignore[no-untyped-def]
    assert "production: stopped" in mlops("stop").stdout
    ran = mlops(*POOR)
    assert ran.returncode == 0, ran.stderr
    assert "Production is stopped, so its last model, diabetes version 1, is released again." in ran.stderr
    assert "(healthy, diabetes version" in ran.stdout

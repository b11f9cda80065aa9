"""The next command after a run."""

from dataclasses import replace

import pytest

from mlops.cli.progress.following import find_following
from mlops.operations.data import RefusedData
from mlops.parameters.declarations import Parameter
from mlops.parameters.merging import Parameters
from mlops.platform.models import ModelVersion
from mlops.platform.services import Service
from mlops.record.ledger import RunRecord, RunSettings, RunState, StepRecord
from mlops.record.processes import own_process
from mlops.release.next_release import NextRelease

PARAMETERS = Parameters("local", 10.0, {}, {})


def make_run(only: str, pipeline: str = "retrain", state: RunState = "succeeded", promoted: bool = True) -> RunRecord:
    """Return a run that ended."""
    steps = (StepRecord("evaluate", "03_evaluate", state="done", results={"promoted": promoted}),)
    settings = RunSettings(PARAMETERS, only)
    return RunRecord("20261122-1", pipeline, "local", state, "", "", own_process(), steps, settings=settings)


@pytest.mark.parametrize(
    ("run", "command"),
    [
        (make_run(""), ""),
        (make_run("", state="failed"), "mlops resume 20261122-1"),
        (make_run("", promoted=False), "mlops sweep train -p alpha=0.04,0.4,4"),
        (make_run("", "all", promoted=False), "mlops sweep train -p alpha=0.04,0.4,4"),
        (make_run("register", promoted=False), "mlops sweep train -p alpha=0.04,0.4,4"),
        (make_run("train"), "mlops run retrain --only evaluate"),
        (make_run("evaluate"), "mlops run retrain --only register"),
        (make_run("evaluate", promoted=False), "mlops sweep train -p alpha=0.04,0.4,4"),
        (make_run("create_image"), "mlops run release"),
        (make_run("create_image", "all"), "mlops run all --only deploy_qa"),
        (make_run("test_production", "release"), ""),
    ],
)
def test_the_next_command_continues_the_run(run: RunRecord, command: str) -> None:
    declared = {"sweep": Parameter("sweep", ""), "alpha": Parameter("alpha", 0.4, "", "[0, inf)")}
    assert find_following(run, "mlops", declared=lambda notebook: declared) == command


@pytest.mark.parametrize(("alpha", "values"), [(3.0, "0.3,3,30"), (2, "0.2,2,20"), (0.0, "0.04,0.4,4")])
def test_the_sweep_tries_values_around_the_one_that_was_rejected(alpha: float, values: str) -> None:
    """The training may be of another run, with other parameters than this run's."""
    declared = {"alpha": Parameter("alpha", 0.4, "", "[0, inf)")}
    trained = StepRecord("train", "02_train", state="reused", source="earlier", parameters={"alpha": alpha})
    run = make_run("evaluate", promoted=False)
    found = find_following(replace(run, steps=(trained, *run.steps)), "mlops", declared=lambda notebook: declared)
    assert found == f"mlops sweep train -p alpha={values}"


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ("0", "Add about 46 rows to the data, then run mlops provision -p data_path=FILE and mlops run retrain"),
        ("7", "mlops run retrain -p test_data.data_path=a.csv -p train.holdout_share=0.2 -p train.seed=7"),
    ],
)
def test_too_few_rows_are_not_remedied_by_a_sweep(seed: str, said: str) -> None:
    """A training with another seed than the champion's holds out rows that the champion has seen."""
    trained = StepRecord("train", "02_train", state="done", results={"holdout_share": 0.2, "seed": 0})
    judged = StepRecord("evaluate", "03_evaluate", state="done", results={"promoted": False, "more_rows": 46})
    run = replace(make_run("", promoted=False), steps=(trained, judged))
    champion = ModelVersion("tiny", 1, "run", {}, {"holdout_share": "0.2", "seed": seed})
    given = ["train.seed=0", "test_data.data_path=a.csv"]
    assert find_following(run, "mlops", given=given, champion=champion) == said
    unknown = replace(judged, results={"promoted": False, "more_rows": None})
    assert find_following(replace(run, steps=(trained, unknown)), "mlops", champion=champion) == ""


@pytest.mark.parametrize("name", ["deploy_qa", "test_qa", "deploy_production", "test_production"])
def test_after_a_failed_deployment_or_test_changes_need_a_release(name: str) -> None:
    run = replace(make_run("", "all", state="failed"), steps=(StepRecord(name, "", state="failed"),))
    assert find_following(run, "mlops", " --platform azure") == (
        "mlops resume 20261122-1 or, if you changed a setting, the scoring script or its lock, "
        "mlops run release --platform azure"
    )


def test_after_a_refusal_by_a_deployment_nothing_follows() -> None:
    refused = (StepRecord("deploy_qa", "06_deploy", "qa", state="done", results={"refusal": "It was rolled back."}),)
    assert find_following(replace(make_run("deploy_qa", "release"), steps=refused), "mlops") == ""


def test_after_a_conflict_the_comparison_is_repeated() -> None:
    """`resume` runs only the requested step, which would be refused again."""
    refused = StepRecord("register", "04_register", state="failed", error_kind="ConflictError")
    run = make_run("register", state="failed")
    assert find_following(replace(run, steps=(*run.steps, refused)), "mlops") == "mlops run retrain"


def test_data_that_was_refused_is_corrected_first() -> None:
    run = make_run("", state="failed")
    said = find_following(run, "mlops", refused=RefusedData("bad.csv", is_version=False))
    assert said == "Correct bad.csv, then run mlops resume 20261122-1"
    said = find_following(run, "mlops", " --platform azure", refused=RefusedData("az://x", is_version=True))
    assert said == "Correct the data, then run mlops provision -p data_path=FILE --platform azure"


def test_an_image_that_a_release_would_not_choose_is_named() -> None:
    older = ModelVersion("tiny", 1, "run", {}, {})
    release = NextRelease(older, digest="sha256:1", replaces=(Service("qa", "", "", "healthy", "other:1", 1, ""),))
    found = find_following(make_run("create_image"), "mlops", " --platform azure", release=release)
    assert found == "mlops run release -p deploy_qa.image_digest=sha256:1 --platform azure --take-over"
    in_one = find_following(make_run("create_image", "all"), "mlops", release=release)
    assert in_one == "mlops run all --only deploy_qa --take-over"
    tested = find_following(make_run("deploy_qa", "release"), "mlops", release=release)
    assert tested == "mlops run release --only test_qa"


def test_the_next_command_repeats_what_was_typed() -> None:
    given = ["shared.model_name=my model", "evaluate.min_rows=9", "register.build_id=7"]
    found = find_following(make_run("evaluate"), "mlops", " --platform azure", given)
    assert (
        found == "mlops run retrain --only register -p 'shared.model_name=my model' -p register.build_id=7 "
        "--platform azure"
    )
    found = find_following(make_run("create_image"), "mlops", "", given)
    assert found == "mlops run release -p 'shared.model_name=my model'"

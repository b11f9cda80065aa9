"""The conclusion of a run, for platforms that show runs without their records."""

from dataclasses import replace

from mlops.platform.pipelines import SubmittedStep, describe_record
from mlops.record.conclusion import conclude_run
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.record.processes import own_process

REFUSAL = "tiny version 3 was rolled back to tiny version 2 in qa."
NAMED = {"model_name": "tiny", "model_version": 3}


def make_run(*steps: StepRecord, outcome: str, only: str = "") -> RunRecord:
    """Return a release that ended."""
    run = RunRecord("run", "release", "local", "succeeded", "", "", own_process(), steps, outcome=outcome)
    return replace(run, settings=RunSettings(only=only))


def test_a_refused_release_names_no_model_and_its_step_did_not_succeed() -> None:
    refused = StepRecord("deploy_qa", "06_deploy", "qa", state="done", results={**NAMED, "refusal": REFUSAL})
    skipped = StepRecord("test_qa", "07_test_service", "qa", state="skipped", reason=REFUSAL)
    run = make_run(refused, skipped, outcome="rejected")
    found = conclude_run(run)
    assert (found.model_name, found.model_version, found.reason) == ("", 0, REFUSAL)
    shown = describe_record(run, "")
    assert shown.steps == (SubmittedStep("deploy_qa", "refused", REFUSAL), SubmittedStep("test_qa", "skipped", REFUSAL))


def test_the_origin_of_a_reused_result_is_no_reason_for_the_outcome() -> None:
    reused = StepRecord("deploy_qa", "06_deploy", "qa", state="reused", reason="from run before", results=NAMED)
    done = StepRecord("deploy_production", "06_deploy", "production", state="done", results=NAMED)
    found = conclude_run(make_run(reused, done, outcome="done", only="deploy_production"))
    assert (found.outcome, found.reason, found.model_version) == ("done", "", 3)


def test_a_run_that_had_nothing_to_do_says_why() -> None:
    idle = StepRecord("test_data", "01_test_data", state="skipped", reason="The data has not changed.")
    assert conclude_run(make_run(idle, outcome="done")).reason == "The data has not changed."

"""How a step ended, for the top of its report."""

import pytest
from declared import declare
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from mlops.portal.verdict import Verdict, find_verdict, mark_unrun
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.processes import own_process

DEPLOYED = {"model_name": "tiny", "model_version": 2, "digest": "sha256:2", "refusal": ""}
CELL = "validation.require_valid(violations, url)"


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        (StepRecord("test_data", "01_test_data", state="done"), Verdict("done", "✓ The data passed its test.")),
        (
            StepRecord("test_data", "01_test_data", state="failed", error_kind="DataTestFailed", cell=CELL),
            Verdict("failed", f"✗ The data did not pass its test, in the cell that begins {CELL!r}."),
        ),
        (
            StepRecord(
                "test_data",
                "01_test_data",
                state="failed",
                error="The data file bad.csv breaks 2 rules.\n  BMI: type: str; allowed: numbers\n  Y: range: 9",
                error_kind="DataTestFailed",
                cell=CELL,
            ),
            Verdict("failed", "✗ The data did not pass its test.\nBMI: type: str; allowed: numbers\nY: range: 9"),
        ),
        (
            StepRecord("train", "02_train", state="failed", error_kind="ValueError"),
            Verdict("failed", "✗ This step failed."),
        ),
        (
            StepRecord("train", "02_train", state="done", results={"mse": 3075.261, "r2": 0.4831}),
            Verdict("done", "✓ Done. The new model had mse 3,080, r2 0.483 on the holdout."),
        ),
        (
            StepRecord(
                "train",
                "02_train",
                state="done",
                results={"mae": 47.63, "r2": 0.4831, **declare("mae", "r2", unit="points")},
            ),
            Verdict("done", "✓ Done. The new model had mae 47.6 points, r2 0.483 on the holdout."),
        ),
        (
            StepRecord("evaluate", "03_evaluate", state="done", results={"promoted": False, "reason": "No better."}),
            Verdict("rejected", "– Rejected. No better."),
        ),
        (
            StepRecord("evaluate", "03_evaluate", state="done", results={"promoted": True, "reason": "Better."}),
            Verdict("promoted", "✓ Promoted. Better."),
        ),
        (StepRecord("other", "09_other", state="done"), Verdict("done", "✓ Done.")),
        (
            StepRecord("deploy_qa", "06_deploy", "qa", state="done", results={**DEPLOYED, "refusal": "Rolled back."}),
            Verdict("rejected", "– Not deployed. Rolled back."),
        ),
        (
            StepRecord("deploy_qa", "06_deploy", "qa", state="done", results={**DEPLOYED, "override": "by ann"}),
            Verdict("done", "✓ Done. tiny version 2 (gate overruled) was deployed in qa."),
        ),
        (
            StepRecord("test_qa", "07_test_service", "qa", state="done", results={"checks": 11}),
            Verdict("done", "✓ The service in qa passed 11 checks."),
        ),
        (
            StepRecord("test_qa", "07_test_service", "qa", state="failed", error_kind="ServiceTestFailed"),
            Verdict("failed", "✗ The service did not pass its test in qa."),
        ),
        (
            StepRecord("test_qa", "07_test_service", "qa", state="failed", error_kind="ServiceUntestedError"),
            Verdict("failed", "✗ The service could not be tested in qa."),
        ),
    ],
)
def test_the_verdict_of_a_step(step: StepRecord, verdict: Verdict) -> None:
    run = RunRecord("run", "all", "local", "succeeded", "", "", own_process(), (step,))
    assert find_verdict(run, step) == verdict


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("register", "✓ Done. tiny version 2 (gate overruled) was registered as the champion."),
        ("create_image", "✓ Done. The image of tiny version 2 (gate overruled) was created."),
        ("test_qa", "✓ tiny version 2 (gate overruled) in qa passed 11 checks."),
    ],
)
def test_the_verdict_is_marked_if_the_gate_was_overruled(name: str, text: str) -> None:
    named = {"model_name": "tiny", "model_version": 2}
    steps = (
        StepRecord("evaluate", "03_evaluate", state="done", results={"promoted": True, "override": "ticket 42"}),
        StepRecord("register", "04_register", state="done", results=named),
        StepRecord("create_image", "05_create_image", state="done", results=named),
        StepRecord("deploy_qa", "06_deploy", "qa", state="done", results=DEPLOYED | {"override": "ticket 42"}),
        StepRecord("test_qa", "07_test_service", "qa", state="done", results={"checks": 11}),
    )
    run = RunRecord("run", "all", "local", "succeeded", "", "", own_process(), steps)
    assert find_verdict(run, run.get_step(name)) == Verdict("done", text)


def test_the_verdict_of_a_service_names_its_model() -> None:
    tested = StepRecord("test_qa", "07_test_service", "qa", state="done", results={"checks": 11})
    deployed = StepRecord("deploy_qa", "06_deploy", "qa", state="done", results=DEPLOYED)
    run = RunRecord("run", "all", "local", "succeeded", "", "", own_process(), (deployed, tested))
    assert find_verdict(run, tested).text == "✓ tiny version 2 in qa passed 11 checks."


@pytest.mark.parametrize(
    ("serving", "said"),
    [
        ("tiny version 1", ", which now serves tiny version 1 again"),
        ("tiny version 2", ""),
        ("nothing", ", where nothing serves now"),
    ],
)
def test_the_verdict_of_a_failed_service_names_the_model_the_checks_and_what_serves(serving: str, said: str) -> None:
    cell = "service_checks.conclude_test(services)"
    check = "one answer: expected [[1.0]], saw status 500"
    error = (
        f"ServiceTestFailed in the cell that begins {cell!r}: http://there fails 1 check, and qa now serves {serving}:"
    )
    deployed = StepRecord("deploy_qa", "06_deploy", "qa", state="done", results=DEPLOYED)
    tested = StepRecord(
        "test_qa",
        "07_test_service",
        "qa",
        state="failed",
        error=f'{error}\n  {check}\nThe end of service.log:\n  File "score.py", line 7',
        error_kind="ServiceTestFailed",
        cell=cell,
    )
    run = RunRecord("run", "all", "local", "failed", "", "", own_process(), (deployed, tested))
    text = f"✗ tiny version 2 did not pass its test in qa{said}.\n{check}"
    assert find_verdict(run, tested) == Verdict("failed", text)


@pytest.mark.parametrize(
    ("kind", "message", "said"),
    [
        (
            "ServiceTestFailed",
            "tiny version 2 failed its test in qa, but the platform reported an error. Store: 503.\n  answers: x",
            "✗ tiny version 2 failed its test in qa, but the platform reported an error. Store: 503.\nanswers: x",
        ),
        (
            "ServiceUntestedError",
            "http://there does not answer. But tiny version 2 runs in qa.",
            "✗ tiny version 2 could not be tested in qa.\nhttp://there does not answer. But tiny version 2 runs in qa.",
        ),
    ],
)
def test_the_verdict_of_a_service_quotes_the_message_and_not_the_cell(kind: str, message: str, said: str) -> None:
    cell = "service_checks.conclude_test("
    error = f"{kind} in the cell that begins {cell!r}: {message}"
    deployed = StepRecord("deploy_qa", "06_deploy", "qa", state="done", results=DEPLOYED)
    tested = StepRecord("test_qa", "07_test_service", "qa", state="failed", error=error, error_kind=kind, cell=cell)
    run = RunRecord("run", "all", "local", "failed", "", "", own_process(), (deployed, tested))
    assert find_verdict(run, tested) == Verdict("failed", said)


def test_the_verdict_of_a_failed_service_lists_two_checks() -> None:
    checks = "".join(f"\n  check {number}: expected 1, saw 2" for number in range(4))
    error = f"ServiceTestFailed: http://there fails 4 checks, and qa now serves nothing:{checks}"
    tested = StepRecord("test_qa", "", "qa", state="failed", error=error, error_kind="ServiceTestFailed")
    run = RunRecord("run", "all", "local", "failed", "", "", own_process(), (tested,))
    lines = find_verdict(run, tested).text.splitlines()
    assert lines[1:] == ["check 0: expected 1, saw 2", "check 1: expected 1, saw 2", "and 2 more"]


def test_what_follows_the_cell_that_failed_did_not_run() -> None:
    raised = new_output("error", ename="ValueError", evalue="no", traceback=[])
    killed = new_code_cell("os.kill()", metadata={"papermill": {"exception": True}})
    for failed in (new_code_cell("fit()", outputs=[raised]), killed):
        cells = mark_unrun([new_markdown_cell("# Train"), failed, new_markdown_cell("It is fine."), new_code_cell("2")])
        assert [cell.metadata.get("not_run", False) for cell in cells] == [False, False, True, True]
    assert not any("not_run" in cell.metadata for cell in mark_unrun([new_markdown_cell("a"), new_code_cell("1")]))

"""The progress and the summary of a run on the terminal."""

import io
import json
import subprocess
from dataclasses import replace

import pytest
from declared import declare

from mlops.cli.progress.following import find_following
from mlops.cli.progress.run import Progress, format_ending, summarize_run
from mlops.operations.status import Status
from mlops.parameters.merging import Parameters
from mlops.platform.models import ModelVersion
from mlops.platform.services import Decision, Rollback, Service
from mlops.record.ledger import RunRecord, RunSettings, StepRecord
from mlops.record.processes import own_process
from mlops.release.next_release import describe_rollback

DEPLOYED = StepRecord("deploy_production", "06_deploy", "production", state="done")


def make_run(outcome: str, **results: object) -> RunRecord:
    """Return a run of one step, which has handed on these results."""
    steps = (StepRecord("evaluate", "03_evaluate", state="done", results=results),)
    return RunRecord("run", "retrain", "local", "succeeded", "", "", own_process(), steps, outcome=outcome)


def test_the_summary_says_the_outcome_and_the_numbers() -> None:
    run = make_run("promoted", reason="it is better", mse=3075.261, r2=0.4831, alpha=0.4, **declare("mse", "r2"))
    assert summarize_run(run, Status(), "outputs/index.html", "mlops").splitlines() == [
        "Outcome:    promoted: it is better",
        "Metrics:    challenger  mse 3,080  r2 0.483  (on the holdout)",
        "Report:     outputs/index.html",
    ]


def test_the_summary_says_in_which_unit_an_error_is() -> None:
    run = make_run("promoted", mse=3075.261, mae=47.63, **declare("mae", "mse", unit="points"))
    said = summarize_run(run, Status(), "", "mlops").splitlines()[1]
    assert said == "Metrics:    challenger  mae 47.6  mse 3,080  (on the holdout; mae in points)"


def test_the_summary_names_the_run_whose_results_one_step_alone_took() -> None:
    run = make_run("done", promoted=False)
    taken = StepRecord("train", "02_train", state="reused", source="20261122-1-sweep")
    alone = replace(run, steps=(taken, *run.steps), settings=RunSettings(only="evaluate"))
    assert "Inputs:     the results of train of run 20261122-1-sweep" in summarize_run(alone, Status(), "", "mlops")
    assert "Inputs" not in summarize_run(replace(alone, settings=RunSettings()), Status(), "", "mlops")


def test_the_summary_has_challenger_and_champion_side_by_side() -> None:
    champion = {"champion_metrics": {"r2": 0.4831, "mse": 3075.261}, "champion_version": 4, **declare("mse", "r2")}
    run = make_run("rejected", promoted=False, reason="It is not better.", mse=12974.871, r2=0.5, **champion)
    assert summarize_run(run, Status(), "index.html", "mlops").splitlines() == [
        "Outcome:    rejected: It is not better.",
        "Metrics:    challenger            mse 13,000  r2 0.500  (on the rows that neither model has seen)",
        "            champion (version 4)  mse 3,080   r2 0.483",
        "Report:     index.html",
    ]


def test_a_red_run_offers_no_service_to_try_and_names_its_place() -> None:
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:3", 3, "", example="[[1]]")
    step = StepRecord("train", "02_train", state="failed", error="ValueError: no\nrows", cell="fit(rows)")
    steps = (step, replace(DEPLOYED, state="skipped"))
    run = RunRecord("run", "all", "local", "failed", "", "", own_process(), steps, outcome="error").with_failure()
    said = summarize_run(run, Status(services=[service]), "index.html", "mlops", "mlops resume run").splitlines()
    assert said == [
        "Outcome:    error: train failed in 02_train, in the cell that begins 'fit(rows)'",
        "Production: http://127.0.0.1:81  (healthy, diabetes version 3)",
        "Report:     index.html",
        "Next:       mlops resume run",
    ]


def test_the_short_ending_names_the_failed_cell_once() -> None:
    error = "ValueError in the cell that begins 'fit(rows)': no rows"
    failed = StepRecord("train", "02_train", state="failed", error=error, cell="fit(rows)")
    run = RunRecord("run", "all", "local", "failed", "", "", own_process(), (failed,), outcome="error").with_failure()
    assert format_ending(run) == f"run: error: train failed in 02_train\n{error}"
    without_place = replace(failed, error="no memory left")
    assert format_ending(replace(run, steps=(without_place,))) == (
        "run: error: train failed in 02_train, in the cell that begins 'fit(rows)'\nno memory left"
    )
    second = StepRecord("profile", "02_profile", state="failed", error="no disk")
    assert format_ending(replace(run, steps=(failed, second))).splitlines()[1:] == [
        f"train: {error}",
        "profile: no disk",
    ]


def test_steps_that_ran_on_different_commits_are_named() -> None:
    commits = {"test_data": "a" * 40, "train": "a" * 40, "evaluate": "b" * 40 + "-dirty"}
    done = [StepRecord(name, "", state="done", git_commit=commit) for name, commit in commits.items()]
    reused = StepRecord("register", "", state="reused", git_commit="c" * 40)
    run = replace(make_run("done"), steps=(*done, reused))
    assert summarize_run(run, Status(), "index.html", "mlops").splitlines() == [
        "Outcome:    done",
        "Commit:     differs between the steps: test_data, train on aaaaaaaaaa; evaluate on bbbbbbbbbb-dirty",
        "Report:     index.html",
    ]


def test_an_unknown_commit_comes_with_its_reason() -> None:
    run = replace(make_run("done"), git_commit="unknown", git_problem="git is not installed")
    assert summarize_run(run, Status(), "index.html", "mlops").splitlines() == [
        "Outcome:    done",
        "Commit:     unknown, because git is not installed",
        "Report:     index.html",
    ]


def test_a_reason_is_printed_once() -> None:
    skipped = StepRecord("register", "04_register", state="skipped", reason="It is not better.")
    run = make_run("rejected", promoted=False, reason="It is not better.")
    shown = io.StringIO()
    Progress(shown).step_ended(run, skipped)
    assert shown.getvalue() == "– register           skipped     0.0 s  rejected; see the outcome\n"
    assert summarize_run(run, Status(), "", "mlops").count("It is not better.") == 1


def test_the_reason_for_overruling_the_gate_is_printed_once() -> None:
    tags = {"override_reason": "ticket 42", "overridden_by": "alice"}
    champion = ModelVersion("diabetes", 3, "run", {}, tags, champion=True)
    url, override = "http://127.0.0.1:81", champion.override
    service = Service("production", url, "sha256:1", "healthy", "diabetes:3", 3, "", override=override)
    status = Status(champion, [service])
    decided = make_run("promoted", promoted=True, reason="Gate overruled, because: ticket 42.", override="ticket 42")
    for run in (decided, replace(make_run("released"), steps=(DEPLOYED,))):
        assert summarize_run(run, status, "index.html", "mlops").count("ticket 42") == 1
    said = summarize_run(decided, status, "index.html", "mlops")
    assert "Model:      diabetes version 3 (gate overruled) is the champion\n" in said
    assert "(healthy, diabetes version 3 (gate overruled))" in said


def test_a_refused_deployment_is_not_shown_as_done() -> None:
    refused = StepRecord("deploy_qa", "06_deploy", "qa", state="done", results={"refusal": "It was rolled back."})
    run = replace(make_run("rejected"), steps=(refused,))
    shown = io.StringIO()
    Progress(shown).step_ended(run, refused)
    assert shown.getvalue() == "– deploy_qa          refused     0.0 s  not deployed; see the outcome\n"


def test_the_summary_of_a_set_up_names_the_version_of_the_data_set() -> None:
    step = StepRecord("provision", "00_provision", state="done", results={"dataset": "diabetes", "dataset_version": 2})
    run = RunRecord("run", "provision", "local", "succeeded", "", "", own_process(), (step,), outcome="done")
    assert summarize_run(run, Status(), "outputs/index.html", "mlops").splitlines() == [
        "Outcome:    done",
        "Data:       diabetes version 2 is the newest; runs train on it",
        "Report:     outputs/index.html",
    ]


def test_lines_for_copying_begin_with_the_program_as_its_user_can_call_it() -> None:
    champion = ModelVersion("diabetes", 4, "run", {}, {}, champion=True)
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:3", 3, "")
    run = RunRecord("run", "release", "local", "succeeded", "", "", own_process(), (DEPLOYED,), outcome="released")
    program = "'/my project/mlops'"
    failed = replace(run, state="failed", settings=RunSettings(Parameters("local", 1, {}, {})))
    following = find_following(failed, program)
    said = summarize_run(run, Status(champion, [service]), "index.html", program, following).splitlines()
    commands = [line for line in said if "mlops" in line]
    assert commands[0].endswith("Release it with `mlops run release`.")
    assert f'"Authorization: Bearer $({program} keys production --primary)"' in commands[1]
    assert commands[2] == f"Next:       {program} resume run"


def test_the_line_to_try_a_service_of_this_machine_avoids_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    released = RunRecord("run", "release", "local", "succeeded", "", "", own_process(), (DEPLOYED,), outcome="released")
    here = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:3", 3, "")
    elsewhere = replace(here, url="http://elsewhere.example:81")
    said = []
    for service in (here, elsewhere):
        for excepted in ("", "127.0.0.1"):
            monkeypatch.setenv("no_proxy", excepted)
            summary = summarize_run(released, Status(services=[service]), "index.html", "mlops")
            said.append("curl -s --noproxy '*' http://" in summary)
    assert said == [True, False, False, False]


def test_a_healthy_service_comes_with_a_line_to_try_it() -> None:
    champion = ModelVersion("diabetes", 3, "run", {}, {}, champion=True)
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:3", 3, "", example="[[1]]")
    released = RunRecord("run", "release", "local", "succeeded", "", "", own_process(), (DEPLOYED,), outcome="released")
    status = Status(champion, [service], command_options=" --platform azure")
    said = summarize_run(released, status, "index.html", "mlops")
    other_keys = replace(status, services=[replace(service, accepts_keys=False)])
    assert "Try it" not in summarize_run(released, other_keys, "index.html", "mlops")
    assert said.splitlines()[1:4] == [
        "Model:      diabetes version 3 is the champion",
        "Production: http://127.0.0.1:81  (healthy, diabetes version 3)",
        'Try it:     curl -s http://127.0.0.1:81/score -H "Authorization: Bearer $(mlops keys production --primary '
        "--platform azure)\" -H 'Content-Type: application/json' -d '[[1]]'",
    ]


def test_the_line_to_try_a_service_is_a_command_of_the_shell() -> None:
    body = '{"data": [{"region": "Côte d\'Or", "note": "$HOME `id` \\\\"}]}'
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "churn:3", 3, "", example=body)
    released = RunRecord("run", "release", "local", "succeeded", "", "", own_process(), (DEPLOYED,), outcome="released")
    said = summarize_run(released, Status(services=[service]), "index.html", "mlops")
    (line,) = (line for line in said.splitlines() if line.startswith("Try it:"))
    shown = subprocess.run(
        ["sh", "-c", f'curl() {{ for last; do :; done; printf %s "$last"; }}; mlops() {{ :; }}; {line[12:]}'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(shown.stdout) == json.loads(body)


def test_a_run_that_released_nothing_says_nothing_of_production() -> None:
    champion = ModelVersion("diabetes", 3, "run", {}, {}, champion=True)
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:2", 2, "")
    tested = (StepRecord("test_data", "01_test_data", state="done"),)
    build = RunRecord("run", "build", "local", "succeeded", "", "", own_process(), tested, outcome="done")
    said = summarize_run(build, Status(champion, [service]), "index.html", "mlops")
    assert said.splitlines() == ["Outcome:    done", "Report:     index.html"]


def test_the_summary_of_a_retraining_says_that_production_serves_another_version() -> None:
    champion = ModelVersion("diabetes", 3, "run", {}, {}, champion=True)
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:2", 2, "")
    said = summarize_run(make_run("promoted"), Status(champion, [service]), "index.html", "mlops")
    assert said.splitlines()[1:] == [
        "Model:      diabetes version 3 is the champion",
        "Production: http://127.0.0.1:81  (healthy, diabetes version 2)",
        "            It does not serve the champion, diabetes version 3. Release it with `mlops run release`.",
        "Report:     index.html",
    ]


def test_a_rollback_is_told_once() -> None:
    champion = ModelVersion("diabetes", 3, "run", {}, {}, champion=True)
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:2", 2, "")
    decision = Decision("ann", "too slow", "monday")
    rollback = Rollback("production", "diabetes:3", 3, "diabetes:2", 2, "2026-11-26T03:10:00Z", decision)
    status = Status(champion, [replace(service, decision=decision)], rollbacks=[rollback])
    (standing,) = status.standings
    refused = replace(DEPLOYED, results={"refusal": f"{describe_rollback(rollback)} It is not deployed again."})
    short = "It does not serve the champion. `mlops run release --redeploy-rolled-back` deploys it again."
    for step, said in ((refused, short), (DEPLOYED, standing.remark)):
        run = replace(make_run("rejected"), steps=(step,))
        assert f"\n            {said}\n" in summarize_run(run, status, "index.html", "mlops")


@pytest.mark.parametrize(
    ("actual", "values"),
    [("[141.0, 97.0]", "141 and 97"), ("[false, true]", "false and true"), ('["plus", "basic"]', "plus and basic")],
)
def test_the_true_values_of_the_rows_to_try_are_stated(actual: str, values: str) -> None:
    example = f'{{"data": [[0.085], [-0.093]], "actual": {actual}}}'
    service = Service("production", "http://127.0.0.1:81", "sha256:1", "healthy", "diabetes:3", 3, "", example=example)
    run = replace(make_run("released"), steps=(DEPLOYED,))
    said = summarize_run(run, Status(services=[service]), "index.html", "mlops").splitlines()
    (place,) = (place for place, line in enumerate(said) if line.startswith("Try it:"))
    assert said[place].endswith("""-d '{"data": [[0.085], [-0.093]]}'""")
    assert said[place + 1] == (
        f"            (rows of the data set that the model was not trained on; their true values: {values})"
    )

"""The metrics of a run, under the names that its problem declares."""

from dataclasses import asdict, replace

from mlops.pipelines.step import Comparison, Decision, Step, Training
from mlops.problem.declaration import Declaration, DeclaredMetric
from mlops.record.ledger import RunRecord, StepRecord
from mlops.record.processes import own_process
from mlops.record.scores import Scores, find_metrics, find_unit, find_units, list_metrics, list_scores, read_declared

AUC, LOSS = DeclaredMetric("auc", True, "AUC", "points", 6), DeclaredMetric("loss", False, "loss", "bits", 6)
DECLARED = Declaration("churn", (AUC, LOSS), "loss")
PROBLEM = {"problem": asdict(DECLARED)}
STEPS = (
    Step("fit", "01_fit", declares="problem", trains=Training("run", "files"), scored_by="cv_"),
    Step(
        "judge",
        "02_judge",
        decides=Decision("good", "because"),
        declares="problem",
        compares=Comparison("old", "of", "old_override"),
        overridden="why",
    ),
)


def make_run(**results: dict[str, object]) -> RunRecord:
    """Return a run whose steps have handed on these results."""
    steps = tuple(StepRecord(name, "notebook", state="done", results=handed_on) for name, handed_on in results.items())
    return RunRecord("run", "", "local", "running", "", "", own_process(), steps)


def test_the_declared_metrics_are_found_as_the_last_step_handed_them_on() -> None:
    run = make_run(fit={"auc": 0.9, "loss": None, "rows": 3.0, **PROBLEM}, judge={"auc": 0.8, **PROBLEM})
    assert list_metrics(run.steps[0], STEPS) == ["auc", "loss"]
    assert find_metrics(run, STEPS) == {"auc": 0.8}


def test_the_declaration_comes_back_and_another_result_of_its_name_is_ignored() -> None:
    assert read_declared(PROBLEM, STEPS) == DECLARED
    assert read_declared({"problem": "churn"}, STEPS) is None
    assert read_declared({}, STEPS) is None


def test_only_the_first_metric_is_shown_with_its_unit() -> None:
    run = make_run(fit={"auc": 0.9, "loss": 1.5, **PROBLEM})
    assert find_units(run, STEPS) == {"auc": "points"}
    assert [find_unit(name, run.steps[0].results, STEPS) for name in ("auc", "loss", "cv_loss")] == ["points", "", ""]


def test_without_a_declaration_the_metrics_of_an_older_run_are_what_its_training_measured() -> None:
    results = {"alpha": 0.4, "auc": 0.9, "cv_auc": 0.8, "loss": 1.5, "seed": 0, "run": "x"}
    fit = StepRecord("fit", "01_fit", state="done", parameters={"alpha": 0.4, "seed": 0}, results=results)
    run = replace(make_run(), steps=(fit,))
    assert find_metrics(run, STEPS) == {"auc": 0.9, "loss": 1.5}
    assert find_units(run, STEPS) == {}
    judged = replace(run, steps=(fit, *make_run(judge={"auc": 0.7, "gain": 0.1, "old": {"auc": 0.6}, "of": 2}).steps))
    assert [scores.metrics for scores in list_scores(judged, STEPS)] == [{"auc": 0.7}, {"auc": 0.6}]


def test_metrics_say_whose_they_are() -> None:
    assert list_scores(make_run(judge={"good": True}), STEPS) == []
    assert list_scores(make_run(fit={"auc": 0.9, **PROBLEM}), STEPS) == [Scores("new model", {"auc": 0.9})]
    first = make_run(judge={"auc": 0.8, "old": {}, "of": 0, **PROBLEM})
    assert list_scores(first, STEPS) == [Scores("challenger", {"auc": 0.8})]
    both = make_run(judge={"auc": 0.8, "old": {"auc": 0.7, "none": None}, "of": 3, **PROBLEM})
    assert list_scores(both, STEPS) == [
        Scores("challenger", {"auc": 0.8}),
        Scores("champion (version 3)", {"auc": 0.7}),
    ]
    overruled = {"auc": 0.8, "old": {"auc": 0.7}, "of": 3, "old_override": "by ann", "why": "ticket 42", **PROBLEM}
    assert [scores.model for scores in list_scores(make_run(judge=overruled), STEPS)] == [
        "challenger (gate overruled)",
        "champion (version 3, gate overruled)",
    ]


def test_after_a_promotion_the_other_model_is_the_previous_champion() -> None:
    steps = (*STEPS, Step("store", "03_store", promotes=True))
    promoted = make_run(judge={"auc": 0.8, "old": {"auc": 0.7}, "of": 3, **PROBLEM}, store={})
    assert [scores.model for scores in list_scores(promoted, steps)] == ["challenger", "previous champion (version 3)"]
    failed = promoted.with_step(replace(promoted.get_step("store"), state="failed"))
    assert [scores.model for scores in list_scores(failed, steps)] == ["challenger", "champion (version 3)"]

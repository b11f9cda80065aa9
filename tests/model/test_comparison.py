"""The comparison of two models by any metric, in either direction."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, t

from mlops.model import bootstrap
from mlops.model.comparison import LossComparison, MetricComparison, compare_models
from mlops.model.promotion import Decision, decide_promotion
from mlops.problem import Column, Metric, Problem, metrics

Numbers = NDArray[np.float64]
AUC = metrics.roc_auc_score("auc")
ONE_LOOK = 1 - 0.05 * 2.612375348685488  # with this confidence, the first look needs 95 %


def draw_scores(rows: int, noises: tuple[float, ...], seed: int = 0, share: float = 0.4) -> tuple[Numbers, ...]:
    """Return a boolean target as numbers, and the probabilities of a model for each noise. More noise is worse."""
    rng = np.random.default_rng(seed)
    actual = (rng.random(rows) < share).astype(float)
    shared = 1.5 * actual + rng.normal(size=rows)
    return actual, *(norm.cdf(shared + noise * rng.normal(size=rows)) for noise in noises)


def compare(metric: Metric, actual: Numbers, champion: Numbers | None, challenger: Numbers) -> MetricComparison:
    """Return the comparison of two models' predictions."""
    return MetricComparison(metric, champion, challenger, ONE_LOOK, actual=actual)


def decide(metric: Metric, actual: Numbers, champion: Numbers | None, challenger: Numbers) -> Decision:
    """Return the gate's decision about two models' predictions."""
    return decide_promotion(compare(metric, actual, champion, challenger))


BOOLEAN = draw_scores(300, (2.0, 0.1))
LABELS = np.arange(300) % 3
CLASSES = tuple(
    np.random.default_rng(seed).dirichlet(np.ones(3), 300) * (1 - share) + share * np.eye(3)[LABELS]
    for seed, share in ((0, 0.1), (1, 0.5))
)
NUMBERS = tuple(np.random.default_rng(0).normal(0, deviation, 300) for deviation in (5.0, 2.0, 1.0))
NUMERIC = NUMBERS[0], NUMBERS[0] + NUMBERS[1], NUMBERS[0] + NUMBERS[2]


@pytest.mark.parametrize(
    ("metric", "actual", "worse", "better"),
    [
        (AUC, *BOOLEAN),
        (metrics.average_precision_score(), *BOOLEAN),
        (metrics.f1_score(), *BOOLEAN),
        (metrics.accuracy_score(), *BOOLEAN),
        (AUC, LABELS, *CLASSES),
        (metrics.accuracy_score(), LABELS, *CLASSES),
        (metrics.f1_score(), LABELS, *CLASSES),
        (metrics.root_mean_squared_error(), *NUMERIC),
        (metrics.r2_score(), *NUMERIC),
        (Metric("own", lambda actual, found: float(np.median(np.abs(actual - found))), False), *NUMERIC),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_better_model_is_promoted_in_either_direction(
    metric: Metric, actual: Numbers, worse: Numbers, better: Numbers
) -> None:
    promoted, rejected = decide(metric, actual, worse, better), decide(metric, actual, better, worse)
    old, new = (metric.measure(actual, predicted) for predicted in (worse, better))
    assert (promoted.promoted, rejected.promoted, promoted.kind) == (True, False, "compared")
    assert promoted.improvement == pytest.approx(abs(new - old)) == pytest.approx(-rejected.improvement)
    assert 0 < promoted.lower_bound < promoted.improvement
    change = "decrease" if metric.higher_is_better else "increase"
    assert promoted.reason.startswith(f"The challenger is better: the improvement of the {metric.title} is ")
    assert rejected.reason.startswith(f"The challenger is worse: the {change} of the {metric.title} is ")


def test_the_reason_gives_the_improvement_and_its_bound() -> None:
    assert decide(AUC, *BOOLEAN).reason == (
        "The challenger is better: the improvement of the area under the ROC curve is 0.184 on 300 rows unseen by "
        "both models, with a 95% lower bound of 0.130."
    )


def test_equal_predictions_are_equal_models() -> None:
    actual, champion, _ = BOOLEAN
    decision = decide(AUC, actual, champion, champion + 1e-13)
    assert (decision.kind, decision.promoted, decision.improvement) == ("equal", False, 0.0)
    assert decision.reason == (
        "The challenger and the champion are equal: they make the same predictions on all 300 rows unseen by both "
        "models."
    )


@pytest.mark.parametrize("slow", [False, True])
def test_the_same_order_of_rows_is_no_improvement(slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "SLOW_RESAMPLES", 50)
    actual, champion, _ = BOOLEAN
    metric = replace(AUC, weighted=None) if slow else AUC
    decision = decide(metric, actual, champion, champion**3)
    assert (decision.kind, decision.promoted) == ("compared", False)
    assert (decision.improvement, decision.lower_bound, decision.detectable_gain) == (0.0, 0.0, 0.0)


def test_a_class_without_rows_is_too_few_rows() -> None:
    _, champion, challenger = (values[:89] for values in BOOLEAN)
    decision = decide(AUC, np.ones(89), champion, challenger)
    assert (decision.kind, decision.promoted) == ("few", False)
    assert decision.reason == "The area under the ROC curve is undefined for the 89 rows unseen by both models."


@pytest.mark.parametrize(("positives", "kind"), [(2, "few"), (6, "compared")])
def test_a_rare_class_is_too_few_rows(positives: int, kind: str) -> None:
    """A resampled set has none of k rows with the probability exp(-k): 13 % of two and 0.2 % of six."""
    _, champion, challenger = (values[:89] for values in BOOLEAN)
    decision = decide(AUC, (np.arange(89) < positives).astype(float), champion, challenger)
    assert decision.kind == kind
    if kind == "few":
        assert not decision.promoted
        assert decision.reason == (
            "The area under the ROC curve is undefined on 13.8% of the resampled sets of the 89 rows unseen by both "
            "models, but the comparison allows 1%."
        )


def test_the_first_model_is_promoted_whatever_its_metric_is() -> None:
    actual, _, challenger = BOOLEAN
    assert decide(AUC, np.ones(300), None, challenger).promoted
    assert decide(AUC, np.empty(0), None, np.empty(0)).kind == "first"
    assert compare(AUC, actual, None, challenger).improvement == pytest.approx(AUC.measure(actual, challenger))


def test_the_detectable_gain_is_that_of_the_bootstrap_s_standard_error() -> None:
    """(t of 95 % + z of 80 % power) standard errors; for the mean, the bootstrap's error is known."""
    accuracy = metrics.accuracy_score()
    actual, champion, challenger = BOOLEAN
    compared = compare(accuracy, actual, champion, challenger)
    right = [(actual == (predicted >= 0.5)).astype(float) for predicted in (champion, challenger)]
    error = (right[1] - right[0]).std(ddof=1) / 300**0.5
    assert compared.standard_error == pytest.approx(error, rel=0.03)
    assert decide_promotion(compared).detectable_gain == pytest.approx(2.4922 * compared.standard_error, rel=1e-2)


def test_many_rows_have_the_standard_error_of_smaller_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 2000)
    actual, champion, challenger = draw_scores(20_000, (0.6, 0.5))
    compared = compare(metrics.accuracy_score(), actual, champion, challenger)
    right = [(actual == (predicted >= 0.5)).astype(float) for predicted in (champion, challenger)]
    error = (right[1] - right[0]).std(ddof=1) / 20_000**0.5
    assert compared.standard_error == pytest.approx(error, rel=0.2)
    assert compared.improvement == pytest.approx((right[1] - right[0]).mean())
    assert compared.lower_bound == pytest.approx(compared.improvement - 1.645 * compared.standard_error, rel=1e-3)


@pytest.mark.parametrize(
    ("look", "sets", "read"), [(1, 1000, True), (2, 5000, True), (2, 1000, False), (20, 5000, False)]
)
def test_a_bound_is_a_percentile_while_ten_sets_lie_beyond_it(
    look: int, sets: int, read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5,000 resampled sets have a percentile of 0.6 %, but none of 0.02 %."""
    monkeypatch.setattr(bootstrap, "RESAMPLES", sets)
    actual, champion, challenger = BOOLEAN
    late = MetricComparison(AUC, champion, challenger, look=look, actual=actual)
    level = bootstrap.expand_confidence(late.spent, 300)
    percentile = np.quantile(late.differences, 1 - level), np.quantile(late.differences, level)
    margin = t.ppf(late.spent, 299) * late.standard_error
    student = late.improvement - margin, late.improvement + margin
    assert (late.lower_bound, late.upper_bound) == pytest.approx(percentile if read else student)


def test_the_models_must_have_the_same_rows() -> None:
    actual, champion, challenger = BOOLEAN
    with pytest.raises(ValueError, match="The champion has 299 rows and the challenger 300"):
        compare(AUC, actual, champion[1:], challenger)


class Plants(Problem):
    """Three classes, named by text."""

    name = "plants"
    columns = (Column("x"), Column("y", kind="category", role="target", allowed=("a", "b", "c")))
    metrics = (metrics.log_loss(), metrics.roc_auc_score())


@pytest.mark.parametrize(("gate", "kind"), [("log_loss", LossComparison), ("roc_auc_score", MetricComparison)])
def test_the_metric_that_decides_says_what_is_compared(gate: str, kind: type) -> None:
    problem = type("Chosen", (Plants,), {"gate": gate})()
    actual = np.array(["a", "b", "c"])[LABELS]
    predictions = dict(zip(("champion", "challenger"), CLASSES, strict=True))
    compared = compare_models(problem, actual, predictions, 0.9)
    assert (type(compared), compared.rows, compared.confidence) == (kind, 300, 0.9)
    scores = {name: problem.score(actual, found)[gate] for name, found in predictions.items()}
    assert compared.improvement == pytest.approx(abs(scores["challenger"] - scores["champion"]))
    assert compare_models(problem, actual, {"challenger": CLASSES[0]}, 0.9).champion is None


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "share"), [(89, 0.4), (300, 0.1)])
def test_equal_models_are_seldom_promoted(rows: int, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both models have the same noise, so each promotion is false. The nominal share is 5 %."""
    monkeypatch.setattr(bootstrap, "RESAMPLES", 1000)
    drawn = [draw_scores(rows, (0.5, 0.5), seed, share) for seed in range(400)]
    assert 0.02 < np.mean([decide(AUC, *pair).promoted for pair in drawn]) < 0.085

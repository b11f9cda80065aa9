"""The comparison of two models by any metric, in either direction."""

import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from mlops.errors import ProblemError
from mlops.model import jackknife
from mlops.model.comparison import Comparison, compare_models
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


def compare(metric: Metric, actual: Numbers, champion: Numbers | None, challenger: Numbers) -> Comparison:
    """Return the comparison of two models' predictions."""
    return Comparison(metric, champion, challenger, ONE_LOOK, actual=actual)


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
def test_the_same_order_of_rows_is_no_improvement(slow: bool) -> None:
    actual, champion, _ = BOOLEAN
    metric = replace(AUC, weighted=None) if slow else AUC
    decision = decide(metric, actual, champion, champion**3)
    assert (decision.kind, decision.promoted) == ("compared", False)
    assert (decision.improvement, decision.lower_bound, decision.detectable_gain) == (0.0, 0.0, 0.0)


class Own(Problem):
    """A number whose metric is the problem's own."""

    name = "own"
    columns = (Column("x"), Column("y", role="target"))
    metrics = (Metric("ratio", max, False, row_loss=lambda actual, predicted: predicted / actual, signed=True),)
    smallest_gain = 0.0


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize(("predicted", "loss"), [(2.0, "inf"), (0.0, "nan")])
def test_a_loss_that_is_no_finite_number_is_an_error(predicted: float, loss: str) -> None:
    said = (
        f"The metric 'ratio': row_loss returned {loss} for row 3 of 4, counted from 0, where the target is 0.0 and the "
        f"challenger predicts {predicted}. Return a number between -1e+300 and 1e+300 for every row."
    )
    with pytest.raises(ProblemError, match=f"^{re.escape(said)}$"):
        compare_models(Own(), np.arange(3.0, -1, -1), {"challenger": np.full(4, predicted)}, 0.95)


def test_losses_whose_sum_could_overflow_are_an_error() -> None:
    """The mean of 400 losses of 1e306 was infinite."""
    with pytest.raises(ProblemError, match=r"row_loss returned 1e\+306 for row 0 of 400, counted from 0"):
        compare_models(Own(), np.ones(400), {"challenger": np.full(400, 1e306)}, 0.95)


def test_row_loss_must_return_a_loss_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    (ratio,) = Own.metrics
    mean = replace(ratio, row_loss=lambda actual, predicted: np.mean(actual - predicted))
    monkeypatch.setattr(Own, "metrics", (mean,))
    said = "The metric 'ratio': row_loss returned an array of shape () for 4 rows. Return one loss for each row."
    with pytest.raises(ProblemError, match=f"^{re.escape(said)}$"):
        compare_models(Own(), np.ones(4), {"challenger": np.ones(4)}, 0.95)


def test_a_class_without_rows_is_too_few_rows() -> None:
    _, champion, challenger = (values[:89] for values in BOOLEAN)
    decision = decide(AUC, np.ones(89), champion, challenger)
    assert (decision.kind, decision.promoted) == ("few", False)
    assert decision.reason == (
        "The rarest class has none of the 89 rows unseen by both models, but the comparison of the area under the ROC "
        "curve needs 5 of each class."
    )


@pytest.mark.parametrize(("positives", "kind"), [(4, "few"), (5, "compared")])
def test_a_rare_class_is_too_few_rows(positives: int, kind: str) -> None:
    _, champion, challenger = (values[:89] for values in BOOLEAN)
    decision = decide(AUC, (np.arange(89) < positives).astype(float), champion, challenger)
    assert decision.kind == kind
    if kind == "few":
        assert not decision.promoted
        assert decision.reason == (
            "The rarest class has only 4 of the 89 rows unseen by both models, but the comparison of the area under "
            "the ROC curve needs 5 of each class."
        )


def test_a_metric_that_depends_on_one_row_is_too_few_rows() -> None:
    own = Metric("own", lambda actual, found: float(np.mean(found[actual > 0]) if np.any(actual) else np.nan), True)
    decision = decide(own, (np.arange(89) == 7).astype(float), BOOLEAN[1][:89], BOOLEAN[2][:89])
    assert (decision.kind, decision.promoted) == ("few", False)
    assert decision.reason == (
        "The own is undefined if some of the 89 rows unseen by both models are left out, so its variation cannot be "
        "estimated."
    )


def test_a_metric_that_only_the_largest_error_changes_is_too_few_rows() -> None:
    """At the twentieth comparison, the gate promoted 2 % of equal models instead of 0.02 %."""
    largest = Metric("largest_error", lambda actual, found: float(np.max(np.abs(actual - found))), False)
    decision = decide(largest, *NUMERIC)
    assert (decision.kind, decision.promoted) == ("few", False)
    assert decision.reason == (
        "The largest_error depends on too few of the 300 rows unseen by both models: only 1 of 17 groups of rows "
        "change it if they are left out."
    )


def test_a_perfect_model_does_not_depend_on_few_rows() -> None:
    own = Metric("own", lambda actual, found: float(np.mean(actual == (found >= 0.5))), True)
    actual, worse, _ = BOOLEAN
    assert decide(own, actual, worse, actual).promoted


def test_the_first_model_is_promoted_whatever_its_metric_is() -> None:
    actual, _, challenger = BOOLEAN
    assert decide(AUC, np.ones(300), None, challenger).promoted
    assert decide(AUC, np.empty(0), None, np.empty(0)).kind == "first"
    assert compare(AUC, actual, None, challenger).improvement == pytest.approx(AUC.measure(actual, challenger))


def test_the_gains_of_a_mean_are_those_of_its_rows() -> None:
    actual, champion, challenger = BOOLEAN
    compared = compare(metrics.accuracy_score(), actual, champion, challenger)
    right = [(actual == (predicted >= 0.5)).astype(float) for predicted in (champion, challenger)]
    assert compared.gains == pytest.approx(right[1] - right[0])
    gain = decide_promotion(compared).detectable_gain
    assert gain == pytest.approx(2.4922 * (right[1] - right[0]).std(ddof=1) / 300**0.5, rel=2e-2)


def test_the_standard_error_of_an_area_is_that_of_delong() -> None:
    """The variances of the mean ranks of positive and of negative rows, over their numbers of rows."""
    actual, _, predicted = BOOLEAN
    ordered = predicted[actual == 1][:, None] > predicted[actual == 0]
    expected = sum(ordered.mean(axis).var(ddof=1) / ordered.shape[1 - axis] for axis in (0, 1)) ** 0.5
    assert compare(AUC, actual, None, predicted).standard_error == pytest.approx(expected, rel=0.01)


def test_the_gain_of_a_row_with_the_same_errors_is_exactly_zero() -> None:
    """A rounding error of 1e-14 counted as a row that favors a model."""
    actual, champion, challenger = BOOLEAN
    gains = compare(metrics.accuracy_score(), actual, champion, challenger).gains
    assert np.count_nonzero(gains) == np.count_nonzero((champion >= 0.5) != (challenger >= 0.5)) < 150


@pytest.mark.parametrize(("rows", "slow", "groups"), [(5000, False, 2500), (20_000, False, 1000), (5000, True, 59)])
def test_many_rows_are_left_out_in_groups(rows: int, slow: bool, groups: int) -> None:
    actual, champion, challenger = draw_scores(rows, (0.6, 0.5))
    accuracy = metrics.accuracy_score()
    compared = compare(replace(accuracy, weighted=None) if slow else accuracy, actual, champion, challenger)
    right = [(actual == (predicted >= 0.5)).astype(float) for predicted in (champion, challenger)]
    error = (right[1] - right[0]).std(ddof=1) / rows**0.5
    assert compared.gains.shape == (groups,)
    assert compared.standard_error == pytest.approx(error, rel=0.2 if slow else 0.05)
    assert compared.improvement == pytest.approx((right[1] - right[0]).mean()) == pytest.approx(compared.gains.mean())
    sizes = np.bincount(jackknife.assign_groups(rows, not slow))
    assert (sizes.min(), sizes.max()) == (rows // groups, -(-rows // groups))


def test_the_gains_of_many_rows_need_little_memory() -> None:
    """The weights of all 1,000 groups of 20,000 rows would take 160 MB."""
    compared = compare(AUC, *draw_scores(20_000, (0.6, 0.5)))
    tracemalloc.start()
    assert compared.lower_bound < compared.improvement
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_the_models_must_have_the_same_rows() -> None:
    actual, champion, challenger = BOOLEAN
    with pytest.raises(ValueError, match="The champion has 299 rows and the challenger 300"):
        compare(AUC, actual, champion[1:], challenger)


class Plants(Problem):
    """Three classes, named by text."""

    name = "plants"
    columns = (Column("x"), Column("y", kind="category", role="target", allowed=("a", "b", "c")))
    metrics = (metrics.log_loss(), metrics.roc_auc_score())


@pytest.mark.parametrize(("gate", "by_losses"), [("log_loss", True), ("roc_auc_score", False)])
def test_the_metric_that_decides_says_what_is_compared(gate: str, by_losses: bool) -> None:
    problem = type("Chosen", (Plants,), {"gate": gate})()
    actual = np.array(["a", "b", "c"])[LABELS]
    predictions = dict(zip(("champion", "challenger"), CLASSES, strict=True))
    compared = compare_models(problem, actual, predictions, 0.9)
    assert (compared.actual is None, compared.rows, compared.confidence) == (by_losses, 300, 0.9)
    scores = {name: problem.score(actual, found)[gate] for name, found in predictions.items()}
    assert compared.improvement == pytest.approx(abs(scores["challenger"] - scores["champion"]))
    assert compare_models(problem, actual, {"challenger": CLASSES[0]}, 0.9).champion is None

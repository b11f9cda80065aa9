"""The promotion gate: better by more than chance, or not at all."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, t

from mlops.errors import UsageError
from mlops.model import promotion
from mlops.model.comparison import Comparison
from mlops.model.promotion import (
    Decision,
    describe_sensitivity,
    overrule,
    require_promoted,
    tag_override,
)
from mlops.problem import metrics

ROWS = 89  # held out of 442
LOSSES = np.random.default_rng(0).normal(100, 10, ROWS)
GAINS = np.random.default_rng(1).normal(5, 5, ROWS)
METRIC = metrics.mean_squared_error("mse", unit="squared points")
ONE_LOOK = 1 - 0.05 * 2.612375348685488  # with this confidence, the first look needs 95 %


def decide_promotion(
    champion: NDArray[np.float64] | None,
    challenger: NDArray[np.float64],
    confidence: float = ONE_LOOK,
    smallest_gain: float = 0.0,
    look: int = 1,
    left_out: str = "",
) -> Decision:
    """Return the decision about a challenger whose losses are given. The first look needs a confidence of 95 %."""
    compared = Comparison(METRIC, champion, challenger, confidence, smallest_gain=smallest_gain, look=look)
    return promotion.decide_promotion(compared, left_out=left_out)


def test_the_first_model_is_promoted() -> None:
    expected = Decision(True, "There is no champion yet, so the first model is promoted.", rows=ROWS, kind="first")
    assert decide_promotion(None, LOSSES) == expected


@pytest.mark.parametrize("rounding", [0.0, 1e-12])
def test_the_same_model_again_is_rejected_as_equal(rounding: float) -> None:
    decision = decide_promotion(LOSSES, LOSSES - rounding)
    assert (decision.promoted, decision.improvement, decision.lower_bound) == (False, 0.0, 0.0)
    said = "The challenger and the champion are equal: they make the same errors on all 89 rows unseen by both models."
    assert (decision.reason, decision.kind) == (said, "equal")
    assert describe_sensitivity(decision, "") == "The two models are equal, so neither can be better."


def test_what_the_rows_would_have_shown_is_said_in_its_unit() -> None:
    decision = decide_promotion(LOSSES, LOSSES - GAINS)
    said = "Smallest improvement that the gate detects on these rows in about four cases out of five: 1.15 points."
    assert describe_sensitivity(decision, "points") == said
    assert describe_sensitivity(decision, "") == said.replace(" points", "")
    assert describe_sensitivity(decide_promotion(None, LOSSES), "").startswith("There is no champion")
    assert describe_sensitivity(decide_promotion(LOSSES[:9], LOSSES[:9]), "").startswith("There are too few rows")


def test_a_clearly_better_model_is_promoted() -> None:
    decision = decide_promotion(LOSSES, LOSSES - GAINS)
    assert decision.promoted is True
    assert decision.reason == (
        "The challenger is better: the improvement of the mean squared error is 4.65 squared points on 89 rows "
        "unseen by both models, with a 95% lower bound of 3.88."
    )
    assert decision.improvement == pytest.approx(GAINS.mean())


def test_too_few_rows_say_how_many_to_add() -> None:
    """Each added row is held out with a probability of 20 %. With 90 %, six or more of 45 rows are."""
    compared = Comparison(METRIC, LOSSES[:24], LOSSES[:24] - GAINS[:24])
    few = promotion.decide_promotion(compared, holdout_share=0.2)
    assert (few.kind, few.more_rows) == ("few", 45)
    assert describe_sensitivity(few, "points") == (
        "There are too few rows to detect any improvement. About 45 more rows in the data set would be enough."
    )
    assert binom.sf(5, 45, 0.2) > 0.9 > binom.sf(5, 44, 0.2)
    assert promotion.decide_promotion(compared).more_rows is None


def test_a_rare_class_says_how_many_rows_to_add() -> None:
    """One positive row is missing, and 0.9 % of added rows are positive and held out."""
    rare = Comparison(metrics.roc_auc_score(), LOSSES, LOSSES - GAINS, actual=np.arange(ROWS) < 4)
    decision = promotion.decide_promotion(rare, holdout_share=0.2)
    assert (decision.kind, decision.more_rows) == ("few", 256)
    assert binom.sf(0, 256, 0.2 * 4 / 89) > 0.9 > binom.sf(0, 255, 0.2 * 4 / 89)


def test_the_gains_have_the_names_of_the_declared_results() -> None:
    decision = decide_promotion(LOSSES, LOSSES - GAINS)
    expected = (decision.improvement, decision.lower_bound, decision.detectable_gain, 0.0, 1, 0)
    assert tuple(decision.gains.values()) == expected


def test_a_worse_model_is_rejected() -> None:
    decision = decide_promotion(LOSSES - GAINS, LOSSES)
    assert (decision.promoted, decision.improvement) == (False, pytest.approx(-GAINS.mean()))
    assert decision.reason.startswith(
        "The challenger is worse: the increase of the mean squared error is 4.65 squared points on"
    )
    assert decision.lower_bound < decision.improvement


def test_the_same_gain_on_every_row_has_itself_as_bound() -> None:
    decision = decide_promotion(np.full(ROWS, 10.0), np.full(ROWS, 7.0))
    assert (decision.promoted, decision.improvement, decision.lower_bound) == (True, 3.0, 3.0)
    assert decision.detectable_gain == 0.0


@pytest.mark.parametrize(("rows", "promoted"), [(2, False), (14, False), (15, True)])
def test_a_few_equal_gains_are_not_beyond_chance(rows: int, promoted: bool) -> None:
    """If each row has a gain of 1 or -1, an equal model with two rows has two gains of 1 in 25 % of the samples."""
    decision = promotion.decide_promotion(Comparison(METRIC, np.ones(rows), np.zeros(rows)), min_rows=2)
    assert (decision.promoted, decision.kind) == (promoted, "compared" if promoted else "few")
    if not promoted:
        said = "unseen by both models have the same gain, which can be chance with fewer than 15 rows."
        assert decision.reason == f"All of the {rows} rows {said}"


@pytest.mark.parametrize("gain", [1e-12, 1e-4, 0.09])
def test_a_gain_that_does_not_matter_is_rejected(gain: float) -> None:
    """A difference of 1e-12 is equal, and 1e-4 on every row is beyond chance, but too small."""
    decision = decide_promotion(LOSSES, LOSSES - gain, smallest_gain=0.1)
    assert (decision.promoted, decision.kind) == (False, "equal" if gain < 1e-9 else "compared")
    assert decide_promotion(LOSSES, LOSSES - 0.11, smallest_gain=0.1).promoted
    if gain == 0.09:
        assert decision.reason == (
            "The challenger is better, but not by enough for a release: the improvement of the mean squared error is "
            "0.0900 squared points on 89 rows unseen by both models, with a 95% lower bound of 0.0900. A release needs "
            "an improvement of 0.100 squared points."
        )


def test_a_later_look_needs_more() -> None:
    """The price against a single look: at most 1.3 at the first look, 1.8 at the fifth and 2.2 at the twentieth."""
    single = decide_promotion(LOSSES, LOSSES - GAINS)
    for look, most in ((1, 1.3), (5, 1.8), (20, 2.2)):
        later = decide_promotion(LOSSES, LOSSES - GAINS, confidence=0.95, look=look)
        assert (later.look, later.improvement) == (look, single.improvement)
        assert 1.1 < later.detectable_gain / single.detectable_gain < most
    assert later.promoted
    assert "with a 99.98% lower bound of" in later.reason


def test_the_confidence_of_a_very_late_look_is_below_certainty() -> None:
    """From the 53rd look on, the reason said "a 100% lower bound"."""
    decision = decide_promotion(LOSSES, LOSSES - GAINS, confidence=0.95, look=53)
    assert decision.reason.endswith("with a 99.995% lower bound of 2.65.")


def test_an_improvement_within_chance_is_rejected() -> None:
    gains = GAINS - GAINS.mean() + 0.1
    decision = decide_promotion(LOSSES, LOSSES - gains)
    assert (decision.promoted, decision.improvement) == (False, pytest.approx(0.1))


@pytest.mark.parametrize(("rows", "promoted"), [(29, False), (30, True)])
def test_too_few_rows_promote_nothing(rows: int, promoted: bool) -> None:
    decision = decide_promotion(LOSSES[:rows], LOSSES[:rows] - GAINS[:rows])
    assert (decision.promoted, decision.rows) == (promoted, rows)
    refused = "Only 29 rows are known to be unseen by both models, but the comparison needs 30."
    assert (decision.reason == refused) is not promoted
    left_out = decide_promotion(LOSSES[:rows], LOSSES[:rows] - GAINS[:rows], left_out="7 rows are left out.")
    assert (left_out.reason == f"{refused} 7 rows are left out.") is not promoted


def test_the_reason_counts_rows_with_separators() -> None:
    one = decide_promotion(LOSSES[:1], LOSSES[:1] - 1)
    assert one.reason == "Only 1 row is known to be unseen by both models, but the comparison needs 30."
    losses = np.random.default_rng(3).normal(100, 10, 12_345)
    assert " on 12,345 rows unseen by both models" in decide_promotion(losses, losses - 1).reason
    assert " on all 12,345 rows unseen by both models." in decide_promotion(losses, losses).reason


def test_the_bound_of_gains_without_skewness_is_student_s() -> None:
    """The gains of 89 rows that hardly differ are carried by 88.9 rows."""
    gains = 5 + 0.1 * np.concatenate([GAINS - GAINS.mean(), GAINS.mean() - GAINS])
    decision = decide_promotion(np.full(2 * ROWS, 100.0), 100 - gains)
    error = gains.std(ddof=1) / (2 * ROWS) ** 0.5
    assert decision.lower_bound == pytest.approx(5 - t.ppf(0.95, 2 * ROWS - 1) * error, abs=1e-3 * error)


def test_a_few_large_losses_are_undecided() -> None:
    gains = np.append(np.full(ROWS - 1, 1.0) + 0.01 * GAINS[1:], -20.0)
    decision = decide_promotion(LOSSES, LOSSES - gains)
    assert (decision.promoted, decision.kind) == (False, "skewed")
    assert decision.reason == (
        "These rows cannot show whether the challenger is better: on a few of the 89 rows unseen by both models, the "
        "challenger is so much worse that other rows could give a different result."
    )
    assert (
        describe_sensitivity(decision, "")
        == "On a few rows, the challenger is so much worse that no improvement can be detected."
    )
    assert decide_promotion(LOSSES, LOSSES + gains).kind == "compared"


def test_large_losses_that_change_no_decision_are_rejected_as_not_better() -> None:
    """The gate said that the rows cannot tell, but the challenger is not better even by the plain bound."""
    gains = np.append(np.full(ROWS - 1, 1.0) + 0.01 * GAINS[1:], -50.0)
    decision = decide_promotion(LOSSES, LOSSES - gains)
    assert (decision.promoted, decision.kind) == (False, "compared")
    assert decision.reason.startswith("The challenger is not shown to be better: the improvement of the mean squared")
    assert decision.lower_bound < gains.mean() - t.ppf(0.95, ROWS - 1) * gains.std(ddof=1) / ROWS**0.5


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e200, 1e300])
@pytest.mark.parametrize("mean", [0.0, 0.1, 5.0])
def test_the_scale_of_the_losses_changes_no_decision(scale: float, mean: float) -> None:
    """The squares of such losses overflow, or they are zero, and then a gain within chance was promoted."""
    gains = GAINS - GAINS.mean() + mean
    expected, decision = (decide_promotion(unit * LOSSES, unit * (LOSSES - gains)) for unit in (1.0, scale))
    assert (decision.promoted, decision.kind) == (expected.promoted, expected.kind)
    for name in ("improvement", "lower_bound", "detectable_gain"):
        assert getattr(decision, name) / scale == pytest.approx(getattr(expected, name), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e200])
def test_the_scale_of_the_losses_does_not_hide_skewness(scale: float) -> None:
    gains = scale * np.append(np.full(ROWS - 1, 1.0) + 0.01 * GAINS[1:], -20.0)
    assert decide_promotion(scale * LOSSES, scale * LOSSES - gains).kind == "skewed"


def test_more_confidence_asks_for_more() -> None:
    bounds = [decide_promotion(LOSSES, LOSSES - GAINS, confidence=level).lower_bound for level in (0.0, 0.95, 0.999)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] == pytest.approx(GAINS.mean() - t.isf(1 / 2.612, ROWS - 1) * GAINS.std() / ROWS**0.5, abs=0.05)


def test_detectable_gain() -> None:
    """The distance of the bound, and 0.842 standard errors for a power of 80 %."""
    decision = decide_promotion(LOSSES, LOSSES - GAINS)
    error = GAINS.std(ddof=1) / ROWS**0.5
    distance = decision.improvement - decision.lower_bound
    assert decision.detectable_gain == pytest.approx(distance + 0.8416 * error, rel=1e-3)
    assert distance > t.ppf(0.95, ROWS - 1) * error


def test_the_detectable_gain_includes_the_smallest_gain_of_a_release() -> None:
    """Of estimates around the smallest gain, half are below it. With 0.842 standard errors more, one in five is."""
    error = GAINS.std(ddof=1) / ROWS**0.5
    decision = decide_promotion(LOSSES, LOSSES - GAINS, smallest_gain=2.0)
    assert decision.detectable_gain == pytest.approx(2 + 0.8416 * error, rel=1e-3)
    plain = decide_promotion(LOSSES, LOSSES - GAINS)
    assert decide_promotion(LOSSES, LOSSES - GAINS, smallest_gain=0.01).detectable_gain == plain.detectable_gain


def draw_pair(rng: np.random.Generator, gain: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return squared errors of two models that share most of their error; the second's are less by `gain`."""
    shared = rng.normal(0, 50, ROWS)
    champion, challenger = (np.square(shared + rng.normal(0, 10, ROWS)) for _ in range(2))
    return champion, challenger - gain


def rate(gain: float, runs: int) -> float:
    """Return the share of promotions."""
    rng = np.random.default_rng(0)
    return float(np.mean([decide_promotion(*draw_pair(rng, gain)).promoted for _ in range(runs)]))


@pytest.mark.parametrize("runs", [400, pytest.param(1500, marks=pytest.mark.slow)])
def test_false_promotions_are_below_six_in_a_hundred(runs: int) -> None:
    """Neither model is better; the bound errs one time in twenty."""
    assert 0.03 < rate(gain=0.0, runs=runs) < 0.06


def test_the_detectable_gain_is_detected_four_times_in_five() -> None:
    rng = np.random.default_rng(1)
    gain = np.mean([decide_promotion(*draw_pair(rng)).detectable_gain for _ in range(50)])
    assert rate(gain=float(gain), runs=300) == pytest.approx(0.8, abs=0.06)


REJECTED = decide_promotion(LOSSES, LOSSES)


def test_promote_always_overrules_a_rejection_and_says_so() -> None:
    overruled = overrule(REJECTED, promote_always=True, why="ticket 42.")
    reason = f"The gate was overruled: ticket 42. The gate's reason: {REJECTED.reason}"
    assert overruled == replace(REJECTED, promoted=True, reason=reason, override="ticket 42.")
    assert tag_override(overruled.override, "alice") == {"override_reason": "ticket 42.", "overridden_by": "alice"}


def test_the_gate_is_not_overruled_without_a_reason() -> None:
    with pytest.raises(UsageError, match="promote_always overrules the gate, so it needs a reason"):
        overrule(REJECTED, promote_always=True, why=" ")


def test_nothing_else_is_overruled() -> None:
    promoted = decide_promotion(None, LOSSES)
    assert overrule(REJECTED, promote_always=False, why="") is REJECTED
    assert overrule(promoted, promote_always=True, why="ticket 42") is promoted
    assert tag_override(promoted.override, "alice") == {}


def test_a_rejected_model_does_not_go_on() -> None:
    with pytest.raises(UsageError) as raised:
        require_promoted(False, "The challenger is worse.")
    assert str(raised.value) == (
        "03_evaluate rejected this model, so there is nothing to register. The challenger is worse."
    )
    assert require_promoted(True, "It is better.") is None


def test_a_challenger_that_is_worse_beyond_chance_is_called_worse() -> None:
    champion = np.linspace(1.0, 2.0, 100)
    noise = np.linspace(-0.5, 0.5, 100)
    worse = decide_promotion(champion, champion + 5 + noise)
    assert not worse.promoted
    assert worse.improvement == pytest.approx(-5)
    assert worse.reason.startswith(
        "The challenger is worse: the increase of the mean squared error is 5.00 squared points on 100 rows unseen by "
        "both models, with a 95% lower bound of 4.9"
    )
    unclear = decide_promotion(champion, champion + 0.01 + noise)
    assert unclear.reason == (
        "The challenger is not shown to be better: the increase of the mean squared error is 0.0100 squared points on "
        "100 rows unseen by both models, which chance can explain."
    )
    hopeful = decide_promotion(champion, champion - 0.01 + noise)
    assert hopeful.reason == (
        "The challenger is not shown to be better: the improvement of the mean squared error is 0.0100 squared points "
        "on 100 rows unseen by both models, with a 95% lower bound of -0.0388. A promotion needs a bound above zero."
    )


def test_the_bound_of_many_rows_needs_no_more_memory_than_the_rows() -> None:
    import tracemalloc

    losses = np.random.default_rng(2).normal(100, 10, 500_000)
    tracemalloc.start()
    decide_promotion(losses, losses * 0.9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * losses.nbytes

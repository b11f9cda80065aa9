"""Small versions of the simulations. They fail if the bound is replaced by a plainer one."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t

from mlops.model.comparison import Comparison
from mlops.model.promotion import decide_promotion
from mlops.model.segments import compare_segments
from mlops.model.spending import spend
from mlops.problem import Column, Problem, metrics
from simulations import corrections, draws, gate, grouped, rule, scores, segments, years
from simulations.cases import Case, Rate
from simulations.running import run_cases, run_part
from simulations.tables import fill_tables

LOGNORMAL: gate.Draw = partial(draws.draw_skewed_gains, sigma=1.0)


def count_heads(rng: np.random.Generator, rounds: int) -> int:
    """Count the heads of a fair coin."""
    return int(rng.integers(0, 2, rounds).sum())


COIN = Case("coins", "a fair coin", 1001, count_heads, most=0.05)


def bound_percentile(gains: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Return the percentile bound of the plain bootstrap."""
    picked = np.random.default_rng(0).integers(0, gains.shape[-1], (200, gains.shape[-1]))
    return np.quantile(gains[..., picked].mean(-1), 1 - confidence, axis=-1)


def bound_student(gains: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Return the bound by Student's t."""
    rows = gains.shape[-1]
    return gains.mean(-1) - t.ppf(confidence, rows - 1) * gains.std(-1, ddof=1) / rows**0.5


def compare_scores(gains: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Return the difference of the metrics, as a comparison of stored metrics does."""
    return gains.mean(-1) + 0 * confidence


def test_equal_models_with_rare_large_losses_are_seldom_promoted() -> None:
    rate = gate.count_promotions(np.random.default_rng(0), 3000, LOGNORMAL, 89) / 3000
    assert 0.03 < rate < 0.08


@pytest.mark.parametrize("bound", [bound_percentile, bound_student, compare_scores])
def test_a_plainer_bound_promotes_too_often(bound: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "bound_mean", bound)
    assert gate.count_promotions(np.random.default_rng(0), 1000, LOGNORMAL, 89) / 1000 > 0.08


@pytest.mark.parametrize("look", [1, 5])
def test_the_simulations_promote_what_the_gate_promotes(look: int) -> None:
    gains = LOGNORMAL(np.random.default_rng(0), (300, 89)) + np.linspace(-0.5, 3, 300)[:, None]
    promoted = rule.promote(gains, spend(0.95, look))
    decided = [
        decide_promotion(Comparison(metrics.mean_squared_error(), sample, 0 * sample, 0.95, look=look)).promoted
        for sample in gains
    ]
    assert promoted.tolist() == decided
    assert 50 < promoted.sum() < 250


def test_a_rate_depends_only_on_its_case() -> None:
    (rate,) = run_cases([COIN], processes=1)
    assert rate.events == sum(run_part(COIN, part) for part in range(4))
    assert 450 < rate.events < 550


def test_a_missed_goal_is_bold() -> None:
    text = "before\n<!-- simulated: coins -->\nold\n<!-- end -->\nafter\n"
    filled = fill_tables(text, [Rate(COIN, 500)])
    assert "| a fair coin | 1,001 | 49.95 % | 46.81 to 53.09 % | **missed: at most 5 %** |\n\n<!-- end -->" in filled
    assert (filled.startswith("before\n"), filled.endswith("\nafter\n"), "old" in filled) == (True, True, False)
    assert fill_tables(filled, [Rate(COIN, 500)]) == filled
    with pytest.raises(ValueError, match="no table 'coins'"):
        fill_tables("", [Rate(COIN, 500)])


def test_the_interval_is_clopper_pearson_s() -> None:
    """Four of ten have the interval from 0.1216 to 0.7376; none of ten ends at 1 - 0.025^(1/10)."""
    ten = Case("", "", 10, count_heads, least=0.5)
    assert Rate(ten, 4).interval == pytest.approx((0.1216, 0.7376), abs=1e-4)
    assert Rate(ten, 0).interval == pytest.approx((0.0, 1 - 0.025**0.1))
    assert (Rate(ten, 0).misses, Rate(ten, 10).interval[1], ten.goal) == (True, 1.0, "at least 50 %")


def test_equal_models_are_seldom_promoted_in_a_year(monkeypatch: pytest.MonkeyPatch) -> None:
    count = partial(years.count_years, rounds=300, kind="normal", rows=89, weekly=0)
    assert count(np.random.default_rng(0)) / 300 < 0.06
    monkeypatch.setattr(years, "spend", lambda confidence, look: confidence)
    assert count(np.random.default_rng(0)) / 300 > 0.3


def test_equal_models_are_seldom_promoted_in_a_year_of_growing_holdouts(monkeypatch: pytest.MonkeyPatch) -> None:
    count = partial(years.count_years, kind="normal", rows=89, weekly=10)
    assert count(np.random.default_rng(0), 100) / 100 < 0.09  # at a rate of 5 %, more would have a probability of 3 %
    for bound, rounds in ((bound_percentile, 30), (compare_scores, 5)):
        monkeypatch.setattr(rule, "bound_mean", bound)
        assert count(np.random.default_rng(0), rounds) / rounds > 0.12


@pytest.mark.parametrize("kind", ["normal", "t5"])
def test_a_better_model_is_promoted_within_eight_retrainings(kind: str) -> None:
    assert years.count_better(np.random.default_rng(0), 200, kind, 89) / 200 > 0.8


@pytest.mark.parametrize(
    ("metric", "gain"),
    [(metrics.roc_auc_score(), scores.gain_area), (metrics.f1_score(), scores.gain_f1)],
    ids=["area", "F1"],
)
def test_the_simulations_have_the_gains_of_the_gate(
    metric: metrics.Metric, gain: Callable[..., NDArray[np.float64]]
) -> None:
    rng = np.random.default_rng(0)
    actual, shared = scores.draw_rows(rng, (5, 60), "normal")
    pair = [shared + scores.NOISE * rng.normal(size=(5, 60)) for _ in range(2)]
    for truth, *models, gains in zip(actual, *pair, gain(actual, *pair), strict=True):
        compared = Comparison(metric, *(expit(scores.find_logits(model)) for model in models), actual=truth)
        assert gains == pytest.approx(compared.gains, abs=1e-9)
        assert gains.mean() == pytest.approx(compared.improvement)


@pytest.mark.parametrize("metric", ["log loss", "area", "F1"])
def test_equal_classifiers_are_seldom_promoted(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw: gate.Draw = partial(scores.draw_gains, kind="normal", metric=metric)
    assert 0.01 < gate.count_promotions(np.random.default_rng(0), 2000, draw, 30) / 2000 < 0.055
    monkeypatch.setattr(rule, "bound_mean", compare_scores)
    assert gate.count_promotions(np.random.default_rng(0), 2000, draw, 30) / 2000 > 0.3


@pytest.mark.parametrize("kind", ["normal", "t5"])
def test_equal_models_are_seldom_promoted_on_many_rows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw: gate.Draw = partial(draws.draw_square_gains, kind=kind)
    assert 0.02 < gate.count_promotions(np.random.default_rng(1), 500, draw, 2000) / 500 < 0.08
    monkeypatch.setattr(rule, "bound_mean", compare_scores)
    assert gate.count_promotions(np.random.default_rng(1), 50, draw, 2000) / 50 > 0.3


@pytest.mark.parametrize(
    ("draw", "rows"),
    [
        (partial(draws.draw_gamma_gains, skewness=3.0, better=1.0), 89),
        (partial(draws.draw_skewed_gains, sigma=0.715, better=1.0), 89),
        *((partial(draws.draw_binary_gains, share=0.084, better=1.0), rows) for rows in (30, 50, 89)),
    ],
)
def test_a_better_model_is_seldom_undecided(draw: gate.Draw, rows: int) -> None:
    """The skewness is 3. With a limit of 4.2, 20 % of the samples of 30 gains of two values were undecided."""
    assert gate.count_undecided(np.random.default_rng(0), 2000, draw, rows) / 2000 < 0.065


@pytest.mark.parametrize("edge", [0.0, gate.EDGE], ids=["equal", "better"])
def test_a_rare_class_is_seldom_undecided(edge: float) -> None:
    """A limit of the skewness alone left 26 % of the comparisons of equal models undecided."""
    draw: gate.Draw = partial(scores.draw_gains, kind="normal", metric="F1", positives=15, edge=edge)
    assert gate.count_undecided(np.random.default_rng(0), 2000, draw, 300) / 2000 < 0.05


def test_a_median_seldom_promotes_an_equal_model() -> None:
    """With each row as a group of its own, the gate promoted 10 % of equal models."""
    count = partial(grouped.count_medians, rows=30, noise=1.0)
    assert count(np.random.default_rng(0), 400) / 400 < 0.05 < count(np.random.default_rng(0), 100, groups=30) / 100


@pytest.mark.parametrize(("metric", "groups"), [(grouped.MEDIAN, 8), (grouped.AREA, 60)], ids=["median", "area"])
def test_the_groups_of_the_simulations_are_those_of_the_gate(metric: metrics.Metric, groups: int) -> None:
    rng = np.random.default_rng(0)
    actual, shared = scores.draw_rows(rng, (60,), "normal")
    pair = expit(shared), expit(shared + scores.NOISE * rng.normal(size=60))
    compared = Comparison(metric, *pair, actual=actual.astype(float))
    assert compared.gains.shape == (groups,)
    assert grouped.list_gains(metric, actual.astype(float), pair) == pytest.approx(compared.gains)


def test_the_percentile_of_few_rows_promotes_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    draw: gate.Draw = partial(scores.draw_gains, kind="normal", metric="log loss")
    monkeypatch.setattr(rule, "bound_mean", bound_percentile)
    assert gate.count_promotions(np.random.default_rng(0), 2000, draw, 30) / 2000 > 0.055


def test_a_larger_area_is_promoted_within_eight_retrainings() -> None:
    assert years.count_better_areas(np.random.default_rng(0), 100, "normal", 89) / 100 > 0.8


def test_equal_areas_are_seldom_promoted_in_a_year() -> None:
    assert years.count_years(np.random.default_rng(0), 200, "normal", 89, 0, "area") / 200 < 0.06


@pytest.mark.parametrize("correction", corrections.CORRECTIONS)
def test_a_correction_keeps_the_rate_and_finds_a_shifted_column(correction: str) -> None:
    count = partial(corrections.count_found, rounds=40, family="correlated", correction=correction)
    assert count(np.random.default_rng(0), shifted=0) <= 6  # at a rate of 5 %, more would have a probability of 0.3 %
    assert count(np.random.default_rng(0), shifted=1) > 0.75 * 40


class Parts(Problem):
    """A number that has the same rows in each of four parts. The absolute error decides, so that it is the loss."""

    name = "parts"
    columns = (Column("part", kind="category"), Column("x"), Column("y", role="target"))
    metrics = (metrics.mean_absolute_error("mae"),)
    segments = ("part",)
    smallest_relative_gain = 0.0


class Flags(Problem):
    """A boolean that has the same rows in each of four parts."""

    name = "flags"
    columns = (Column("part", kind="category"), Column("x"), Column("y", kind="boolean", role="target"))
    metrics = (metrics.roc_auc_score("auc"),)
    segments = ("part",)
    smallest_relative_gain = 0.0


def test_the_simulations_call_a_challenger_worse_where_the_comparison_does() -> None:
    rng = np.random.default_rng(0)
    parts = [part - np.linspace(0, 2, 100)[:, None] for part in segments.draw_parts(rng, (100, 88), "1.0", 4)]
    gains = np.hstack(parts)
    rows = pd.DataFrame({"part": np.repeat(list("abcd"), 22), "y": 0.0})
    both = ({"champion": 20 + sample.clip(-20), "challenger": np.full(88, 20.0)} for sample in gains)
    found = [bool(compare_segments(Parts(), rows, predictions, 0.95).worse) for predictions in both]
    assert segments.report_worse(parts).tolist() == found
    assert 20 < sum(found) < 80


def test_the_areas_of_segments_are_compared_as_the_simulations_do() -> None:
    rng = np.random.default_rng(0)
    actual, shared = scores.draw_rows(rng, (40, 160), "normal")
    champion, challenger = shared, shared + 1.5 * rng.normal(size=shared.shape)
    split = (np.array_split(values, 4, axis=1) for values in (actual, champion, challenger))
    reported = segments.report_worse([scores.gain_area(*part) for part in zip(*split, strict=True)])
    part = np.repeat(list("abcd"), 40)
    found = [
        bool(
            compare_segments(
                Flags(),
                pd.DataFrame({"part": part, "y": truth}),
                {"champion": expit(scores.find_logits(old)), "challenger": expit(scores.find_logits(new))},
                0.95,
            ).worse
        )
        for truth, old, new in zip(actual, champion, challenger, strict=True)
    ]
    assert reported.tolist() == found
    assert 5 < sum(found) < 35


@pytest.mark.parametrize(("kind", "rows"), [("normal", 2000), ("area", 500), ("F1", 500)])
def test_equal_models_are_seldom_called_worse_in_a_segment(kind: str, rows: int) -> None:
    count = partial(segments.count_reports, rounds=1000, kind=kind, rows=rows, count=rows // 100)
    assert count(np.random.default_rng(0)) / 1000 < 0.06


@pytest.mark.parametrize("metric", ["area", "F1"])
def test_the_interval_of_a_classifier_contains_the_true_gain(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw: gate.Draw = partial(scores.draw_gains, kind="normal", metric=metric)
    assert 0.02 < gate.count_outside(np.random.default_rng(0), 2000, draw, 30) / 2000 < 0.07
    monkeypatch.setattr(gate, "bound_mean", bound_percentile)
    assert gate.count_outside(np.random.default_rng(0), 2000, draw, 30) / 2000 > 0.08


def test_segments_that_do_not_share_the_allowed_error_report_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = segments.bound_mean
    monkeypatch.setattr(segments, "bound_mean", lambda gains, _: shared(gains, 0.95))
    assert segments.count_reports(np.random.default_rng(0), 300, "normal", 2000, 20) / 300 > 0.3

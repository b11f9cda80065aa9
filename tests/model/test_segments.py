"""The comparison in segments of the rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops.model.bounds import bound_mean
from mlops.model.comparison import compare_models
from mlops.model.promotion import Decision, decide_promotion
from mlops.model.segments import (
    Segments,
    compare_segments,
    describe_segments,
    review_decision,
    split_column,
    tabulate_segments,
)
from mlops.problem import Column, Metric, Problem, metrics

PLAN = Column("plan", kind="category")
FEE = Column("fee")
COUNT = 400


class Prices(Problem):
    """A number, predicted for rows with a plan and a fee."""

    name = "prices"
    columns = (PLAN, FEE, Column("remark", kind="category", role="ignored"), Column("price", role="target"))
    metrics = (metrics.mean_squared_error("mse"),)
    segments = ("plan",)


class StrictPrices(Prices):
    """The same, where a challenger may not be worse in any segment."""

    reject_worse_segments = True


class Left(Problem):
    """A boolean that is never true in one of two plans."""

    name = "left"
    columns = (PLAN, FEE, Column("left", kind="boolean", role="target"))
    metrics = (metrics.roc_auc_score("auc"),)
    segments = ("plan",)


PLANS = np.repeat(["basic", "plus", "family"], [200, 120, 80])
ROWS = pd.DataFrame(
    {"plan": PLANS, "fee": np.arange(COUNT) + 1.0, "price": np.random.default_rng(0).normal(100, 10, COUNT)}
)
# The champion errs by about 5. The challenger errs by about 2, but by about 7 in one plan.
CHAMPION = ROWS.price + np.random.default_rng(1).normal(0, 5, COUNT)
CHALLENGER = ROWS.price + np.random.default_rng(2).normal(0, np.where(PLANS == "family", 7, 2))
BOTH = {"champion": CHAMPION.to_numpy(), "challenger": CHALLENGER.to_numpy()}


def split(values: Any, column: Column = PLAN) -> dict[str, int]:
    """Return the number of rows of each segment, by name."""
    return {name: int(marks.sum()) for name, marks in split_column(column, pd.Series(values))}


def decide(problem: Problem, predictions: dict[str, Any], rows: pd.DataFrame = ROWS) -> tuple[Segments, Decision]:
    """Return the segments, and the decision of the gate after it has seen them."""
    found = compare_segments(problem, rows, predictions, 0.95)
    compared = compare_models(problem, rows[problem.target.name], predictions, 0.95)
    return found, review_decision(decide_promotion(compared), found)


def test_each_frequent_value_of_a_category_is_a_segment() -> None:
    values = ["plus"] * 30 + ["basic"] * 60 + ["a"] * 3 + ["b"] * 2 + [None] * 5
    assert split(values) == {'plan "basic"': 60, 'plan "plus"': 30, "plan other (2 values)": 5, "plan missing": 5}
    assert split(["basic"] * 99 + ["rare"]) == {'plan "basic"': 99, 'plan "rare"': 1}
    boolean = Column("paid", kind="boolean")
    assert split([True, False, True], boolean) == {"paid true": 2, "paid false": 1}
    assert split([True, None, True], boolean) == {"paid true": 2, "paid missing": 1}


def test_values_of_users_are_quoted_and_shortened() -> None:
    names = [*split(['say "other"\n', "other", "x" * 100])]
    assert names == ['plan "other"', 'plan "say \\"other\\"\\n"', f'plan "{"x" * 37}…"']
    assert [*split([f"{place:04}" for place in range(1000)])] == ["plan other (1,000 values)"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(100), {"fee 0 to 24": 25, "fee 25 to 49": 25, "fee 50 to 74": 25, "fee 75 to 99": 25}),
        ([0.0] * 60 + [*range(1, 41)], {"fee 0": 60, "fee 1 to 15": 15, "fee 16 to 40": 25}),
        ([0] * 20 + [1] * 80, {"fee 0": 20, "fee 1": 80}),
        ([1] * 10 + [2] * 80 + [3] * 10, {"fee 1": 10, "fee 2": 80, "fee 3": 10}),
        ([-0.04464] * 53 + [0.05068] * 47, {"fee -0.0446": 53, "fee 0.0507": 47}),
        ([7.0] * 9, {"fee 7": 9}),
        ([1.0, None, 2.0, np.nan], {"fee 1": 1, "fee 2": 1, "fee missing": 2}),
        ([1.50001, 1.50002, 1.50003], {"fee 1.50001": 1, "fee 1.50002": 1, "fee 1.50003": 1}),
        ([-np.inf, 0, 1, np.inf], {"fee -inf": 1, "fee 0": 1, "fee 1.00": 1, "fee inf": 1}),
        ([np.nan] * 3, {"fee missing": 3}),
        (["a", "a", "b"], {'fee "a"': 2, 'fee "b"': 1}),
        ([], {}),
    ],
)
def test_a_number_is_split_into_quarters_between_different_values(values: Any, expected: dict[str, int]) -> None:
    assert split(values, FEE) == expected


def test_a_challenger_that_is_worse_in_a_segment_is_reported() -> None:
    found, decision = decide(Prices(), BOTH)
    assert [segment.verdict for segment in found.found] == ["better", "better", "worse"]
    worse = found.found[2]
    errors = [float(((BOTH[name] - ROWS.price)[320:] ** 2).mean()) for name in ("champion", "challenger")]
    assert [worse.champion, worse.challenger] == pytest.approx(errors)
    assert (worse.name, worse.rows, worse.share) == ('plan "family"', 80, 0.2)
    assert worse.improvement == pytest.approx(errors[0] - errors[1])
    assert worse.upper_bound is not None
    assert errors[0] - errors[1] < worse.upper_bound < 0
    said = 'significantly worse in 1 of 3 segments: plan "family" (mean squared error 44.5 instead of 19.3 on 80 rows).'
    assert describe_segments(found) == (
        f"The challenger is {said} Together, the bounds of all segments have a confidence of 95%."
    )
    assert describe_segments(replace(found, confidence=0.999996)).endswith("have a confidence of 99.9996%.")
    assert decision.promoted
    assert decision.reason.endswith(f" But it is {said}")


def test_a_problem_can_reject_a_challenger_that_is_worse_in_a_segment() -> None:
    found, decision = decide(StrictPrices(), BOTH)
    assert (decision.promoted, decision.kind) == (False, "compared")
    assert decision.reason.startswith("The challenger is better: ")
    assert ' It is rejected, because it is significantly worse in 1 of 3 segments: plan "family" (' in decision.reason
    rejected = Decision(False, "Worse.")
    assert review_decision(rejected, found) is rejected
    first = Decision(True, "The first.", kind="first")
    assert review_decision(first, found) is first


class Tolerant(StrictPrices):
    """The same, where only a difference of 30 matters."""

    smallest_gain = 30.0


@pytest.mark.parametrize(("decline", "verdict"), [(0.0009, "too small to matter"), (0.0011, "worse")])
def test_a_decline_in_a_segment_has_to_matter(decline: float, verdict: str) -> None:
    """On 100,000 rows, even a decline of 0.09 % is significant. The smallest gain of a release is 0.1 %."""
    rows = ROWS.loc[ROWS.index.repeat(250)]
    errors = np.random.default_rng(3).normal(0, 5, len(rows))
    factor = np.where(rows.plan == "family", (1 + decline) ** 0.5, 0.5)
    found, decision = decide(
        StrictPrices(), {"champion": rows.price + errors, "challenger": rows.price + factor * errors}, rows
    )
    family = found.found[2]
    assert family.improvement == pytest.approx(-decline * (family.champion or 0.0))
    assert (family.upper_bound or 0.0) < 0
    assert [segment.verdict for segment in found.found] == ["better", "better", verdict]
    assert decision.promoted is (verdict != "worse")


def test_the_smallest_gain_of_a_release_can_have_the_unit_of_the_metric() -> None:
    """In the family plan, the squared error is larger by 25.2."""
    found, decision = decide(Tolerant(), BOTH)
    assert [segment.verdict for segment in found.found] == ["too small to matter"] * 3
    assert review_decision(replace(decision, promoted=True), found).promoted
    assert describe_segments(found).startswith(
        "None of the 3 segments with enough rows shows a decline that is significant and"
    )


def test_the_segments_share_the_allowed_error() -> None:
    """The bound of each of three segments has the confidence 1 - 0.05 / 3, and spends nothing on looks."""
    found = compare_segments(Prices(), ROWS, BOTH, 0.95)
    gains = ((BOTH["champion"] - ROWS.price) ** 2 - (BOTH["challenger"] - ROWS.price) ** 2)[:200]
    assert found.found[0].upper_bound == pytest.approx(-float(bound_mean(-gains.to_numpy(), 1 - 0.05 / 3)))


def test_a_small_segment_is_shown_but_not_compared() -> None:
    plans = np.repeat(["basic", "plus", "family"], [370, 18, 12])
    plans[-6:] = "single"
    found = compare_segments(Prices(), ROWS.assign(plan=plans), BOTH, 0.95)
    assert [(segment.name, segment.verdict) for segment in found.found] == [
        ('plan "basic"', "better"),
        ("plan other (3 values)", "no difference shown"),
    ]
    few = ROWS.assign(plan=plans)[330:]
    found = compare_segments(Prices(), few, {name: values[330:] for name, values in BOTH.items()}, 0.95)
    assert [(segment.name, segment.verdict) for segment in found.found] == [
        ('plan "basic"', "worse"),
        ('plan "plus"', "under 20 rows"),
        ('plan "family"', "under 20 rows"),
        ('plan "single"', "under 20 rows"),
    ]
    first, second = describe_segments(found).split("\n")
    assert "in 1 of 1 segments" in first
    assert second == (
        'Not compared (under 20 rows): plan "plus" (18 rows); plan "family" (6 rows); plan "single" (6 rows).'
    )
    single = ROWS.assign(plan=["basic"] * 395 + ["rare"] * 5)
    found = compare_segments(Prices(), single, BOTH, 0.95)
    assert found.found[1].verdict == "under 5% of the rows"
    assert describe_segments(found).endswith('\nNot compared (under 5% of the rows): plan "rare" (5 rows).')


def test_a_segment_with_one_class_is_shown_with_the_reason() -> None:
    rng = np.random.default_rng(0)
    left = (rng.random(COUNT) < 0.5) & (PLANS != "family")
    rows = pd.DataFrame({"plan": PLANS, "left": left})
    scores = {name: np.clip(0.3 * left + noise * rng.random(COUNT), 0, 1) for name, noise in (("champion", 0.9),)}
    scores["challenger"] = np.clip(0.3 * left + 0.4 * rng.random(COUNT), 0, 1)
    found = compare_segments(Left(), rows, scores, 0.95)
    family = found.found[2]
    assert (family.champion, family.improvement, family.verdict) == (None, None, "metric undefined")
    assert found.found[0].verdict == "better"
    assert describe_segments(found).startswith(
        "None of the 2 segments with enough rows shows a decline that is significant and"
    )


def test_a_worse_segment_is_measured_as_often_as_a_better_one() -> None:
    """The jackknife of a worse segment ran a second time, with the models swapped."""
    measured: list[float] = []

    def score(actual: Any, predicted: Any) -> float:
        measured.append(float(np.abs(actual - predicted).mean()))
        return measured[-1]

    class Counted(Prices):
        """A metric that is computed anew for each group of rows that is left out."""

        metrics = (Metric("mae", score, higher_is_better=False),)

    found = compare_segments(Counted(), ROWS, BOTH, 0.95)
    worse = len(measured)
    swapped = {"champion": BOTH["challenger"], "challenger": BOTH["champion"]}
    better = compare_segments(Counted(), ROWS, swapped, 0.95)
    assert [segment.verdict for segment in found.found] == ["better", "better", "worse"]
    assert [segment.verdict for segment in better.found] == ["worse", "worse", "better"]
    assert len(measured) - worse == worse


def test_equal_models_are_equal_in_each_segment() -> None:
    found, decision = decide(Prices(), {"champion": BOTH["champion"], "challenger": BOTH["champion"]})
    assert {segment.verdict for segment in found.found} == {"equal"}
    assert decision.kind == "equal"


@pytest.mark.parametrize("problem", [Prices(), Tolerant()])
def test_a_segment_in_which_a_few_rows_are_much_better_is_undecided(problem: Problem) -> None:
    """The challenger is a little worse on most rows and much better on a few: other rows could show the opposite.

    If the decline was too small to matter, the verdict was that, although nobody knows how large it is.
    """
    rows = ROWS.assign(plan="basic", price=0.0)
    champion, challenger = np.ones(COUNT), np.full(COUNT, 1.1)
    champion[0] = 3.0
    (segment,) = compare_segments(problem, rows, {"champion": champion, "challenger": challenger}, 0.95).found
    assert segment.verdict == "a few rows decide"
    (swapped,) = compare_segments(problem, rows, {"champion": challenger, "challenger": champion}, 0.95).found
    assert swapped.verdict == "a few rows decide"


def test_without_a_champion_the_table_has_only_the_challenger() -> None:
    found = compare_segments(Prices(), ROWS, {"challenger": BOTH["challenger"]}, 0.95)
    table = tabulate_segments(found)
    assert table is not None
    assert (list(table.columns), table.shape) == (["rows", "share", "challenger"], (3, 3))
    assert describe_segments(found) == (
        "There was no comparison with a champion, so the table has only the challenger."
    )


def test_the_table_shows_both_models_and_the_verdict() -> None:
    table = tabulate_segments(compare_segments(Prices(), ROWS, BOTH, 0.95))
    assert table is not None
    assert table.loc['plan "family"'].tolist()[:4] == ["80", "20.0%", "19.3", "44.5"]
    assert list(table.columns)[4:] == ["improvement", "upper bound", "verdict"]
    page = tabulate_segments(compare_segments(Prices(), ROWS.assign(plan="<b>x</b>"), BOTH, 0.95))
    assert page is not None
    assert "&lt;b&gt;" in page.to_html()


def test_without_segments_or_rows_a_sentence_says_so() -> None:
    class Plain(Prices):
        """No segments."""

        segments = ()

    nothing = {name: values[:0] for name, values in BOTH.items()}
    for found in (compare_segments(Plain(), ROWS, BOTH, 0.95), compare_segments(Prices(), ROWS[:0], nothing, 0.95)):
        assert tabulate_segments(found) is None
        assert describe_segments(found) == "There are no segments to compare."


def test_a_column_that_the_data_lacks_is_named() -> None:
    class Remarks(Prices):
        """An ignored column can be absent."""

        segments = ("remark", "plan")

    found = compare_segments(Remarks(), ROWS, BOTH, 0.95)
    assert describe_segments(found).startswith(
        "The data has no column 'remark', so there are no segments of this column."
    )


def test_a_table_of_many_segments_begins_with_the_worse_ones() -> None:
    class Wide(Prices):
        """Twenty columns of numbers."""

        columns = (*(Column(f"n{place}") for place in range(20)), PLAN, Column("price", role="target"))
        segments = (*(f"n{place}" for place in range(20)), "plan")

    rng = np.random.default_rng(3)
    rows = ROWS.assign(**{f"n{place}": rng.random(COUNT) for place in range(20)})
    found = compare_segments(Wide(), rows, BOTH, 0.95)
    table = tabulate_segments(found)
    assert table is not None
    assert (len(table), table.index[0], table.verdict.iloc[0]) == (60, 'plan "family"', "worse")
    last = "\nThe table has 60 of 83 segments. Those in which the challenger is worse come first."
    assert describe_segments(found).endswith(last)

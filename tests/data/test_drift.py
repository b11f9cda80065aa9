"""Drift: few false alarms, enough power, and no alarms for negligible differences. The rates are measured here."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from drawn_tables import FAMILIES, RARE, Change, count_alarms, exchange, set_some, shift, widen
from numpy.typing import ArrayLike
from scipy.stats import norm
from small_profiles import profile_frame

from mlops.data.drift import Drift, compare_profiles, select_strongest
from mlops.data.evidence import numbers
from mlops.data.evidence.outcome import Evidence
from mlops.data.kinds.counts import CountProfile
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import ColumnProfile, Profile, profile_column
from mlops.problem import Column

NAMES = (Column("x", kind="category"),)
FAST = ("t3", "integer", "mixed")
ROUNDS = 150
MOST_ALARMS = 14  # of 150 tables; at a rate of 5 %, more would have a probability of 1 %


def find_drifts(reference: ArrayLike, current: ArrayLike) -> dict[str, Drift]:
    """Return the drift of one column by name of the test."""
    profile = make_reference(pd.DataFrame({"x": reference}))
    edges = {"x": profile["x"].edges}
    found = compare_profiles(profile, profile_frame(pd.DataFrame({"x": current}), edges), false_alarm_rate=0.05)
    return {drift.test: drift for drift in found}


def name_drifted(reference: ArrayLike, current: ArrayLike) -> set[str]:
    """Return the names of the tests that find drift in one column."""
    return {test for test, drift in find_drifts(reference, current).items() if drift.drifted}


@pytest.mark.parametrize(
    "family", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES]
)
def test_few_tables_with_the_distribution_of_the_reference_raise_an_alarm(family: str) -> None:
    """A test of standard deviations that assumes a kurtosis of 6 raises it in 84 % (t3) to 98 % (lognormal)."""
    assert count_alarms(np.random.default_rng(1), ROUNDS, family, 442, 442) <= MOST_ALARMS


def compare_deviations(reference: ColumnProfile, variance: float, noise: float) -> Evidence:
    """Return the test of the standard deviations that assumes a kurtosis of 6, as an earlier version did."""
    ratio = abs(float(np.log(variance**0.5 / reference.deviation)))
    error = ((6 - 1) / 4 * noise) ** 0.5  # of the logarithm of a standard deviation
    chance = float(2 * norm.sf(ratio / error))
    return Evidence("scale", ratio, 0.0, chance, lambda level: max(float(norm.isf(level / 2)) * error, 0.1))


@pytest.mark.parametrize("family", ["t3", "lognormal"])
def test_a_test_that_assumes_a_kurtosis_raises_many_alarms(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "_compare_scale", compare_deviations)
    assert count_alarms(np.random.default_rng(1), 30, family, 442, 442) > 15


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        (442, 60),
        pytest.param(100_000, 442, marks=pytest.mark.slow),
        pytest.param(442, 10_000, marks=pytest.mark.slow),
    ],
)
def test_false_alarms_are_as_rare_in_tables_of_other_sizes(known: int, rows: int) -> None:
    assert count_alarms(np.random.default_rng(2), ROUNDS, "mixed", known, rows) <= MOST_ALARMS


@pytest.mark.parametrize(
    ("family", "known", "rows"),
    [
        ("300 equal categories", 5000, 5000),
        ("20,000 equal categories", 442, 442),
        ("20,000 equal categories", 20_000, 442),
    ],
)
def test_few_columns_of_many_categories_raise_an_alarm(family: str, known: int, rows: int) -> None:
    assert count_alarms(np.random.default_rng(2), ROUNDS, family, known, rows, columns=(0,)) <= MOST_ALARMS


@pytest.mark.parametrize("family", RARE)
def test_rare_values_in_a_small_table_raise_few_alarms(family: str) -> None:
    """With the tails of the normal distribution, 19 and 24 of the 400 tables raised one."""
    assert count_alarms(np.random.default_rng(2), 400, family, 5000, 60) <= 14


@pytest.mark.parametrize("known", [1, 2, 5])
def test_a_reference_of_a_few_rows_raises_no_alarm(known: int) -> None:
    """With two rows, 73 % of the tables raised one, because the bins depend on the rows of the reference."""
    assert count_alarms(np.random.default_rng(3), ROUNDS, "normal", known, 442) <= MOST_ALARMS


@pytest.mark.parametrize("rows", [100, 442])
def test_a_table_of_one_row_has_not_drifted_wherever_it_is(rows: int) -> None:
    """The probability was 1.0000000000000002, and so was the distance, which is above the largest allowed one."""
    found = find_drifts(np.random.default_rng(0).normal(size=rows), [1e9])
    assert (found["shift"].seen, found["shape"].seen) == (1.0, pytest.approx(1.0))
    assert not any(drift.drifted for drift in found.values())
    assert name_drifted(np.arange(float(rows)), [5000.0]) == set()


def test_numbers_whose_squares_are_zero_are_compared() -> None:
    """The test of the standard deviation divided by zero."""
    values = np.random.default_rng(0).normal(size=442) * 1e-160
    assert name_drifted(values, values) == set()
    assert "scale" in find_drifts(values, values / 2)


@pytest.mark.parametrize(("change", "least"), [(shift, 0.85), (widen, 0.8), (set_some, 0.8)])
def test_power_against_a_reference_of_442_rows(change: Change, least: float) -> None:
    """With the Kolmogorov-Smirnov test and the standard deviations alone, 70 % of shifts and 8 % of constants."""
    assert count_alarms(np.random.default_rng(1), ROUNDS, "normal", 442, 442, change) >= least * ROUNDS


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("x6", partial(set_some, count=70, value=np.nan)),
        ("x7", partial(set_some, count=20, value=9)),
        ("x7", partial(exchange, share=0.3, of=0, to=2)),
    ],
    ids=["missing values", "new category", "changed mix"],
)
def test_power_for_missing_values_and_categories(column: str, change: Change) -> None:
    assert count_alarms(np.random.default_rng(1), 50, "mixed", 442, 442, change, column) >= 0.8 * 50


@pytest.mark.parametrize(("known", "count", "test"), [(442, 25, "new"), (20_000, 60, "mix")])
def test_a_value_that_piles_up_among_thousands_is_found(known: int, count: int, test: str) -> None:
    """The reference lists none of its values: each occurs once, and 20,000 are too many to count one by one."""
    reference = make_reference(pd.DataFrame({"x": [f"name {place}" for place in range(known)]}), NAMES)
    others = [f"other {place}" for place in range(442)]
    usual, unusual = (
        make_reference(pd.DataFrame({"x": values}), NAMES)
        for values in (others, [*others[count:], *["unknown"] * count])
    )
    assert not any(drift.drifted for drift in compare_profiles(reference, usual, 0.05))
    found = {drift.test: drift for drift in compare_profiles(reference, unusual, 0.05)}
    assert found[test].drifted
    assert found["new"].detail == "'unknown'"


@pytest.mark.parametrize(("moved", "drifted"), [(0.05, False), (0.1, False), (0.2, True)])
def test_with_many_rows_a_shift_has_to_matter_too(moved: float, drifted: bool) -> None:
    """At 200,000 rows even 0.05 is significant; only 0.2 is above the floors."""
    rng = np.random.default_rng(0)
    found = find_drifts(rng.normal(size=200_000), rng.normal(moved, 1, size=200_000))
    assert found["shape"].seen == pytest.approx(moved * 0.4, abs=0.005)  # the normal density at 0 is 0.4
    assert found["shift"].seen == pytest.approx(0.5 + moved * 0.282, abs=0.003)  # 1 / sqrt(4 pi)
    assert (found["shift"].drifted, found["shape"].drifted) == (drifted, drifted)
    assert (found["shift"].detail, found["spread"].drifted) == ("larger", False)


def test_with_many_rows_a_spread_has_to_matter_too() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    assert name_drifted(values, values * 1.05) == set()
    assert name_drifted(values, values * 1.15) == {"spread"}


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.4, 2.0])
def test_a_changed_spread_is_caught_in_both_directions(factor: float) -> None:
    values = np.random.default_rng(0).normal(size=442)
    spread = find_drifts(values, values * factor)["spread"]
    assert (spread.drifted, spread.detail) == (True, "grew" if factor > 1 else "shrank")


@pytest.mark.parametrize("values", [[-0.0446, 0.0507], [0, 1, 2]])
def test_a_column_with_few_values_that_shrinks_within_its_bins_is_caught(values: list[float]) -> None:
    column = np.random.default_rng(0).choice(values, 442)
    assert name_drifted(column, column * 0.6) >= {"scale"}
    assert name_drifted(column, column * 0.95) & {"scale"} == set()


def test_outliers_of_the_reference_are_no_lost_scale() -> None:
    values = np.random.default_rng(0).normal(size=442)
    scale = find_drifts(np.r_[values, 1000.0], values)["scale"]
    assert (scale.seen > 0.9, scale.drifted) == (True, False)


def test_the_spread_by_hand() -> None:
    """Of 40 values in four bins, the table has the outer ones, and the reference the inner ones."""
    edges = (1.5, 2.5, 3.5)
    reference = {"x": profile_column(np.repeat([2.0, 3.0], 10), edges)}
    current = {"x": profile_column(np.repeat([1.0, 4.0], 10), edges)}
    found = {drift.test: drift for drift in compare_profiles(reference, current, 0.05)}
    outer, inner = 0.75**2 + 0.25**2 / 3, 0.25**2 + 0.25**2 / 3  # the mean squares of ranks in [-1, 1]
    assert found["spread"].seen == pytest.approx((outer / inner) ** 0.5)
    assert (found["shift"].seen, found["shape"].seen) == (0.5, 0.5)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, -0.0446])
def test_a_column_that_stays_constant_has_not_drifted(value: float) -> None:
    found = find_drifts(np.full(442, value), np.full(60, value))
    assert [(drift.seen, drift.strength) for drift in found.values()] == [(0.5, 0), (1, 0), (0, 0), (0, 0), (1, 0)]


def test_a_constant_column_that_moves_or_starts_to_vary_has_drifted() -> None:
    assert {"shift", "shape", "peak"} <= name_drifted(np.full(100, 3.0), np.full(100, 3.1))
    assert {"spread", "shape", "peak"} <= name_drifted(np.full(100, 3.0), np.linspace(2, 4, 100))


@pytest.mark.parametrize(
    ("values", "changed", "seen"),
    [
        ([5.0], {5.0: 5.05}, "above 5"),
        ([5.0], {5.0: 4.999}, "below 5"),
        ([0.0], {0.0: 1e-9}, "above 0"),
        ([0, 1], {1: 0.9}, "between 0 and 1"),
        ([0, 1], {0: 1}, "1"),
        ([0, 1], {0: 0.1, 1: 0.9}, "between 0 and 1"),
        ([-0.0446, 0.0507], {0.0507: 0.05}, "between -0.0446 and 0.0507"),
        ([1e6, 1e6 + 1], {1e6 + 1: 1e6 + 0.5}, "between 1,000,000 and 1,000,001"),
        ([0, 1, 2], {2: 1.9}, "between 1 and 2"),
        (list(range(10)), {9: 8.8}, "between 8 and 9"),
    ],
)
def test_another_value_in_a_column_of_few_values_is_found(
    values: list[float], changed: dict[float, float], seen: str
) -> None:
    """The bins reached from value to value, so that a new value was in the bin of a known one."""
    column = np.resize(values, 442).astype(float)
    drifts = find_drifts(column, [changed.get(value, value) for value in column])
    assert drifts["peak"].drifted
    assert drifts["peak"].detail == seen


@pytest.mark.parametrize(
    "values", [[0.1], [0, 1], [1e-17, 1], [-0.044641636506989144, 0.05068011873981862], [1e-9, 1e9]]
)
def test_rounded_values_are_the_same_values(values: list[float]) -> None:
    """Files of single precision and of six digits have the distribution of the reference."""
    column = np.resize(values, 442).astype(float)
    assert name_drifted(column, [float(f"{value:.6g}") for value in column]) == set()
    assert name_drifted(column.astype("float32"), column) == set()


def test_a_value_that_less_than_three_percent_have_is_no_drift() -> None:
    """Chance can explain that a reference of 442 rows lacks a rare value."""
    column = np.resize([0.0, 1.0], 442)
    assert name_drifted(column, np.r_[column[10:], np.full(10, 0.5)]) == set()
    assert "peak" in name_drifted(column, np.r_[column[20:], np.full(20, 0.5)])


def test_a_new_date_between_two_known_ones_is_named() -> None:
    days = pd.to_datetime(np.resize(["1850-03-01", "2024-01-10"], 100))
    reference = make_reference(pd.DataFrame({"x": days}), [Column("x", kind="date")])
    assert isinstance(reference["x"], ColumnProfile)
    moved = profile_column(np.resize([-43770.0, 19000.0], 100), reference["x"].edges, "date")
    peak = {drift.test: drift for drift in compare_profiles(reference, {"x": moved}, 0.05)}["peak"]
    assert (peak.drifted, peak.detail) == (True, "between 1850-03-01 and 2024-01-10")
    piled = profile_column(np.full(100, 19732.0), reference["x"].edges, "date")
    peak = {drift.test: drift for drift in compare_profiles(reference, {"x": piled}, 0.05)}["peak"]
    assert (peak.drifted, peak.detail) == (True, "2024-01-10")


def test_a_peak_names_the_bin() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(10, 1, size=442)
    found = find_drifts(values, set_some(rng, values))
    assert (found["peak"].detail, found["peak"].seen) == ("at most 6.06", pytest.approx(60 / 442))
    edges = (19722.5, 19822.5, 19922.5, 20200.5)
    reference = {"x": profile_column(np.arange(19723.0, 20123.0), edges, "date")}
    late = profile_column(np.full(100, 19900.0), edges, "date")
    peak = select_strongest(d for d in compare_profiles(reference, {"x": late}, 0.05) if d.test == "peak")["x"]
    assert peak.detail == "between 2024-04-10 and 2024-07-18"


def profile_gaps(missing: int, rows: int) -> Profile:
    """Return the profile of a column in which some values are missing."""
    values = np.r_[np.full(missing, np.nan), np.linspace(0, 1, rows - missing)]
    return {"x": profile_column(values, (0.25, 0.5, 0.75))}


@pytest.mark.parametrize(
    ("known", "missing", "rows", "drifted"),
    [(0, 4, 442, False), (0, 12, 442, True), (44, 60, 442, False), (44, 90, 442, True), (44, 0, 442, False)],
)
def test_more_missing_values_than_in_the_reference_are_drift(
    known: int, missing: int, rows: int, drifted: bool
) -> None:
    found = {
        drift.test: drift for drift in compare_profiles(profile_gaps(known, 442), profile_gaps(missing, rows), 0.05)
    }
    assert found["missing"].drifted is drifted
    assert (found["missing"].seen, found["missing"].expected) == (missing / rows, known / 442)


def test_without_missing_values_they_are_not_tested() -> None:
    assert "missing" not in find_drifts(np.arange(100.0), np.arange(100.0))


def test_a_table_without_a_value_of_a_column_is_tested_for_missing_values_only() -> None:
    (found,) = compare_profiles(profile_gaps(0, 442), profile_gaps(442, 442), 0.05)
    assert (found.test, found.seen, found.drifted) == ("missing", 1.0, True)


def test_columns_without_a_reference_and_references_without_a_value_are_not_compared() -> None:
    """`mlops profile` wrote such references, and the data test divided by zero."""
    edges: dict[str, tuple[float, ...]] = {"x": (), "y": (0.0,)}
    reference = profile_frame(pd.DataFrame({"x": [np.nan] * 40, "y": [1.0] * 40}), edges)
    current = profile_frame(pd.DataFrame({"x": [1.0] * 40, "y": [1.0] * 40}), edges)
    assert not any(drift.drifted for drift in compare_profiles(reference, current, 0.05))
    assert compare_profiles({"x": reference["x"]}, {"y": current["y"]}, 0.05) == []


@pytest.mark.parametrize(("columns", "allowed"), [(1, 0.5906), (11, 0.6238)])
def test_the_rate_is_shared_by_all_columns(columns: int, allowed: float) -> None:
    """With more columns, each test allows a larger difference."""
    reference = make_reference(pd.DataFrame({f"x{index}": np.arange(100.0) for index in range(columns)}))
    assert compare_profiles(reference, reference, 0.05)[0].allowed == pytest.approx(allowed, abs=1e-4)


def test_columns_that_certainly_drift_leave_their_share_to_the_others() -> None:
    """Ten of eleven columns move by far, so that the limit of the last one is that of a table with one column."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(442, 11)), columns=[f"x{index}" for index in range(11)])
    reference = make_reference(frame)
    edges = {name: column.edges for name, column in reference.items()}
    alone = compare_profiles({"x0": reference["x0"]}, {"x0": reference["x0"]}, 0.05)
    found = compare_profiles(reference, profile_frame(frame.assign(x0=frame["x0"] - 3) + 3, edges), 0.05)
    assert found[0].column == "x0"
    assert found[0].allowed < 1.02 * alone[0].allowed


FIFTY = {f"v{place}": 20 for place in range(50)}  # as many as a profile lists


def count_mix(values: dict[str, int], other: int = 0) -> dict[str, ColumnProfile | CountProfile]:
    """Return the profile of a category."""
    return {"plan": CountProfile("category", sum(values.values()) + other, 0, values, other)}


@pytest.mark.parametrize(
    ("reference", "current", "drifted"),
    [
        (count_mix({"a": 300, "b": 142}), count_mix({"a": 280, "b": 142, "gold": 20}), {"new": "'gold'"}),
        (
            count_mix({"a": 300, "b": 142}),
            count_mix({"a": 250, "b": 142, "gold": 20, "silver": 25, "tin": 5}),
            {"new": "'silver' and 4.52% 'gold'"},
        ),
        (
            count_mix({"a": 300_000, "b": 142_000}),
            count_mix({"a": 300_000, **{f"new{place}": 14_200 for place in range(9)}, "b": 14_200}),
            {"new": "'new8', 3.21% 'new7', 3.21% 'new6', 3.21% 'new5', 3.21% 'new4' and 4 more"},
        ),
        (count_mix({"a": 300, "b": 142}), count_mix({"a": 296, "b": 142, "gold": 4}), {}),
        (count_mix({"a": 300, "b": 102}, 40), count_mix({"a": 290, "b": 102, "gold": 50}), {"new": "'gold'"}),
        (count_mix(FIFTY, 40), count_mix({**FIFTY, "gold": 30}), {}),  # perhaps one of the others
        (count_mix(FIFTY, 40), count_mix({**FIFTY, "gold": 80}), {"new": "'gold'"}),
        (count_mix({"a": 400, "b": 40, "c": 2}), count_mix({"a": 382, "b": 40, "c": 20}), {"peak": "'c'"}),
        (count_mix({"a": 300_000, "b": 142_000}), count_mix({"a": 298_000, "b": 142_000, "gold": 2000}), {}),
    ],
)
def test_a_new_or_growing_value_is_named(reference: Profile, current: Profile, drifted: dict[str, str]) -> None:
    found = {drift.test: drift for drift in compare_profiles(reference, current, 0.05)}
    assert {test: found[test].detail for test in ("new", "peak") if test in found and found[test].drifted} == drifted


def test_shares_that_differ_by_less_than_half_a_row_are_compared() -> None:
    """The counts are increased by a half before their index is measured, which makes these shares equal."""
    (found,) = [
        drift
        for drift in compare_profiles(count_mix({"x": 10, "y": 31}), count_mix({"x": 31, "y": 94}), 0.05)
        if drift.test == "mix"
    ]
    assert not found.drifted

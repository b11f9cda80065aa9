"""Drift: few false alarms, enough power, and no alarms for negligible differences. All rates are measured here."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from small_profiles import profile_frame

from mlops.data.drift import Drift, compare_profiles, measure_stability
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import Profile

SEEDS = range(150)


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    """20,000 rows, 11 columns: normal ones, a binary, counts, a skewed and two heavy-tailed ones."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(20_000, 11)), columns=[f"x{index}" for index in range(11)])
    return table.assign(
        x1=(table["x1"] > 0).astype(float),
        x2=np.exp(table["x2"] / 2),
        x3=rng.standard_t(8, size=20_000),
        x4=rng.exponential(size=20_000),
        x5=rng.poisson(3, size=20_000).astype(float),
    )


def find_drifted(reference: Profile, current: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the drifted columns as (column, test), at a false-alarm rate of 0.05."""
    edges = {name: column.edges for name, column in reference.items()}
    drifts = compare_profiles(reference, profile_frame(current, edges), false_alarm_rate=0.05)
    return {(drift.column, drift.test) for drift in drifts if drift.drifted}


def compare(reference: ArrayLike, current: ArrayLike) -> tuple[Drift, Drift]:
    """Compare one column: its shape and its spread."""
    profile = make_reference(pd.DataFrame({"x": reference}))
    shape, spread = compare_profiles(
        profile, profile_frame(pd.DataFrame({"x": current}), {"x": profile["x"].edges}), false_alarm_rate=0.05
    )
    return shape, spread


@pytest.mark.parametrize("rows", [442, 60])
def test_false_alarms_are_below_one_in_twenty(population: pd.DataFrame, rows: int) -> None:
    reference = make_reference(population)
    alarms = [bool(find_drifted(reference, population.sample(rows, random_state=seed))) for seed in SEEDS]
    assert np.mean(alarms) < 0.05


@pytest.mark.parametrize("rows", [442, pytest.param(60, marks=pytest.mark.slow)])
def test_false_alarms_are_as_rare_where_the_reference_is_a_sample_too(population: pd.DataFrame, rows: int) -> None:
    alarms = [
        bool(
            find_drifted(
                make_reference(population.sample(442, random_state=1000 + seed)),
                population.sample(rows, random_state=seed),
            )
        )
        for seed in SEEDS
    ]
    assert np.mean(alarms) < 0.05


def test_power_against_a_known_distribution(population: pd.DataFrame) -> None:
    """Shift one of eleven columns by 0.3 standard deviations in 442 rows, against a reference of many rows."""
    reference = make_reference(population)
    shifted = population.assign(x0=population["x0"] + 0.3 * population["x0"].std())
    caught = [("x0", "shape") in find_drifted(reference, shifted.sample(442, random_state=seed)) for seed in SEEDS]
    assert np.mean(caught) > 0.9


@pytest.mark.slow
def test_power_against_a_reference_of_442_rows(population: pd.DataFrame) -> None:
    """If the reference is as small as the table, both are uncertain, so only larger shifts are found."""
    caught = []
    for deviations in (0.3, 0.4):
        shifted = population.assign(x0=population["x0"] + deviations)
        found = [
            find_drifted(
                make_reference(population.sample(442, random_state=1000 + seed)),
                shifted.sample(442, random_state=seed),
            )
            for seed in SEEDS
        ]
        caught.append(np.mean([("x0", "shape") in drifted for drifted in found]))
    assert 0.5 < caught[0] < caught[1]
    assert caught[1] > 0.9


def test_a_table_that_shifts_as_a_whole_is_caught(population: pd.DataFrame) -> None:
    caught = [
        bool(
            find_drifted(
                make_reference(population.sample(442, random_state=1000 + seed)),
                population.sample(442, random_state=seed) + 0.3,
            )
        )
        for seed in SEEDS
    ]
    assert np.mean(caught) > 0.99


@pytest.mark.parametrize(("shift", "drifted"), [(0.05, False), (0.1, False), (0.2, True)])
def test_with_many_rows_a_shift_has_to_matter_too(shift: float, drifted: bool) -> None:
    """At 200,000 rows even 0.05 is significant; only 0.2 has a stability index above the floor of 0.02."""
    rng = np.random.default_rng(0)
    shape, _ = compare(rng.normal(size=200_000), rng.normal(shift, 1, size=200_000))
    assert shape.seen == pytest.approx(shift * 0.4, abs=0.005)  # the normal density at 0 is 0.4
    assert shape.drifted is drifted


def test_with_many_rows_a_spread_has_to_matter_too() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=200_000)
    assert compare(values, values * 1.05)[1].drifted is False
    assert compare(values, values * 1.15)[1].drifted is True


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.4, 2.0])
def test_a_changed_spread_is_caught_in_both_directions(factor: float) -> None:
    values = np.random.default_rng(0).normal(size=442)
    _, spread = compare(values, values * factor)
    assert (spread.seen, spread.drifted) == (pytest.approx(max(factor, 1 / factor)), True)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, -0.0446])
def test_a_column_that_stays_constant_has_not_drifted(value: float) -> None:
    shape, spread = compare(np.full(442, value), np.full(60, value))
    assert (shape.seen, shape.drifted) == (0.0, False)
    assert (spread.seen, spread.drifted) == (1.0, False)


def test_a_constant_column_that_moves_or_starts_to_vary_has_drifted() -> None:
    constant = np.full(100, 3.0)
    assert compare(constant, np.full(100, 3.1))[0].drifted is True
    assert compare(constant, np.linspace(2, 4, 100))[1].seen == np.inf


def test_a_column_without_values_or_without_reference_is_not_compared() -> None:
    reference = make_reference(pd.DataFrame({"x": [1.0, 2.0]}))
    edges = {"x": reference["x"].edges, "y": (0.0,)}
    assert compare_profiles(reference, profile_frame(pd.DataFrame({"x": [np.nan], "y": [1.0]}), edges), 0.05) == []


def test_a_reference_without_values_is_not_compared() -> None:
    """`mlops profile` wrote such references, and the data test divided by zero."""
    edges: dict[str, tuple[float, ...]] = {"x": (), "y": (0.0,)}
    reference = profile_frame(pd.DataFrame({"x": [np.nan] * 40, "y": [1.0] * 40}), edges)
    current = profile_frame(pd.DataFrame({"x": [1.0] * 40, "y": [1.0] * 40}), edges)
    assert {drift.column for drift in compare_profiles(reference, current, 0.05)} == {"y"}


@pytest.mark.parametrize(("columns", "allowed"), [(1, 0.2093), (11, 0.2604)])
def test_the_rate_is_shared_by_all_tests(columns: int, allowed: float) -> None:
    """There are two tests per column, so with more columns each test allows a larger distance."""
    reference = make_reference(pd.DataFrame({f"x{index}": np.arange(100.0) for index in range(columns)}))
    assert compare_profiles(reference, reference, 0.05)[0].allowed == pytest.approx(allowed, abs=1e-4)


def test_stability_index_by_hand() -> None:
    left, right = (make_reference(pd.DataFrame({"x": values}))["x"] for values in ([1.0] * 9, [1.0] * 9))
    assert measure_stability(left, right) == 0
    moved = profile_frame(pd.DataFrame({"x": [2.0] * 9}), {"x": left.edges})["x"]
    assert measure_stability(left, moved) == pytest.approx(2 * 9 / 10.5 * np.log(19))  # shares 9.5/10.5 and 0.5/10.5

"""Profiles: the profiles of parts merge into the profile of the whole."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_profiles import profile_frame

from mlops.data.kinds.reference import make_reference
from mlops.data.profile import (
    ColumnProfile,
    Profile,
    choose_edges,
    describe_reference,
    encode_profile,
    merge_columns,
    profile_column,
    read_profile,
)
from mlops.errors import UsageError
from mlops.problem import Column


def draw_table(seed: int, rows: int = 300) -> pd.DataFrame:
    """Return a table with missing and infinite values, ties, and a mean far from zero."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"normal": rng.normal(1e4, 1, rows), "few": rng.integers(0, 3, rows), "holes": rng.normal(size=rows)}
    )
    return table.assign(
        holes=table["holes"].mask(table.index % 7 == 0), normal=table["normal"].mask(table.index % 50 == 3, np.inf)
    )


def read_edges(table: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Return edges of the table's finite values."""
    return {str(name): choose_edges(values.replace(np.inf, np.nan)) for name, values in table.items()}


def merge(left: Mapping[str, ColumnProfile], right: Mapping[str, ColumnProfile]) -> dict[str, ColumnProfile]:
    """Merge the profiles of two tables with the same columns."""
    return {name: merge_columns(column, right[name]) for name, column in left.items()}


def assert_same(found: Mapping[str, ColumnProfile], expected: Mapping[str, ColumnProfile]) -> None:
    """Compare two profiles: counts exactly, moments to ten digits."""
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert replace(found[name], mean=column.mean, squares=column.squares) == column
        assert found[name].mean == pytest.approx(column.mean, rel=1e-10)
        assert found[name].squares == pytest.approx(column.squares, rel=1e-8)


def test_the_spread_of_large_numbers_keeps_its_digits() -> None:
    """The sum of 442 numbers of 1e18 has no digits left for a mean whose error is below their spread."""
    numbers = 2.0**60 + 256 * np.arange(442)
    assert profile_column(numbers, (0.0,)).squares == 256**2 * np.square(np.arange(442) - 220.5).sum()


@pytest.mark.parametrize("split", [0, 1, 2, 150, 299, 300])
@pytest.mark.parametrize("seed", range(5))
def test_parts_merge_into_the_whole(seed: int, split: int) -> None:
    table = draw_table(seed)
    edges = read_edges(table)
    left, right = (profile_frame(part, edges) for part in (table.iloc[:split], table.iloc[split:]))
    assert_same(merge(left, right), profile_frame(table, edges))
    assert_same(merge(right, left), profile_frame(table, edges))


def test_a_stream_of_batches_merges_into_the_whole() -> None:
    table = draw_table(seed=0)
    edges = read_edges(table)
    merged = profile_frame(table.head(0), edges)
    for start in range(0, 300, 37):
        merged = merge(merged, profile_frame(table.iloc[start : start + 37], edges))
    assert_same(merged, profile_frame(table, edges))


def test_a_column_in_numbers() -> None:
    found = profile_frame(pd.DataFrame({"x": [1, 2, 2, 9, None, np.inf]}), {"x": (2.0, 5.0)})["x"]
    assert (found.count, found.nulls, found.mean, found.squares) == (4, 2, 3.5, 41.0)
    assert (found.minimum, found.maximum, found.histogram) == (1, 9, (3, 0, 1))
    assert found.deviation == pytest.approx(np.std([1, 2, 2, 9]))


def test_no_rows_profile_as_nothing() -> None:
    found = profile_frame(pd.DataFrame({"x": []}), {"x": (0.0,)})["x"]
    assert (found.count, found.nulls, found.mean, found.deviation, found.histogram) == (0, 0, 0.0, 0.0, (0, 0))
    assert (found.minimum, found.maximum) == (None, None)


def test_edges_part_the_values_equally() -> None:
    assert choose_edges(pd.Series(range(1, 101)), bins=4) == (-11.375, 25.5, 50.5, 75.5, 112.375)
    assert choose_edges(pd.Series([np.nan])) == ()


@pytest.mark.parametrize(
    ("distinct", "edges"),
    [
        ([3.0], (2.99997, 3.00003)),
        ([0.0], (-1e-10, 1e-10)),
        ([0.0, 0.5], (-5e-11, 5e-11, 0.499995, 0.500005)),
        ([-43770.0, 2_932_896.0], (-43770.25, -43769.75, 2_932_895.75, 2_932_896.25)),  # 1850-03-01 and 9999-12-31
        ([0.5, 0.500008], (0.499998, 0.500002, 0.500006, 0.50001)),
        ([-1.7e150, 1.7e150], (-1.700017e150, -1.699983e150, 1.699983e150, 1.700017e150)),
    ],
)
def test_few_values_have_bins_of_their_own(distinct: list[float], edges: tuple[float, ...]) -> None:
    values = np.repeat(distinct, 10)
    found = choose_edges(pd.Series(values))
    assert found == pytest.approx(edges, rel=1e-12)
    assert profile_column(values, found).histogram == (0, 10) * len(distinct) + (0,)


def test_values_that_may_be_few_by_chance_have_no_bins_of_their_own() -> None:
    assert choose_edges(pd.Series([1.0, 2.0] * 9), bins=4) == (0.875, 1.5, 2.125)
    assert choose_edges(pd.Series(range(11)).repeat(10), bins=2) == (-2.5, 5.5, 12.5)


def test_neighbouring_numbers_have_bins_of_their_own() -> None:
    values = np.repeat([1.0, np.nextafter(1.0, 2.0)], 10)
    assert profile_column(values, choose_edges(pd.Series(values))).histogram == (0, 10, 10, 0)


def test_infinite_values_have_no_edge(tmp_path: Path) -> None:
    """An infinite edge was written as null, so the data test called the reference damaged."""
    values = pd.Series([*range(1, 101), np.inf, -np.inf, np.nan])
    assert choose_edges(values, bins=4) == (-11.375, 25.5, 50.5, 75.5, 112.375)
    reference = make_reference(pd.DataFrame({"x": values}))
    assert (reference["x"].count, reference["x"].nulls) == (100, 3)
    (tmp_path / "profile.json").write_bytes(encode_profile(reference))
    assert read_profile(tmp_path / "profile.json") == reference


def test_small_integers_do_not_overflow_between_two_values() -> None:
    assert choose_edges(pd.Series([100, 120] * 20, dtype="int8")) == (99.999, 100.001, 119.9988, 120.0012)
    assert choose_edges(pd.Series([1, 3, None], dtype="Int64"), bins=2) == (0.5, 2.0, 3.5)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"x": [True, False]}, "contains bool, but the problem declares numbers. Convert or remove it."),
        ({"x": [1 + 2j, 3]}, "contains complex128, but the problem declares numbers. Convert or remove it."),
        ({"x": ["a", "b"]}, "contains str, but the problem declares numbers. Convert or remove it."),
        ({"x": [np.nan, np.inf]}, "contains no finite number, so it cannot have a profile. Remove the column."),
        (
            {"x": pd.Series([], dtype="float64")},
            "contains no finite number, so it cannot have a profile. Remove the column.",
        ),
        ({"x": [1.0, -1e308]}, "contains -1e+308, which is too large for a profile. Correct or remove it."),
    ],
)
def test_a_column_that_has_no_profile_is_refused(columns: dict[str, list[float]], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        make_reference(pd.DataFrame(columns), [Column("x")])
    assert str(raised.value) == f"The column x {said}"


def test_a_column_that_occurs_twice_has_no_profile() -> None:
    with pytest.raises(UsageError, match=r"^The column x occurs more than once\. Rename or remove the duplicates\.$"):
        make_reference(pd.DataFrame([[1.0, 2.0]], columns=["x", "x"]))


def test_a_profile_is_read_as_it_was_written(tmp_path: Path, good: pd.DataFrame) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(encode_profile(make_reference(good)))
    assert read_profile(path) == make_reference(good)


def test_a_profile_of_no_rows_is_read_as_it_was_written(tmp_path: Path) -> None:
    empty = profile_frame(pd.DataFrame({"x": []}), {"x": (0.0,)})
    path = tmp_path / "profile.json"
    path.write_bytes(encode_profile(empty))
    assert read_profile(path) == empty


def test_the_committed_reference_is_the_sample_s(good: pd.DataFrame, reference: Profile) -> None:
    expected = make_reference(good)
    assert list(reference) == list(expected)
    for name, column in expected.items():
        found = reference[name]
        assert isinstance(found, ColumnProfile)
        assert isinstance(column, ColumnProfile)
        assert (found.count, found.kind, found.histogram) == (442, "number", column.histogram)


@pytest.mark.parametrize("content", [None, "", "[]", '{"AGE": {"count": 1}}', "\xff"])
def test_a_bad_profile_says_how_to_make_one(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(
        UsageError,
        match=r"reference profile .*profile\.json.*\. Make one with `mlops profile DATA_FILE --output /.*\.json`\.",
    ):
        read_profile(path)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("x", {"histogram": [1, 2, 3]}),
        ("x", {"histogram": [0] * 22}),
        ("x", {"edges": [], "histogram": [100]}),
        ("x", {"edges": [float(edge) for edge in range(21, 0, -1)]}),
        ("x", {"count": -5}),
        ("x", {"nulls": -1}),
        ("x", {"squares": -5.0}),
        ("x", {"minimum": None}),
        ("x", {"minimum": 1e9}),
        ("c", {"count": 10}),
        ("c", {"nulls": -1}),
        ("c", {"values": {"a": 103, "b": -3}}),
        ("c", {"other": 2}),
        ("c", {"other": -100, "count": 0}),
        ("c", {"bins": [1, 2, 3]}),
    ],
)
def test_a_profile_whose_numbers_contradict_each_other_is_refused(
    tmp_path: Path, name: str, changed: dict[str, object]
) -> None:
    """The data test ended with a traceback, or passed and tested nothing."""
    frame = pd.DataFrame({"x": np.arange(100.0), "c": ["a", "b"] * 50})
    stored = json.loads(encode_profile(make_reference(frame, [Column("x"), Column("c", kind="category")])))
    stored[name].update(changed)
    (tmp_path / "profile.json").write_text(json.dumps(stored))
    with pytest.raises(
        UsageError, match=rf"is damaged \(the numbers of the column {name} contradict each other\)\. Make"
    ):
        read_profile(tmp_path / "profile.json")


def test_columns_that_the_reference_lacks_are_named() -> None:
    reference = make_reference(
        pd.DataFrame({"a": np.arange(12.0), "b": np.arange(12.0), "c": [*range(9), *[np.nan] * 3]})
    )
    known = (Column("a"), Column("b", role="target"))
    unwatched = (Column("day", watch_drift=False), Column("key", kind="id", role="id"), Column("note", role="ignored"))
    assert describe_reference(reference, (*known, *unwatched), Path("p.json")) == "reference: 12 rows, 3 columns"
    assert describe_reference(reference, (*known, Column("c"), Column("d")), Path("p.json")) == (
        "reference: 12 rows, 3 columns\nThe reference has fewer than 10 values of these columns, so they are not "
        "tested for drift: c, d. Make one with `mlops profile DATA_FILE --output p.json`."
    )


def test_the_reference_of_another_problem_is_refused() -> None:
    reference = make_reference(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(UsageError) as raised:
        describe_reference(reference, (Column("key", kind="id", role="id"), Column("b")), Path("p.json"))
    assert str(raised.value) == (
        "The reference profile p.json has none of the columns that the problem declares. "
        "Make one with `mlops profile DATA_FILE --output p.json`."
    )

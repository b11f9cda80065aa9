"""The data test of columns that are not numbers: text, booleans, dates and ids."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_profiles import scan_frame

from mlops.data.drift import compare_profiles
from mlops.data.kinds.counts import LIMIT, MOST, CountProfile, count_bins
from mlops.data.kinds.reference import make_reference
from mlops.data.profile import Profile, encode_profile, read_profile
from mlops.data.scan import TableScan, scan_file
from mlops.data.validation import find_violations
from mlops.errors import UsageError
from mlops.problem import Column

COLUMNS = (
    Column("customer", kind="id"),
    Column("plan", kind="category", allowed=("basic", "plus"), min_share=0.2),
    Column("paid", kind="boolean", max_missing=0.1, min_share=0.1),
    Column("begin", kind="date", minimum=date(2020, 1, 1), maximum=date(2024, 12, 31)),
    Column("remark", kind="category", role="ignored"),
    Column("x"),
)


def make_rows(rows: int = 400, **changes: Any) -> pd.DataFrame:
    """Return rows that meet the rules of `COLUMNS`, with some columns changed."""
    numbers = np.arange(rows)
    frame = pd.DataFrame(
        {
            "customer": [f"C{number:04d}" for number in numbers],
            "plan": np.where(numbers % 4, "basic", "plus"),
            "paid": pd.Series(numbers % 2 == 0).astype(object).mask(numbers % 20 == 3, None),
            "begin": np.datetime64("2020-01-01") + (numbers % 365).astype("timedelta64[D]"),
            "remark": ["said that he moves"] * rows,
            "x": numbers / rows,
        }
    )
    return frame.assign(**changes)


def put(column: str, rows: list[int], value: object) -> pd.DataFrame:
    """Return the rows of `make_rows` with some values of a column replaced."""
    changed = make_rows().astype({column: "object"})
    changed.loc[rows, column] = value
    return changed


REFERENCE = make_reference(make_rows(), COLUMNS)
BROKEN = {
    "a repeated id": (
        put("customer", [7, 9], "C0001"),
        ["customer: unique: 2 values already in an earlier row, for example 'C0001'; allowed: each value once"],
    ),
    "an id without a value": (
        put("customer", [7], None),
        ["customer: missing: 1 missing value, the first in row 8, counted from 1; allowed: none"],
    ),
    "a plan that is not allowed": (
        put("plan", [1, 2], "gold"),
        ["plan: values: 2 values not in the list, the first 'gold'; allowed: basic, plus"],
    ),
    "too few rows with a plan": (
        make_rows(plan=["basic"] * 340 + ["plus"] * 60),
        [
            "plan: share: 'plus' is 15.0% of the values; allowed: each at least 20.0%",
            "plan: mix: total variation distance 0.100 from the reference; allowed: at most 0.0672",
        ],
    ),
    "a text in a boolean": (
        put("paid", [5], "maybe"),
        ["paid: type: 1 value of another kind, the first 'maybe'; allowed: true and false, or 1 and 0"],
    ),
    "only true": (
        make_rows(paid=True),
        [
            "paid: share: 'false' is 0% of the values; allowed: each at least 10.0%",
            "paid: mix: total variation distance 0.474 from the reference; allowed: at most 0.0709",
        ],
    ),
    "a text in a date": (
        put("begin", [5, 6], "soon"),
        ["begin: type: 2 values of another kind, the first 'soon'; allowed: dates such as 2024-01-31"],
    ),
    "a date that is too late": (
        put("begin", [5], pd.Timestamp("2031-05-06")),
        ["begin: range: 1 value outside, the furthest 2031-05-06; allowed: [2020-01-01, 2024-12-31]"],
    ),
    "a date that is too early": (
        put("begin", [5], pd.Timestamp("1969-12-31")),
        ["begin: range: 1 value outside, the furthest 1969-12-31; allowed: [2020-01-01, 2024-12-31]"],
    ),
    "a date with a time of day": (
        put("begin", [5, 7], pd.Timestamp("2024-12-31 23:59")),
        [
            "begin: type: 2 values of another kind, the first '2024-12-31 23:59:00'; allowed: dates such as 2024-01-31 "
            "(drop the time of day, or compute a number, such as hours)"
        ],
    ),
    "later dates, which are not watched": (make_rows(begin=pd.Timestamp("2024-12-31")), []),
    "another ignored text": (make_rows(remark=range(400)), []),
}


def write(frame: pd.DataFrame, path: Path) -> str:
    """Write a table, in which a column with several types becomes text, as CSV or Parquet, and return its path."""
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
        return str(path)
    texts = {name: frame[name].map(str, na_action="ignore") for name in ("customer", "plan", "paid", "begin", "remark")}
    frame.assign(**texts).to_parquet(path)
    return str(path)


@pytest.mark.parametrize("name", ["data.csv", "data.parquet", ""])
def test_good_rows_pass_from_every_format(tmp_path: Path, name: str) -> None:
    scan = (
        scan_file(write(make_rows(), tmp_path / name), COLUMNS, REFERENCE)
        if name
        else scan_frame(make_rows(), COLUMNS, REFERENCE)
    )
    assert find_violations(scan, COLUMNS, REFERENCE) == []
    assert set(scan.others) == {"customer", "plan", "paid", "begin"}


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_rule_names_what_it_saw_and_what_it_allows(tmp_path: Path, name: str, broken: str) -> None:
    frame, said = BROKEN[broken]
    scan = scan_file(write(frame, tmp_path / name), COLUMNS, REFERENCE)
    assert [str(found) for found in find_violations(scan, COLUMNS, REFERENCE)] == said


def test_dates_drift_if_they_are_watched() -> None:
    columns = (Column("begin", kind="date", watch_drift=True), Column("x", watch_drift=False))
    moved = make_rows(begin=make_rows()["begin"] + pd.Timedelta(days=200), x=9.0)[["begin", "x"]]
    (found,) = find_violations(scan_frame(moved, columns, REFERENCE), columns, REFERENCE, max_duplicate_share=1)
    assert str(found) == (
        "begin: peak: 47.8% of the values are above 2021-01-09 (reference: 0%); allowed: at most 3.00%"
    )


def test_a_reference_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        scan_frame(make_rows(), [Column("plan", kind="category")], make_reference(pd.DataFrame({"plan": [1.0, 2.0]})))
    assert str(raised.value) == (
        "The reference profile has the kind 'number' for the column plan, but the problem declares 'category'. "
        "Make one with `mlops profile DATA_FILE --output src/PACKAGE/reference_profile.json`."
    )


def test_codes_of_a_category_keep_all_digits() -> None:
    """With six digits, 1234567 and 1234568 were the same code."""
    codes = pd.DataFrame({"code": [1234567.0, 1234568.0, np.nan, 1.5]})
    scan = scan_frame(codes, [Column("code", kind="category", allowed=("1234567", "1.5"))], {})
    assert (scan.others["code"].refused, scan.others["code"].first_refused) == (1, "1234568")
    assert scan.copies == 0


def test_a_profile_of_every_kind_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_bytes(encode_profile(REFERENCE))
    assert read_profile(tmp_path / "profile.json") == REFERENCE
    assert list(REFERENCE) == ["customer", "plan", "paid", "begin", "x"]
    assert REFERENCE["customer"] == CountProfile("id", 400, 0, {}, 400)
    assert REFERENCE["plan"] == CountProfile("category", 400, 0, {"basic": 300, "plus": 100}, 0)
    assert REFERENCE["paid"] == CountProfile("boolean", 380, 20, {"false": 180, "true": 200}, 0)


def test_the_profile_of_a_category_has_the_frequent_values_but_none_that_occurs_once() -> None:
    values = [f"v{number}" for number in range(MOST + 10) for _ in range(number + 1)]
    profile = make_reference(pd.DataFrame({"note": values}))["note"]
    assert isinstance(profile, CountProfile)
    assert (len(profile.values), next(iter(profile.values.items()))) == (MOST, ("v59", 60))
    assert profile.other == sum(range(1, 11))
    names = make_reference(pd.DataFrame({"note": [f"name {number % LIMIT}" for number in range(LIMIT)]}))["note"]
    assert isinstance(names, CountProfile)
    assert (names.values, names.other, sum(names.bins), len(names.bins)) == ({}, LIMIT, LIMIT, 64)
    assert max(names.bins) < 40  # 16 on average


def test_the_bin_of_a_value_is_the_same_everywhere() -> None:
    """A profile has the bins of the machine and the version that wrote it."""
    bins = count_bins(["basic", "Zürich"], [3, 5])
    assert {place: count for place, count in enumerate(bins) if count} == {19: 3, 62: 5}
    assert count_bins([], []) == ()


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", ["a", "b"], "id"),
        ("customerId", [1, 2], "id"),
        ("ID", ["a", "b"], "id"),
        ("paid", [1, 2], "number"),
        ("valid", ["a", "b"], "category"),
        ("begin", ["2024-01-31", None], "date"),
        ("begin", ["2024-01-31", "soon"], "category"),
        ("begin", pd.to_datetime(["2024-01-31", "2024-02-01"]), "date"),
        ("paid", [True, False], "boolean"),
        ("paid", pd.Series([True, None], dtype="object"), "boolean"),
        ("x", [1.5, None], "number"),
    ],
)
def test_the_kind_of_an_undeclared_column_is_inferred(name: str, values: Any, kind: str) -> None:
    assert make_reference(pd.DataFrame({name: values}))[name].kind == kind


def scan_mix(shares: list[float], rows: int, seed: int, reference: Profile) -> TableScan:
    """Return the scan of random values of a category with these shares."""
    values = np.random.default_rng(seed).choice([f"v{place}" for place in range(len(shares))], rows, p=shares)
    return scan_frame(pd.DataFrame({"v": values}), [Column("v", kind="category")], reference)


@pytest.mark.parametrize(
    "shares",
    [
        pytest.param([0.5, 0.5], marks=pytest.mark.slow),
        pytest.param([0.98, 0.02], marks=pytest.mark.slow),
        [0.4, 0.3, 0.2, 0.05, 0.03, 0.01, 0.005, 0.005],
    ],
)
def test_values_of_the_same_distribution_raise_few_alarms(shares: list[float]) -> None:
    alarms = 0
    for seed in range(200):
        rows = [f"v{place}" for place in np.random.default_rng(1000 + seed).choice(len(shares), 400, p=shares)]
        reference = make_reference(pd.DataFrame({"v": rows}))
        scan = scan_mix(shares, 300, seed, reference)
        alarms += compare_profiles(reference, scan.select_profile(reference), 0.05)[0].drifted
    assert alarms <= 20  # 10 are expected, and more than 20 would have a probability of 0.1 %


def count_mix(counts: dict[str, int]) -> Profile:
    """Return the profile of a category whose values occur so often."""
    return {"v": CountProfile("category", sum(counts.values()), 0, counts, 0)}


def test_a_small_change_of_a_large_table_is_no_drift_but_new_values_are() -> None:
    reference = count_mix({"v0": 500_000, "v1": 500_000})
    small = compare_profiles(reference, count_mix({"v0": 510_000, "v1": 490_000}), 0.05)
    assert [(drift.test, drift.seen, drift.drifted) for drift in small] == [
        ("mix", pytest.approx(0.01), False),
        ("peak", pytest.approx(0.51), False),
    ]
    found = compare_profiles(reference, count_mix({"v0": 400, "v1": 400, "v2": 200}), 0.05)
    assert [(drift.test, drift.drifted) for drift in found] == [("mix", True), ("peak", False), ("new", True)]
    assert (found[0].seen, found[2].seen, found[2].detail) == (pytest.approx(0.2, abs=0.001), 0.2, "'v2'")


def test_the_measures_of_all_kinds_are_shown() -> None:
    table = scan_frame(make_rows(), COLUMNS, REFERENCE)
    assert table.measured == ["customer", "plan", "paid", "begin", "x"]
    shown = table.describe(table.measured)
    assert shown.loc["paid", ["count", "missing %", "most frequent"]].tolist() == [380, 5.0, "true (52.6%)"]
    assert shown.loc["begin", ["mean", "min", "max"]].tolist() == ["2020-06-16", "2020-01-01", "2020-12-30"]
    assert shown.loc["plan", "most frequent"] == "basic (75.0%)"
    assert "most frequent" not in table.describe(["x"])


def test_too_many_unexpected_values_are_not_named() -> None:
    column = Column("name", kind="category")
    reference = make_reference(pd.DataFrame({"name": [f"a{place}" for place in range(2000)]}), [column])
    table = pd.DataFrame({"name": [*(f"b{place}" for place in range(1600)), *["unknown"] * 400]})
    found = find_violations(scan_frame(table, [column], reference), [column], reference, max_duplicate_share=1.0)
    assert [violation.rule for violation in found] == ["mix"]
    assert found[0].seen.startswith("total variation distance 0.198 from the reference, ")
    assert found[0].seen.endswith(", with too many unexpected values to name them")


@pytest.mark.parametrize("name", ["count", "values", ""])
def test_a_category_can_have_any_name(name: str) -> None:
    scan = scan_frame(pd.DataFrame({name: ["a", "b", "a"]}), [Column(name, kind="category")], {})
    assert scan.others[name].counts.values == {"a": 2, "b": 1}

"""The data test: the good file passes, and every mutation of it is found with its own rule."""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from progression import problem
from small_profiles import scan_frame

from mlops.data.kinds.reference import make_reference
from mlops.data.profile import Profile
from mlops.data.scan import scan_file
from mlops.data.tables import read_table
from mlops.data.validation import Violation, require_valid
from mlops.data.validation import find_violations as find_in_scan
from mlops.errors import DataTestFailed, UsageError
from mlops.problem import Column

RULES = problem.columns
COLUMNS = tuple(column.name for column in RULES)
Mutate = Callable[[pd.DataFrame], pd.DataFrame]


def put(frame: pd.DataFrame, column: str, rows: list[int], values: list[float]) -> pd.DataFrame:
    """Return the frame with some values of a column replaced."""
    changed = frame.copy()
    changed.loc[rows, column] = values
    return changed


def find_violations(
    frame: pd.DataFrame | str, rules: Sequence[Column], reference: Profile, **limits: float
) -> list[Violation]:
    """Test a table in memory, or a file."""
    scan = scan_file(frame, rules, reference) if isinstance(frame, str) else scan_frame(frame, rules, reference)
    return find_in_scan(scan, rules, reference, **limits)


def name_rules(found: list[Violation]) -> set[str]:
    """Return the broken rules as "column:rule"."""
    return {f"{violation.column}:{violation.rule}" for violation in found}


def test_the_good_file_passes(good: pd.DataFrame, reference: Profile) -> None:
    assert find_violations(good, RULES, reference) == []


@pytest.mark.parametrize("share", [0.6, 0.75, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_subsamples_pass(good: pd.DataFrame, reference: Profile, seed: int, share: float) -> None:
    assert find_violations(good.sample(frac=share, random_state=seed), RULES, reference) == []


@pytest.mark.parametrize("seed", range(10))
def test_bootstrap_resamples_pass_where_copies_are_allowed(good: pd.DataFrame, reference: Profile, seed: int) -> None:
    resample = good.sample(frac=1, replace=True, random_state=seed)
    assert find_violations(resample, RULES, reference, max_duplicate_share=1.0) == []
    assert name_rules(find_violations(resample, RULES, reference)) == {"(table):duplicates"}


HARMLESS: dict[str, Mutate] = {
    "integer target": lambda good: good.assign(Y=good["Y"].astype("int64")),
    "nullable integer target": lambda good: good.assign(Y=good["Y"].astype("Int64")),
    "single precision": lambda good: good.astype("float32"),
    "written with nine digits": lambda good: good.round(9),
    "columns reordered": lambda good: good[list(reversed(COLUMNS))],
    "rows reordered": lambda good: good.sample(frac=1, random_state=0),
    "thirty rows": lambda good: good.sample(30, random_state=0),
    "four copies in 446 rows": lambda good: pd.concat([good, good.head(4)], ignore_index=True),
}


@pytest.mark.parametrize("mutate", HARMLESS.values(), ids=HARMLESS)
def test_what_changes_nothing_passes(good: pd.DataFrame, reference: Profile, mutate: Mutate) -> None:
    assert find_violations(mutate(good), RULES, reference) == []


ALL = "the columns AGE, SEX, BMI, BP, S1, S2, S3, S4, S5, S6, Y"
# By name: the mutation, every rule that it breaks, and one violation as it is written.
MUTANTS: dict[str, tuple[Mutate, set[str], str]] = {
    "column dropped": (
        lambda good: good.drop(columns="BMI"),
        {"BMI:columns"},
        f"BMI: columns: missing; allowed: {ALL}",
    ),
    "two columns dropped": (
        lambda good: good.drop(columns=["BMI", "Y"]),
        {"BMI, Y:columns"},
        f"BMI, Y: columns: missing; allowed: {ALL}",
    ),
    "column renamed": (
        lambda good: good.rename(columns={"BMI": "bmi"}),
        {"bmi:columns", "BMI:columns"},
        f"bmi: columns: unexpected; allowed: {ALL}",
    ),
    "column added": (
        lambda good: good.assign(S7=1.0),
        {"S7:columns"},
        f"S7: columns: unexpected; allowed: {ALL}",
    ),
    "columns with odd names": (
        lambda good: good.assign(**{"new\nline": 1.0, " S7": 1.0, "a, b": 1.0, "x" * 300: 1.0}),
        {f"'new\\nline', ' S7', 'a, b', {'x' * 60}…:columns"},
        f"'new\\nline', ' S7', 'a, b', {'x' * 60}…: columns: unexpected; allowed: {ALL}",
    ),
    "column duplicated": (
        lambda good: pd.concat([good, good[["BMI"]]], axis="columns"),
        {"BMI:columns"},
        "BMI: columns: occurs more than once; allowed: each column once",
    ),
    "text": (
        lambda good: good.assign(BMI="n/k"),
        {"BMI:type"},
        "BMI: type: str, for example n/k; allowed: numbers",
    ),
    "booleans": (
        lambda good: good.assign(SEX=good["SEX"] > 0),
        {"SEX:type"},
        "SEX: type: bool, for example True; allowed: numbers",
    ),
    "dates": (
        lambda good: good.assign(Y=pd.Timestamp("2026-01-02")),
        {"Y:type"},
        "for example 2026-01-02 00:00:00; allowed: numbers",
    ),
    "one value missing": (
        lambda good: put(good, "BMI", [7], [np.nan]),
        {"BMI:missing"},
        "BMI: missing: 1 missing value, the first in row 8, counted from 1; allowed: none",
    ),
    "all values missing": (
        lambda good: good.assign(BMI=np.nan),
        {"BMI:missing"},
        "BMI: missing: 442 missing values, the first in row 1, counted from 1; allowed: none",
    ),
    "infinity": (
        lambda good: put(good, "BMI", [7], [np.inf]),
        {"BMI:range"},
        "BMI: range: 1 value outside, the furthest inf; allowed: [-0.5, 0.5]",
    ),
    "both infinities": (
        lambda good: put(good, "BMI", [7, 8], [np.inf, -np.inf]),
        {"BMI:range"},
        "BMI: range: 2 values outside, the furthest inf; allowed: [-0.5, 0.5]",
    ),
    "one value out of range, one missing": (
        lambda good: put(good, "BMI", [7, 9], [-0.6, np.nan]),
        {"BMI:range", "BMI:missing"},
        "BMI: range: 1 value outside, the furthest -0.6; allowed: [-0.5, 0.5]",
    ),
    "target below zero": (
        lambda good: put(good, "Y", [0], [-1.0]),
        {"Y:range"},
        "Y: range: 1 value outside, the furthest -1.00; allowed: [0.0, 500.0]",
    ),
    "rows twice": (
        lambda good: pd.concat([good, good], ignore_index=True),
        {"(table):duplicates"},
        "(table): duplicates: 50.0% of the rows are copies of an earlier row; allowed: at most 1.0%",
    ),
    "five copies in 447 rows": (
        lambda good: pd.concat([good, good.head(5)], ignore_index=True),
        {"(table):duplicates"},
        "(table): duplicates: 1.12% of the rows are copies of an earlier row; allowed: at most 1.00%",
    ),
    "too few rows": (
        lambda good: good.sample(29, random_state=0),
        {"(table):rows"},
        "(table): rows: 29 rows, 1 too few; allowed: 30 or more",
    ),
    "no rows": (
        lambda good: good.head(0),
        {"(table):rows"},
        "(table): rows: 0 rows, 30 too few; allowed: 30 or more",
    ),
    "no rows and no types, as from a CSV file with a header only": (
        lambda good: good.head(0).astype(object),
        {"(table):rows"},
        "(table): rows: 0 rows, 30 too few; allowed: 30 or more",
    ),
    "no columns": (
        lambda good: good[[]],
        {f"{', '.join(COLUMNS)}:columns"},
        f"{', '.join(COLUMNS)}: columns: missing; allowed: {ALL}",
    ),
    "nothing at all": (
        lambda good: pd.DataFrame(),
        {"(table):rows", f"{', '.join(COLUMNS)}:columns"},
        "(table): rows: 0 rows, 30 too few; allowed: 30 or more",
    ),
}


@pytest.mark.parametrize(("mutate", "rules", "line"), MUTANTS.values(), ids=MUTANTS)
def test_every_mutant_is_caught_for_its_reason(
    good: pd.DataFrame, reference: Profile, mutate: Mutate, rules: set[str], line: str
) -> None:
    found = find_violations(mutate(good), RULES, reference)
    assert name_rules(found) == rules
    assert line in "\n".join(str(violation) for violation in found)


def test_a_value_that_is_barely_outside_does_not_look_as_if_it_were_inside(
    good: pd.DataFrame, reference: Profile
) -> None:
    (found,) = find_violations(put(good, "BMI", [7], [0.50004]), RULES, reference)
    assert str(found) == "BMI: range: 1 value outside, the furthest 0.50004; allowed: [-0.5, 0.5]"


def test_the_furthest_value_is_the_one_with_the_largest_distance_from_the_range() -> None:
    rule = Column("x", minimum=100.0, maximum=200.0)
    for values, furthest in (([50.0, 201.0], "50.0"), ([200.0004, 150.0], "200.0004"), ([-math.inf, 201.0], "-inf")):
        (found,) = find_violations(pd.DataFrame({"x": values}), [rule], {}, min_rows=1)
        assert found.seen.endswith(f"the furthest {furthest}"), found.seen


@pytest.mark.parametrize(
    ("minimum", "maximum", "values", "furthest"),
    [
        (-math.inf, 10.0, [-math.inf, 11.0], "11.0"),
        (0.0, math.inf, [math.inf, -2.0], "-2.00"),
        (0.0, 10.0, [math.inf, -2.0], "inf"),
    ],
)
def test_an_infinite_value_at_an_infinite_limit_is_not_the_furthest(
    minimum: float, maximum: float, values: list[float], furthest: str
) -> None:
    rule = Column("x", minimum=minimum, maximum=maximum)
    (found,) = find_violations(pd.DataFrame({"x": values}), [rule], {}, min_rows=1)
    assert found.seen.endswith(f"outside, the furthest {furthest}"), found.seen


def test_a_share_just_above_the_limit_has_the_digits_that_show_it() -> None:
    frame = pd.DataFrame({"x": [*range(9896), *range(104)]})
    (found,) = find_violations(frame, [Column("x", minimum=0.0, maximum=9999.0)], {})
    assert str(found) == "(table): duplicates: 1.04% of the rows are copies of an earlier row; allowed: at most 1.0%"


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("factor", [100, 1.5, 0.5])
def test_a_scaled_column_is_caught(good: pd.DataFrame, reference: Profile, column: str, factor: float) -> None:
    found = find_violations(good.assign(**{column: good[column] * factor}), RULES, reference)
    assert {violation.column for violation in found} == {column}
    assert {violation.rule for violation in found} & {"shift", "spread", "scale", "peak"}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("deviations", [0.5, -0.5])
def test_a_shifted_column_is_caught(good: pd.DataFrame, reference: Profile, column: str, deviations: float) -> None:
    shifted = good.assign(**{column: good[column] + deviations * good[column].std()})
    found = find_violations(shifted, RULES, reference)
    assert {violation.column for violation in found} == {column}
    # In a column with few values, the new values lie between the old ones, and in Y, some are below 0.
    assert {violation.rule for violation in found} <= {"shift", "peak", "range"}


def test_only_the_strongest_difference_of_a_column_is_reported(good: pd.DataFrame, reference: Profile) -> None:
    (moved,) = find_violations(good.assign(S6=good["S6"] + 0.5 * good["S6"].std()), RULES, reference)
    assert str(moved) == (
        "S6: shift: values are larger than those of the reference with a probability of 0.650 (0.5 without drift); "
        "allowed: at most 0.559"
    )
    (wider,) = find_violations(good.assign(S6=good["S6"] * 1.5), RULES, reference)
    assert str(wider) == "S6: spread: the spread of the ranks grew by a factor of 1.23; allowed: at most 1.11"
    (same,) = find_violations(good.assign(S6=good["S6"].where(good.index > 59, 0.0)), RULES, reference)
    assert str(same) == (
        "S6: peak: 17.6% of the values are between -0.00315 and 0.000993 (reference: 4.30%); allowed: at most 12.0%"
    )


def test_more_missing_values_than_in_the_reference_break_a_rule_even_if_they_are_allowed(
    good: pd.DataFrame, reference: Profile
) -> None:
    rules = [replace(rule, max_missing=0.5) if rule.name == "S6" else rule for rule in RULES]
    gaps = good.assign(S6=good["S6"].where(good.index % 10 > 0))
    (found,) = find_violations(gaps, rules, reference)
    assert str(found) == "S6: missing: 10.2% of the values are missing (reference: 0%); allowed: at most 2.72%"
    (found,) = find_violations(gaps, RULES, reference)
    assert str(found) == "S6: missing: 45 missing values, the first in row 1, counted from 1; allowed: none"


def test_infinite_values_are_not_called_missing(good: pd.DataFrame, reference: Profile) -> None:
    rules = [replace(rule, minimum=None, maximum=None) if rule.name == "S6" else rule for rule in RULES]
    (found,) = find_violations(put(good, "S6", list(range(20)), [np.inf] * 20), rules, reference)
    assert str(found).startswith("S6: missing: 4.52% of the values are missing or infinite (reference: 0%)")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_constant_column_is_caught(good: pd.DataFrame, reference: Profile, column: str) -> None:
    found = find_violations(good.assign(**{column: good[column].median()}), RULES, reference)
    assert {violation.column for violation in found} == {column}


DISTINCT = ("SEX", "S4", "Y")  # their distributions are like no other column's


@pytest.mark.parametrize(
    ("left", "right"), [pair for pair in itertools.combinations(COLUMNS, 2) if set(pair) & set(DISTINCT)]
)
def test_a_swap_with_a_column_of_another_distribution_is_caught(
    good: pd.DataFrame, reference: Profile, left: str, right: str
) -> None:
    found = find_violations(good.assign(**{left: good[right], right: good[left]}), RULES, reference)
    assert {violation.column for violation in found} == {left, right}


def test_a_swap_of_columns_of_one_distribution_is_beyond_it(good: pd.DataFrame, reference: Profile) -> None:
    """A profile treats each column alone. S1 and S2 have the same scale and differ only in their relation to others."""
    assert find_violations(good.assign(S1=good["S2"], S2=good["S1"]), RULES, reference) == []


def test_the_one_text_among_numbers_is_named(good: pd.DataFrame, reference: Profile) -> None:
    text = good["BMI"].astype(str).where(good.index != 5, "n/k")
    (violation,) = find_violations(good.assign(BMI=text), RULES, reference)
    assert "n/k" in str(violation)


def test_the_row_of_a_missing_value_is_a_number_whatever_the_index(good: pd.DataFrame, reference: Profile) -> None:
    same_label = put(good, "BMI", [7], [np.nan]).set_axis(["patient"] * len(good))
    (violation,) = find_violations(same_label, RULES, reference)
    assert violation.seen == "1 missing value, the first in row 8, counted from 1"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [400, 30_000])
@pytest.mark.parametrize(
    "values",
    [[1.0, -1.0, 1e308, -1e308], [1e308], [1e200, -2e200, 3e200], [1.0]],
    ids=["few", "one", "all", "constant"],
)
def test_values_whose_squares_are_infinite_are_no_nonsense(values: list[float], rows: int) -> None:
    """Neither with polars, nor with numpy for a short table."""
    reference = make_reference(pd.DataFrame({"x": np.linspace(-1, 1, 400)}))
    table = pd.DataFrame({"x": np.resize(values, rows)})
    found = [str(violation) for violation in find_violations(table, [Column("x")], reference, max_duplicate_share=1.0)]
    assert found
    assert [said for said in found if re.search(r"\b(inf|nan)\b", said)] == []


def test_require_valid_lists_every_violation() -> None:
    violations = [Violation("BMI", "missing", "1 missing value", "none"), Violation("Y", "range", "501", "[0, 500]")]
    with pytest.raises(DataTestFailed) as raised:
        require_valid(violations, "data.csv")
    assert str(raised.value).splitlines() == [
        "The data file data.csv breaks 2 rules.",
        "  BMI: missing: 1 missing value; allowed: none",
        "  Y: range: 501; allowed: [0, 500]",
    ]


def test_require_valid_lets_a_good_table_through() -> None:
    assert require_valid([], "data.csv") is None


def write_both(frame: pd.DataFrame, folder: Path) -> tuple[str, str]:
    """Write a table as CSV and as Parquet."""
    csv, parquet = folder / "data.csv", folder / "data.parquet"
    frame.to_csv(csv, index=False)
    frame.to_parquet(parquet)
    return str(csv), str(parquet)


EITHER_FORMAT = ["column dropped", "text", "booleans", "one value missing", "infinity", "rows twice", "too few rows"]


@pytest.mark.parametrize("name", EITHER_FORMAT)
def test_csv_and_parquet_give_the_same_verdict(
    good: pd.DataFrame, reference: Profile, tmp_path: Path, name: str
) -> None:
    mutate, rules, line = MUTANTS[name]
    for url in write_both(mutate(good), tmp_path):
        found = find_violations(url, RULES, reference)
        assert name_rules(found) == rules
        assert line in "\n".join(str(violation) for violation in found)


def test_both_formats_give_back_the_very_numbers(good: pd.DataFrame, reference: Profile, tmp_path: Path) -> None:
    csv, parquet = (read_table(url) for url in write_both(good, tmp_path))
    pd.testing.assert_frame_equal(csv.frame, good, check_exact=True)
    pd.testing.assert_frame_equal(parquet.frame, good, check_exact=True)
    assert find_violations(csv.frame, RULES, reference) == find_violations(parquet.frame, RULES, reference) == []


@pytest.mark.parametrize("content", ["", ",".join(COLUMNS) + "\n"], ids=["empty", "header only"])
def test_a_csv_file_without_rows_is_caught(reference: Profile, tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    found = find_violations(str(path), RULES, reference)
    assert "(table): rows: 0 rows, 30 too few; allowed: 30 or more" in [str(violation) for violation in found]


def test_a_csv_file_with_a_column_twice_is_caught(good: pd.DataFrame, reference: Profile, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    pd.concat([good, good[["BMI"]]], axis="columns").to_csv(path, index=False)
    with pytest.raises(UsageError, match=r"has more than one column with the name BMI\. Rename or remove"):
        find_violations(str(path), RULES, reference)


def test_a_column_of_lists_is_no_column_of_numbers(good: pd.DataFrame, reference: Profile) -> None:
    nested = good.assign(BMI=[[1.0]] * len(good))
    assert [(found.column, found.rule) for found in find_violations(nested, RULES, reference)] == [("BMI", "type")]


def test_of_many_violations_a_message_lists_the_first() -> None:
    names = [f"c{number}" for number in range(1000)]
    rules = [Column(name, minimum=0.0, maximum=1.0) for name in names]
    (missing,) = find_violations(pd.DataFrame({"c0": [0.5] * 30}), rules, {}, max_duplicate_share=1.0)
    assert missing.column == f"{', '.join(names[1:21])} and 979 more"
    found = find_violations(pd.DataFrame(dict.fromkeys(names, [2.0])), rules, {}, min_rows=1)
    with pytest.raises(DataTestFailed) as raised:
        require_valid(found, "data.csv")
    first, *lines, last = str(raised.value).splitlines()
    assert (first, len(lines), last) == ("The data file data.csv breaks 1,000 rules.", 20, "  and 980 more")


CATEGORIES = (
    Column("plan", kind="category", allowed=("basic", "plus"), max_missing=0.1),
    Column("code", kind="category", allowed=("1", "2")),
    Column("x", minimum=0.0),
    Column("note", kind="category", role="ignored"),
)


def make_categories(**changes: Any) -> pd.DataFrame:
    """Return 40 different rows that meet the rules of `CATEGORIES`."""
    rows = pd.DataFrame({"plan": ["basic", "plus"] * 20, "code": [1, 2] * 20, "x": np.arange(40.0)})
    return rows.assign(**changes)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_categories_with_allowed_values_pass(tmp_path: Path, kind: str) -> None:
    good = make_categories()
    good.loc[:2, "plan"] = None
    path = tmp_path / f"data.{kind}"
    good.to_csv(path, index=False) if kind == "csv" else good.to_parquet(path)
    assert find_violations(str(path), CATEGORIES, {}) == []
    assert find_violations(good.assign(note="free text", plan=good["plan"].astype("category")), CATEGORIES, {}) == []


def test_a_value_that_is_not_allowed_is_named_with_those_that_are() -> None:
    bad = make_categories()
    bad.loc[[3, 5], "plan"] = "gold"
    bad.loc[7, "code"] = 3
    assert [str(found) for found in find_violations(bad, CATEGORIES, {})] == [
        "plan: values: 2 values not in the list, the first 'gold'; allowed: basic, plus",
        "code: values: 1 value not in the list, the first '3'; allowed: 1, 2",
    ]


def test_too_many_missing_values_are_given_as_a_share() -> None:
    bad = make_categories()
    bad.loc[10:14, "plan"] = None
    bad.loc[20, "code"] = None
    assert [str(found) for found in find_violations(bad, CATEGORIES, {})] == [
        "plan: missing: 5 missing values, the first in row 11, counted from 1 (12.5%); allowed: at most 10.0%",
        "code: missing: 1 missing value, the first in row 21, counted from 1; allowed: none",
    ]


def test_rows_that_differ_only_in_a_category_are_not_copies() -> None:
    rows = make_categories(x=1.0, code=1)
    assert scan_frame(rows, CATEGORIES, {}).copies == 38
    rows["plan"] = [f"plan {number}" for number in range(40)]
    assert scan_frame(rows, CATEGORIES, {}).copies == 0
    rows.loc[1, "plan"] = None
    rows.loc[2, "plan"] = None
    assert scan_frame(rows, CATEGORIES, {}).copies == 1


def test_a_range_may_be_open_and_a_missing_column_is_named_but_an_ignored_one_is_not() -> None:
    (found,) = find_violations(make_categories(x=np.arange(40.0) - 1), CATEGORIES, {})
    assert str(found) == "x: range: 1 value outside, the furthest -1.00; allowed: at least 0.0"
    (found,) = find_violations(make_categories().drop(columns="code"), CATEGORIES, {})
    assert str(found) == "code: columns: missing; allowed: the columns plan, code, x"

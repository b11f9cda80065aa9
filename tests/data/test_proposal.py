"""A proposed declaration is valid, and its file passes the data test."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from progression import problem as diabetes
from sklearn.datasets import load_breast_cancer

from mlops.data.kinds.proposal import propose_declaration
from mlops.data.kinds.reference import make_reference
from mlops.data.scan import scan_file
from mlops.data.tables import read_table
from mlops.data.validation import find_violations
from mlops.errors import UsageError
from mlops.problem import Column, Problem, metrics


def make_churn(rows: int = 600) -> pd.DataFrame:
    """Return a table with text, gaps, dates, booleans, codes and two ids."""
    rng = np.random.default_rng(0)
    place = pd.Series(range(rows))
    days = np.datetime64("2023-01-01") + rng.integers(0, 700, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "customer_id": [f"{number:05d}" for number in range(rows)],
            "store_id": [f"0{number}" for number in rng.integers(1, 9, rows)],
            "plan": rng.choice(["basic", 'the "plus"'], rows),
            "city": pd.Series(rng.choice(["Bern", "Genf", "Zug"], rows)).mask(place % 10 == 0),
            "paperless": pd.Series(rng.random(rows) < 0.5).astype("object").mask(place % 20 == 0),
            "begin": pd.Series(days).mask(place % 20 == 0),
            "fee": rng.normal(50, 10, rows).round(2),
            "calls": pd.Series(rng.poisson(3, rows).astype(float)).mask(place % 20 == 0),
            "balance": -rng.random(rows),
            "note": [f"note {number}" for number in range(rows)],
            "empty": np.nan,
            "left": place % 5 == 0,
        }
    )


def make_cancer() -> pd.DataFrame:
    """Return scikit-learn's breast cancer data, whose target is 0 or 1."""
    return load_breast_cancer(as_frame=True).frame


def declare(text: str) -> tuple[Column, ...]:
    """Return the columns that a proposal declares, checked as those of a problem."""
    found: dict[str, Any] = {}
    exec(text, found)
    columns = found["columns"]
    target = next(column for column in columns if column.role == "target")
    chosen = metrics.mean_squared_error() if target.kind == "number" else metrics.log_loss()
    type("Proposed", (Problem,), {"name": "proposed", "columns": columns, "metrics": (chosen,)})()
    return columns


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("make", [diabetes.load_sample, make_cancer, make_churn])
def test_a_file_passes_the_data_test_of_its_proposal(tmp_path: Path, make: Any, ending: str) -> None:
    url = str(tmp_path / f"good.{ending}")
    make().to_csv(url, index=False) if ending == "csv" else make().to_parquet(url)
    columns = declare(propose_declaration(url))
    assert [column.name for column in columns] == list(make().columns)
    reference = make_reference(read_table(url, "", columns).frame, columns)
    assert find_violations(scan_file(url, columns, reference), columns, reference) == []


def test_a_proposal_has_kinds_roles_ranges_values_and_shares(tmp_path: Path) -> None:
    make_churn().to_csv(tmp_path / "good.csv", index=False)
    assert propose_declaration(str(tmp_path / "good.csv"), "left") == (
        """from datetime import date

from mlops.problem import Column

# Proposed from 600 rows. Check every line. A range must include all possible values, not only those seen.
# The target is the column that --target names.
columns = (
    Column("customer_id", kind="id"),
    Column("store_id", kind="category", allowed=("01", "02", "03", "04", "05", "06", "07", "08")),
    Column("plan", kind="category", allowed=("basic", "the \\"plus\\"")),
    Column("city", kind="category", allowed=("Bern", "Genf", "Zug"), max_missing=0.16),
    Column("paperless", kind="boolean", max_missing=0.09),
    Column("begin", kind="date", minimum=date(2023, 1, 1), maximum=date(2026, 12, 31), max_missing=0.09),
    Column("fee", minimum=0.0, maximum=110.0),
    Column("calls", minimum=0, maximum=14, max_missing=0.09),
    Column("balance", minimum=-1.5, maximum=0.0),
    Column("note", kind="category", role="ignored"),
    Column("empty", role="ignored", max_missing=1.0),
    Column("left", kind="boolean", role="target", min_share=0.1),
)
"""
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"])
def test_times_of_day_are_not_proposed_as_dates(tmp_path: Path, ending: str, form: str) -> None:
    """Each of them is different, but they are no id either."""
    url = str(tmp_path / f"good.{ending}")
    times = pd.Series(pd.date_range("2024-01-31", periods=60, freq="h"))
    texts = times.mask(times.index == 7).dt.strftime(form)
    table = pd.DataFrame({"seen": texts, "x": range(60), "y": range(60)})
    table.to_csv(url, index=False) if ending == "csv" else table.assign(seen=pd.to_datetime(texts)).to_parquet(url)
    shown = texts[1] if ending == "csv" else "2024-01-31 01:00:00"
    lines = propose_declaration(url).splitlines()
    place = next(place for place, line in enumerate(lines) if '"seen"' in line)
    assert lines[place - 1].startswith(
        f"    # This column has times of day, such as {shown}. To use it, drop the times and "
    )
    assert lines[place] == '    Column("seen", kind="category", role="ignored", max_missing=0.04),'


DATES = "To use it, write the dates as 2024-01-31."
NUMBERS = "To use it, write them with a decimal point and without thousands separators."


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["31.01.2024", "1.2.2024"], f"This column has dates such as 31.01.2024. {DATES}"),
        (["01/31/2024 10:15", "02/01/2024 09:00"], f"This column has dates such as 01/31/2024 10:15. {DATES}"),
        (["2024-1-5", "2024-1-6"], f"This column has dates such as 2024-1-5. {DATES}"),
        (["-1.234,50", "7"], f"This column has numbers such as -1.234,50. {NUMBERS}"),
        (["1,234.5", "7"], f"This column has numbers such as 1,234.5. {NUMBERS}"),
        (["Bern, Genf", "1,5"], ""),
        (["31.01.2024", "later"], ""),
        (["2024-01-31", "2024-02-01"], ""),
    ],
)
@pytest.mark.parametrize("gap", [False, True])
def test_dates_and_numbers_in_another_form_are_explained(
    tmp_path: Path, values: list[str], said: str, gap: bool
) -> None:
    table = pd.DataFrame({"seen": [*values * 15, None] if gap else values * 15})
    table.assign(x=1.5, y=range(len(table))).to_csv(tmp_path / "good.csv", index=False)
    lines = propose_declaration(str(tmp_path / "good.csv"), "y").splitlines()
    place = next(place for place, line in enumerate(lines) if '"seen"' in line)
    assert lines[place - 1] == (f"    # {said}" if said else "columns = (")
    assert ('role="ignored"' in lines[place]) == bool(said)


def test_a_target_with_numbers_in_another_form_is_explained(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": range(30), "y": [f"1.0{number:02},5" for number in range(30)]})
    table.to_csv(tmp_path / "good.csv", index=False)
    with pytest.raises(UsageError) as raised:
        propose_declaration(str(tmp_path / "good.csv"))
    assert str(raised.value) == (
        "The column y contains text with more than 20 different values, so it cannot be the target. This column "
        f"has numbers such as 1.000,5. {NUMBERS}"
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("churned", "has no column 'churned'. Its columns are: customer_id, "),
        ("begin", "The column begin contains a date in each row, so it cannot be the target. Name another column with"),
        ("empty", "The column empty contains no value, so it cannot be the target."),
        ("note", "The column note contains text with more than 20 different values, so it cannot be the target."),
    ],
)
def test_a_column_that_cannot_be_the_target_is_refused(tmp_path: Path, target: str, said: str) -> None:
    make_churn().to_csv(tmp_path / "good.csv", index=False)
    with pytest.raises(UsageError) as raised:
        propose_declaration(str(tmp_path / "good.csv"), target)
    assert said in str(raised.value)


def test_a_text_of_its_own_in_every_row_is_the_id_and_the_target_may_be_text(tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    pd.DataFrame(
        {"name": ["a", "b", "c", "d"], "x": [1.5, 1.5, 2.5, np.inf], "y": [5, 5, 5, 5], "kind": ["u", "v", "u", "v"]}
    ).to_csv(path, index=False)
    assert [line for line in propose_declaration(str(path)).splitlines() if "Column(" in line] == [
        '    Column("name", kind="id"),',
        '    Column("x"),',
        '    Column("y", minimum=2, maximum=8),',
        '    Column("kind", kind="category", role="target", allowed=("u", "v"), min_share=0.25),',
    ]


@pytest.mark.parametrize(
    ("values", "said", "column"),
    [
        ([True, None, False, True], "1 of 4 rows has no value here.", 'kind="boolean", role="target", min_share=0.16'),
        (
            ["u", "v", None, None],
            "2 of 4 rows have no value here.",
            'kind="category", role="target", allowed=("u", "v")',
        ),
        ([1.5, None, 2.5, 3.5], "1 of 4 rows has no value here.", 'role="target", minimum=0.5, maximum=4.5'),
    ],
    ids=["boolean", "category", "number"],
)
def test_a_target_with_gaps_gets_a_comment_instead_of_a_share(
    tmp_path: Path, values: list[object], said: str, column: str
) -> None:
    pd.DataFrame({"x": [1, 2, 3, 4], "y": values}).to_csv(tmp_path / "good.csv", index=False)
    text = propose_declaration(str(tmp_path / "good.csv"))
    declare(text)
    _, *lines, end = text[text.index('Column("x"') :].splitlines()
    assert lines[0] == f"    # {said} Drop the rows without a target."
    assert lines[1].startswith(f'    Column("y", {column}')
    assert "max_missing" not in text
    assert end == ")"


@pytest.mark.parametrize("gap", [None, ""])
def test_a_column_with_a_gap_is_not_proposed_as_the_id(tmp_path: Path, gap: str | None) -> None:
    """A single gap is a value of its own, too."""
    names = [gap, *(f"a{number}" for number in range(29))]
    pd.DataFrame({"customer_id": names, "y": range(30)}).to_parquet(tmp_path / "good.parquet")
    assert '\n    Column("customer_id", kind="category", role="ignored", max_missing=0.06),\n' in (
        propose_declaration(str(tmp_path / "good.parquet"))
    )


def test_a_date_without_an_end_is_within_the_proposed_range(tmp_path: Path) -> None:
    """Registers write 9999-12-31 for "until further notice", and no later date exists."""
    dates = ["0001-01-01", "9999-12-31"] * 15
    pd.DataFrame({"until": dates, "y": range(30)}).to_csv(tmp_path / "good.csv", index=False)
    assert '    Column("until", kind="date", minimum=date(1, 1, 1), maximum=date(9999, 12, 31)),' in (
        propose_declaration(str(tmp_path / "good.csv")).splitlines()
    )


@pytest.mark.parametrize(("step", "kind"), [(1, "id"), (0, "category")])
def test_whole_numbers_that_floats_cannot_hold_are_not_proposed_as_numbers(
    tmp_path: Path, step: int, kind: str
) -> None:
    account = [2**53 + 1 + step * place for place in range(30)]
    pd.DataFrame({"account": account, "x": range(30), "y": range(30)}).to_csv(tmp_path / "good.csv", index=False)
    columns = declare(propose_declaration(str(tmp_path / "good.csv")))
    assert (columns[0].kind, columns[0].allowed) == (kind, () if step else ("9007199254740993",))


def test_a_column_without_a_name_is_ignored(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(30), "y": range(30)}).to_csv(tmp_path / "good.csv")
    text = propose_declaration(str(tmp_path / "good.csv"))
    assert [(column.name, column.role) for column in declare(text)] == [
        ("Unnamed: 0", "ignored"),
        ("x", "feature"),
        ("y", "target"),
    ]
    assert "# The file has no name for this column. If it is an index, omit it: `to_csv(..., index=False)`." in text

"""The data test, which checks a table's schema and distribution."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd
import pandera.pandas as pandera
from pandera.errors import SchemaErrors

from mlops.data.drift import Drift, compare_profiles
from mlops.data.profile import Profile, profile_frame
from mlops.errors import DataTestFailed
from mlops.numbers import format_pair


class ColumnRule(Protocol):
    """A problem's rule for a column: all values lie in [minimum, maximum], and none is missing."""

    @property
    def name(self) -> str: ...
    @property
    def minimum(self) -> float: ...
    @property
    def maximum(self) -> float: ...


@dataclass(frozen=True)
class Violation:
    """A rule that a table breaks.

    Parameters
    ----------
    column : str
        The column; "(table)" for a rule about all of it.
    rule : str
        "columns", "type", "missing", "range", "duplicates", "rows", "shape" or "spread".
    seen, allowed : str
        The finding, and the allowed values.
    """

    column: str
    rule: str
    seen: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.column}: {self.rule}: {self.seen}; allowed: {self.allowed}"


def find_violations(
    frame: pd.DataFrame,
    rules: Sequence[ColumnRule],
    reference: Profile,
    *,
    false_alarm_rate: float = 0.05,
    max_duplicate_share: float = 0.01,
    min_rows: int = 30,
) -> list[Violation]:
    """Test a table.

    Parameters
    ----------
    frame : DataFrame
        The rows.
    rules : sequence of ColumnRule
        One for each column that the table must have, in any order.
    reference : Profile
        The expected distribution.
    false_alarm_rate : float
        The probability that a table with the reference's distribution counts as drifted.
    max_duplicate_share : float
        The share of rows that may be copies of an earlier row.
    min_rows : int
        The smallest allowed number of rows.

    Returns
    -------
    list of Violation
        Every rule that the table breaks; empty for a good table.
    """
    frame = frame.reset_index(drop=True)
    schema = _check_schema(frame, rules)
    unusable = {violation.column for violation in schema if violation.rule in ("columns", "type")}
    usable = [name for name in frame.columns if name in {rule.name for rule in rules} - unusable]
    found = _check_size(frame[usable], max_duplicate_share, min_rows) + schema
    edges = {name: column.edges for name, column in reference.items() if name in frame and name not in unusable}
    drifts = compare_profiles(reference, profile_frame(frame, edges), false_alarm_rate) if len(frame) else []
    return found + [_describe_drift(drift) for drift in drifts if drift.drifted]


def require_valid(violations: Iterable[Violation], url: str) -> None:
    """Stop the pipeline if a table breaks a rule.

    Raises
    ------
    DataTestFailed
        If there is any violation; the message lists them all.
    """
    lines = [f"  {violation}" for violation in violations]
    if lines:
        raise DataTestFailed("\n".join([f"The data file {url} breaks {_count(len(lines), 'rule')}.", *lines]))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _check_size(frame: pd.DataFrame, max_duplicate_share: float, min_rows: int) -> list[Violation]:
    found = []
    if len(frame) < min_rows:
        found.append(Violation("(table)", "rows", _count(len(frame), "row"), f"{min_rows} or more"))
    share = float(frame.duplicated().mean()) if len(frame) else 0.0
    if share > max_duplicate_share:
        seen, allowed = format_pair(100 * share, 100 * max_duplicate_share)
        copies = f"{seen}% of the rows are copies of an earlier one"
        found.append(Violation("(table)", "duplicates", copies, f"at most {allowed}%"))
    return found


def _check_schema(frame: pd.DataFrame, rules: Sequence[ColumnRule]) -> list[Violation]:
    columns = {
        rule.name: pandera.Column(
            checks=[
                pandera.Check(_is_number, name="type"),
                pandera.Check.in_range(rule.minimum, rule.maximum, name="range"),
            ]
        )
        for rule in rules
    }
    try:
        pandera.DataFrameSchema(columns, strict=True, unique_column_names=True).validate(frame, lazy=True)
    except SchemaErrors as error:
        failures = error.failure_cases
        known = {rule.name: rule for rule in rules}
        grouped = failures.groupby([failures["column"].fillna(""), failures["check"].astype(str)], sort=False)
        found = [_read_failures(str(column), str(check), cases, frame, known) for (column, check), cases in grouped]
        unreadable = {violation.column for violation in found if violation.rule == "type"}
        return [violation for violation in found if violation.rule != "range" or violation.column not in unreadable]
    return []


def _is_number(values: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return bool(numeric or values.empty)  # a file without rows has no types


def _read_failures(
    column: str, check: str, cases: pd.DataFrame, frame: pd.DataFrame, rules: Mapping[str, ColumnRule]
) -> Violation:
    """Describe a failed check of pandera in one line; `cases` are its failures in one column.

    Rows are counted without the header.
    """
    names = ", ".join(str(name) for name in cases["failure_case"])
    if check == "column_in_dataframe":
        return Violation(names, "columns", "missing", f"the columns {', '.join(rules)}")
    if check == "column_in_schema":
        return Violation(names, "columns", "unexpected", f"the columns {', '.join(rules)}")
    if check == "dataframe_column_labels_unique":
        twice = ", ".join(str(name) for name in frame.columns[frame.columns.duplicated()])
        return Violation(twice, "columns", "occurs more than once", "each column once")
    if check == "type":
        example = frame[column][pd.to_numeric(frame[column], errors="coerce").isna()]
        example = example.dropna() if not example.dropna().empty else frame[column]
        return Violation(column, "type", f"{frame[column].dtype}, for example {example.iloc[0]}", "numbers")
    if check == "not_nullable":
        return Violation(
            column,
            "missing",
            f"{_count(len(cases), 'missing value')}, the first in row {cases['index'].iloc[0] + 1}, counted from 1",
            "none",
        )
    rule = rules[column]
    values = pd.to_numeric(cases["failure_case"], errors="coerce").dropna()
    furthest = _describe_furthest(values, rule) if len(values) else names
    seen = f"{_count(len(cases), 'value')} outside, the furthest {furthest}"
    return Violation(column, "range", seen, f"[{rule.minimum}, {rule.maximum}]")


def _describe_furthest(values: pd.Series, rule: ColumnRule) -> str:
    """Return the value with the largest distance from a rule's range, with the digits that show that it is outside."""
    limits = values.clip(rule.minimum, rule.maximum)
    furthest = (values - limits).abs().idxmax()
    return format_pair(float(values[furthest]), float(limits[furthest]))[0]


def _describe_drift(drift: Drift) -> Violation:
    seen, allowed = format_pair(drift.seen, drift.allowed)
    if drift.test == "shape":
        said = f"Kolmogorov-Smirnov distance {seen} from the reference"
    else:
        said = f"standard deviation changed by a factor of {seen}"
    return Violation(drift.column, drift.test, said, f"at most {allowed}")

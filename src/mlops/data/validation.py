"""The data test, which checks the schema and the distribution of a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mlops.data.drift import Drift, compare_profiles, select_strongest
from mlops.data.kinds.column import OtherColumn, show_day
from mlops.data.kinds.parsing import EXAMPLES, describe_kind
from mlops.data.kinds.reference import list_expected
from mlops.data.profile import Profile, find_repeated
from mlops.data.scan import TableScan
from mlops.data.totals import ColumnTotals
from mlops.errors import DataTestFailed
from mlops.numbers import format_count, format_number, format_pair
from mlops.problem import Column

MOST = 20  # maximum number of violations or columns in a message
LONGEST_NAME = 60  # maximum number of characters of a name in a list of names
SEPARATE = ("new", "missing")  # tests that are reported even if another test of the column shows stronger drift
SHARES = ("scale", "peak", "new", "missing")  # tests that measure a share
SAID = {
    "shift": "values are {detail} than those of the reference with a probability of {seen} (0.5 without drift)",
    "spread": "the spread of the ranks {detail} by a factor of {seen}",
    "scale": "the standard deviation shrank by {seen}%",
    "shape": "Kolmogorov-Smirnov distance {seen} from the reference",
    "peak": "{seen}% of the values are {detail} (reference: {expected}%)",
    "mix": "total variation distance {seen} from the reference{detail}",
    "new": "{seen}% of the values are {detail}, which the reference does not list",
    "missing": "{seen}% of the values are missing{detail} (reference: {expected}%)",
}


@dataclass(frozen=True)
class Violation:
    """A broken rule of the data test.

    Parameters
    ----------
    column : str
        The name of the column; "(table)" for a rule about the whole table.
    rule : str
        The broken rule: "columns", "type", "missing", "range", "values", "share", "unique", "duplicates", "rows",
        "shift", "spread", "scale", "shape", "peak", "mix" or "new".
    seen, allowed : str
        The value in the table, and the values that the rule allows, as text.
    """

    column: str
    rule: str
    seen: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.column}: {self.rule}: {self.seen}; allowed: {self.allowed}"


def find_violations(
    scan: TableScan,
    columns: Sequence[Column],
    reference: Profile,
    *,
    false_alarm_rate: float = 0.05,
    max_duplicate_share: float = 0.01,
    min_rows: int = 30,
) -> list[Violation]:
    """Return the rules of the data test that a table breaks.

    Parameters
    ----------
    scan : TableScan
        The result of `mlops.data.scan.scan_file` with the same columns and reference.
    columns : sequence of Column
        The columns that the table must have, with their rules.
    reference : Profile
        The expected distribution.
    false_alarm_rate : float
        The probability, between 0 and 1, of finding drift in a table that has the same distribution as the reference,
        on average over references.
    max_duplicate_share : float
        The largest allowed share of rows that are copies of an earlier row, between 0 and 1.
    min_rows : int
        The minimum number of rows.

    Returns
    -------
    list of Violation
        The broken rules; empty if the table passes the test.
    """
    drifts = compare_profiles(reference, scan.select_profile(reference), false_alarm_rate) if scan.rows else []
    broken = [
        *_check_size(scan, max_duplicate_share, min_rows),
        *_check_names(scan.names, columns),
        *(violation for column in columns if column.role != "ignored" for violation in _check_rules(scan, column)),
    ]
    known = {(violation.column, violation.rule) for violation in broken}
    new = [drift for drift in _select(drifts) if (drift.column, drift.test) not in known]
    return [*broken, *(_describe_drift(_name_infinite(drift, scan)) for drift in new)]


def require_valid(violations: Iterable[Violation], url: str) -> None:
    """Raise an error if there is a violation of the data test.

    Raises
    ------
    DataTestFailed
        If there is a violation.
    """
    found = list(violations)
    if found:
        begin = f"The data file {url} breaks {format_count(len(found), 'rule')}."
        raise DataTestFailed("\n".join([begin, *list_violations(found)]))


def list_violations(violations: Sequence[Violation]) -> list[str]:
    """Return one line for each of the first 20 violations and, if there are more, a line that says how many more."""
    more = [f"  and {len(violations) - MOST:,} more"] if len(violations) > MOST else []
    return [*(f"  {violation}" for violation in violations[:MOST]), *more]


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST:,} more" if len(names) > MOST else ""
    return ", ".join(map(_show_name, names[:MOST])) + more


def _show_name(name: str) -> str:
    # In quotes, if it would otherwise break the line, or look like another name or like several names.
    shown = name if name.isprintable() and name.strip() == name != "" and "," not in name else repr(name)
    return shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}…"


def _check_size(scan: TableScan, max_duplicate_share: float, min_rows: int) -> list[Violation]:
    found = []
    if scan.rows < min_rows:
        seen = f"{format_count(scan.rows, 'row')}, {min_rows - scan.rows:,} too few"
        found.append(Violation("(table)", "rows", seen, f"{min_rows:,} or more"))
    share = scan.copies / scan.rows if scan.rows else 0.0
    if share > max_duplicate_share:
        seen, allowed = format_pair(100 * share, 100 * max_duplicate_share)
        copies = f"{seen}% of the rows are copies of an earlier row"
        found.append(Violation("(table)", "duplicates", copies, f"at most {allowed}%"))
    return found


def _check_names(names: Sequence[str], declared: Sequence[Column]) -> list[Violation]:
    known, there, repeated = {column.name for column in declared}, set(names), find_repeated(names)
    wanted = [column.name for column in declared if column.role != "ignored"]
    wrong = {
        "unexpected": [name for name in dict.fromkeys(names) if name not in known],
        "missing": [name for name in wanted if name not in there],
    }
    allowed = f"the columns {_list_names(wanted)}"
    found = [Violation(_list_names(columns), "columns", seen, allowed) for seen, columns in wrong.items() if columns]
    if repeated:
        twice = _list_names([name for name in dict.fromkeys(names) if name in repeated])
        found.append(Violation(twice, "columns", "occurs more than once", "each column once"))
    return found


def _check_rules(scan: TableScan, declared: Column) -> list[Violation]:
    name, column, other = declared.name, scan.numbers.get(declared.name), scan.others.get(declared.name)
    found = [
        Violation(name, "missing", *_describe_missing(part, declared.max_missing, scan.rows))
        for part in (column, other)
        if part and part.missing > declared.max_missing * scan.rows
    ]
    totals = other.days if other else column
    if other:
        found += _check_values(other, declared)
    if totals and totals.outside:
        seen = f"{format_count(totals.outside, 'value')} outside, the furthest {_name_furthest(totals, declared)}"
        found.append(Violation(name, "range", seen, _describe_range(declared)))
    return found


def _check_values(other: OtherColumn, declared: Column) -> list[Violation]:
    name, found = declared.name, []
    if other.bad and other.kind == "number":
        found.append(Violation(name, "type", f"{other.type}, for example {other.example}", EXAMPLES["number"]))
    elif other.bad:
        seen = f"{format_count(other.bad, 'value')} of another kind, the first {other.example!r}"
        found.append(Violation(name, "type", seen, describe_kind(other.kind, other.example)))
    if other.refused:
        seen = f"{format_count(other.refused, 'value')} not in the list, the first {other.first_refused!r}"
        found.append(Violation(name, "values", seen, _list_names(declared.allowed)))
    if other.repeats:
        seen = f"{format_count(other.repeats, 'value')} already in an earlier row, for example {other.repeated!r}"
        found.append(Violation(name, "unique", seen, "each value once"))
    return [*found, *_check_shares(other, declared)]


def _check_shares(other: OtherColumn, declared: Column) -> list[Violation]:
    counts = other.counts
    names = list_expected(declared, other.kind) or counts.values
    if not declared.min_share or not counts.count or not names:
        return []
    rarest = min(names, key=lambda name: (counts.values.get(name, 0), name))
    share = counts.values.get(rarest, 0) / counts.count
    if share >= declared.min_share:
        return []
    seen, allowed = format_pair(100 * share, 100 * declared.min_share)
    return [Violation(declared.name, "share", f"{rarest!r} is {seen}% of the values", f"each at least {allowed}%")]


def _describe_missing(found: ColumnTotals | OtherColumn, share: float, rows: int) -> tuple[str, str]:
    count = format_count(found.missing, "missing value")
    seen = f"{count}, the first in row {found.first_missing + 1}, counted from 1"
    if not share:
        return seen, "none"
    percent, allowed = format_pair(100 * found.missing / rows, 100 * share)
    return f"{seen} ({percent}%)", f"at most {allowed}%"


def _describe_range(column: Column) -> str:
    if column.minimum is None:
        return f"at most {column.maximum}"
    return f"at least {column.minimum}" if column.maximum is None else f"[{column.minimum}, {column.maximum}]"


def _name_furthest(column: ColumnTotals, declared: Column) -> str:
    minimum, maximum = declared.range
    outside = []  # only limits that are exceeded, because infinity minus infinity would be NaN
    if column.highest > maximum:
        outside.append((column.highest - maximum, column.highest, maximum))
    if column.lowest < minimum:
        outside.append((minimum - column.lowest, column.lowest, minimum))
    _, value, limit = max(outside)
    if declared.kind == "date":
        return show_day(value)
    return format_pair(float(value), float(limit))[0]


def _select(drifts: Sequence[Drift]) -> list[Drift]:
    """Return the drifts to report for each column: missing values, new values, and the strongest other drift."""
    separate = [drift for drift in drifts if drift.test in SEPARATE]
    strongest = select_strongest(drift for drift in drifts if drift.test not in SEPARATE)
    return [drift for drift in (*strongest.values(), *separate) if drift.drifted]


def _name_infinite(drift: Drift, scan: TableScan) -> Drift:
    """Return the drift. If infinite values count as missing, its detail says so."""
    column = scan.numbers.get(drift.column)
    infinite = drift.test == "missing" and column and column.profile.nulls > column.missing
    return replace(drift, detail=" or infinite") if infinite else drift


def _describe_drift(drift: Drift) -> Violation:
    scale = 100 if drift.test in SHARES else 1
    seen, allowed = format_pair(scale * drift.seen, scale * drift.allowed)
    said = SAID[drift.test].format(seen=seen, expected=format_number(scale * drift.expected), detail=drift.detail)
    return Violation(drift.column, drift.test, said, f"at most {allowed}{'%' if drift.test in SHARES else ''}")

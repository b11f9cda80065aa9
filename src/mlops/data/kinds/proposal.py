"""A proposed declaration of the columns of a data file, as source code."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
import polars as pl

from mlops.data.kinds.column import show_day
from mlops.data.kinds.counts import ValueCounts, count_values
from mlops.data.kinds.inference import infer_kind, recognize_values
from mlops.data.kinds.parsing import count_days, find_bad, find_gaps, find_times, make_series, parse_values
from mlops.data.profile import require_once
from mlops.data.tables import read_table
from mlops.errors import UsageError
from mlops.problem import Column
from mlops.problem.column import Kind

WIDTH = 120
FEW = 20  # maximum number of values that a proposal lists
LATER = 2  # the range of a proposal ends this many years after the last date
TARGETS = ("number", "boolean", "category")
EXACT = 2**53  # above this, two different whole numbers can be the same float
DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%d.%m.%y", "%m/%d/%y")
CLOCK = r"[T ]+\d{1,2}:\d{2}.*$"
SEPARATED = r"^[-+]?\d[\d.,' ]*$"  # numbers such as 1.234,50, if one of them has a comma
UNNAMED = re.compile(r"Unnamed: \d+")  # pandas' name for a column without a name

Rules = dict[str, object]


def propose_declaration(url: str, target: str = "") -> str:
    """Return source code that declares the columns of a data file.

    Parameters
    ----------
    url : str
        The location of the data file.
    target : str
        The name of the column to predict. If empty, it is the last column.

    Raises
    ------
    UsageError
        If the file cannot be read, if it has no rows, or if it has two columns with the same name. Also if there is
        no column `target`, or if this column has values that cannot be predicted, such as dates.
    """
    raw = read_table(url).frame
    names = [str(name) for name in raw.columns]
    require_once(names)
    if not len(raw):
        raise UsageError(f"The data file {url} has no rows, so no declaration can be proposed. Name a file with rows.")
    if target and target not in names:
        raise UsageError(f"The data file {url} has no column {target!r}. Its columns are: {', '.join(names)}.")
    raw.columns = pd.Index(names)
    chosen = target or names[-1]
    kinds = {name: _find_kind(raw[name], name == chosen) for name in names}
    series = {name: make_series(raw[name]) for name in names}
    dates = {name: why for name in names if name != chosen and (why := _explain_dates(series[name]))}
    unread = dates | {name: why for name in names if (why := _explain_numbers(series[name]))}
    kinds |= dict.fromkeys(unread, "category")
    if "id" not in kinds.values():
        others = [name for name in names if name != chosen and name not in unread]
        kinds |= dict.fromkeys([name for name in others if _has_unique_names(raw[name], kinds[name])][:1], "id")
    # The file is read again, because codes such as "01" stay text only if the kind of their column is known.
    rows = read_table(url, "", [Column(name, kind=kind) for name, kind in kinds.items()]).frame
    columns = list(_propose_columns(rows, kinds, chosen, unread))
    why = "the last column" if not target else "the column that --target names"
    size = f"{len(rows):,} row{'s' if len(rows) > 1 else ''}"
    imports = ["from datetime import date", ""] if any("date(" in line for line in columns) else []
    intro = [
        *imports,
        "from mlops.problem import Column",
        "",
        f"# Proposed from {size}. Check every line. A range must include all possible values, not only those seen.",
        f"# The target is {why}." + ("" if target else " To choose another column, add --target NAME."),
    ]
    return "\n".join([*intro, "columns = (", *columns, ")", ""])


def _find_kind(values: pd.Series, is_target: bool) -> Kind:
    series = make_series(values)
    kind = infer_kind(str(values.name), [recognize_values(series)])
    if kind == "number" and is_target and set(values.dropna().unique()) == {0, 1}:
        return "boolean"
    if kind == "number" and not is_target and series.dtype.is_integer() and (series.abs() > EXACT).any():
        kind = "id"
    if kind == "id" and (is_target or find_gaps(series).any() or series.n_unique() < len(series)):
        return "number" if is_target and series.dtype.is_numeric() else "category"
    return kind


def _explain_dates(series: pl.Series) -> str:
    """Return why the dates in a column are read as text, and what to do; "" if not all values are dates."""
    times = find_times(series)
    texts = find_bad(series, parse_values(series, "date")) & ~times
    if times.any() and not texts.any():
        return (
            f"This column has times of day, such as {series.filter(times)[0]}. To use it, drop the times and declare "
            "the kind date, or compute a number, such as hours."
        )
    if series.dtype != pl.String or not texts.any():
        return ""
    shown = series.filter(~find_gaps(series))
    days = shown.str.strip_chars().str.replace(CLOCK, "")
    if any(not days.str.to_date(form, strict=False).null_count() for form in DAYS):
        return f"This column has dates such as {shown[0]}. To use it, write the dates as 2024-01-31."
    return ""


def _explain_numbers(series: pl.Series) -> str:
    """Return why the numbers in a column are read as text, and what to do; "" if not all values are numbers."""
    if series.dtype != pl.String or not series.str.contains(",").any():
        return ""
    shown = series.filter(~find_gaps(series)).str.strip_chars()
    if not shown.str.contains(SEPARATED).all():
        return ""
    example = shown.filter(shown.str.contains(","))[0]
    wanted = "with a decimal point and without thousands separators"
    return f"This column has numbers such as {example}. To use it, write them {wanted}."


def _has_unique_names(values: pd.Series, kind: Kind) -> bool:
    texts = parse_values(make_series(values), "category")
    is_unique = not texts.null_count() and texts.n_unique() == len(texts)
    return kind == "category" and is_unique and not texts.str.contains(r"\s").any()


def _propose_columns(
    rows: pd.DataFrame, kinds: Mapping[str, Kind], target: str, unread: Mapping[str, str]
) -> Iterator[str]:
    ids = [name for name, kind in kinds.items() if kind == "id"]
    for name, kind in kinds.items():
        values = rows[name]
        share = float(values.isna().mean())
        rules: Rules = {"kind": kind} if kind != "number" else {}
        if name == target:
            rules |= {"role": "target", **_make_target_rules(values, kind, unread.get(name, ""))}
        elif share == 1 or name in ids[1:] or name in unread or UNNAMED.fullmatch(name) or _is_free_text(values, kind):
            rules["role"] = "ignored"
        if rules.get("role") != "ignored":
            rules |= _propose_rules(values, kind)
        if share and name == target:
            gaps = int(values.isna().sum())
            yield (
                f"    # {gaps:,} of {len(values):,} rows {'has' if gaps == 1 else 'have'} no value here. Drop the rows "
                "without a target."
            )
        if UNNAMED.fullmatch(name) and name != target:
            yield "    # The file has no name for this column. If it is an index, omit it: `to_csv(..., index=False)`."
        if name in unread:
            yield f"    # {unread[name]}"
        if share and name != target:
            rules["max_missing"] = min(math.ceil(round(150 * share + 1, 6)) / 100, 1.0)
        yield _write_column(name, rules)


def _make_target_rules(values: pd.Series, kind: Kind, why: str) -> Rules:
    advice = f"so it cannot be the target. {why or 'Name another column with --target.'}"
    if kind not in TARGETS:
        raise UsageError(f"The column {values.name} contains a {kind} in each row, {advice}")
    if values.isna().all():
        raise UsageError(f"The column {values.name} contains no value, {advice}")
    if kind == "number":
        return {}
    counts = _count(values, kind)
    if kind == "category" and not 2 <= len(counts.values) <= FEW:
        many = "one value" if len(counts.values) == 1 else f"more than {FEW} different values"
        raise UsageError(f"The column {values.name} contains text with {many}, {advice}")
    rarest = math.floor(round(50 * min(counts.values.values()) / counts.count, 6)) / 100
    return {"min_share": rarest} if rarest and len(counts.values) > 1 else {}


def _is_free_text(values: pd.Series, kind: Kind) -> bool:
    return kind == "category" and values.nunique() > max(FEW, 0.5 * values.count())


def _propose_rules(values: pd.Series, kind: Kind) -> Rules:
    if kind == "number":
        return _propose_range(values.to_numpy(dtype=float), whole=_are_whole(values))
    if kind == "date":
        return _propose_dates(values)
    counts = _count(values, kind)
    return {"allowed": tuple(sorted(counts.values))} if kind == "category" and 0 < len(counts.values) <= FEW else {}


def _count(values: pd.Series, kind: Kind) -> ValueCounts:
    return count_values(parse_values(make_series(values), kind))


def _are_whole(values: pd.Series) -> bool:
    numbers = values.dropna()
    return bool((np.isfinite(numbers) & (numbers == np.floor(numbers))).all())


def _propose_range(numbers: np.ndarray[tuple[int], np.dtype[np.float64]], *, whole: bool) -> Rules:
    """Return the range of the numbers, extended at each end by half its width, but not across 0."""
    there = numbers[~np.isnan(numbers)]
    low, high = float(there.min()), float(there.max())
    if not math.isfinite(high - low):
        return {}
    margin = (high - low) / 2 or abs(high) / 2 or 1.0
    first = 0.0 if 0 <= low <= margin else _round_out(low - margin, math.floor)
    last = 0.0 if -margin <= high <= 0 else _round_out(high + margin, math.ceil)
    return {"minimum": math.floor(first), "maximum": math.ceil(last)} if whole else {"minimum": first, "maximum": last}


def _round_out(value: float, step: Callable[[float], int]) -> float:
    """Round a number down (`step` is `math.floor`) or up (`math.ceil`) to two significant digits."""
    if not value:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    with_digits = step(value * 10.0**digits)
    return float(with_digits / 10.0**digits) if digits >= 0 else float(with_digits * 10**-digits)


def _propose_dates(values: pd.Series) -> Rules:
    days = count_days(parse_values(make_series(values), "date"))
    first, last = (date.fromisoformat(show_day(float(str(day)))) for day in (days.min(), days.max()))
    return {"minimum": date(first.year, 1, 1), "maximum": date(min(last.year + LATER, date.max.year), 12, 31)}


def _write_column(name: str, rules: Rules) -> str:
    order = ("kind", "role", "minimum", "maximum", "allowed", "max_missing", "min_share")
    arguments = [_write_text(name), *(f"{rule}={_write(rules[rule])}" for rule in order if rule in rules)]
    line = f"    Column({', '.join(arguments)}),"
    if len(line) <= WIDTH:
        return line
    return "\n".join(["    Column(", *(f"        {argument}," for argument in arguments), "    ),"])


def _write(value: object) -> str:
    if isinstance(value, str):
        return _write_text(value)
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    if isinstance(value, Sequence):
        return f"({', '.join(map(_write, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def _write_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

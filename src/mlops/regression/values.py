"""The comparison of values, and of texts that contain numbers, within a tolerance."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mlops.numbers import format_pair

NUMBER = re.compile(r"(?<![\w.])((?:(?<![\w.)])[-+])?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\w|\.\d)")
SANITIZER = re.compile(r"^regex: (.*)$\n^replace: (.*)$", re.MULTILINE)
SCRAP = "scrap "  # the beginning of `Difference.where` for a result
ROUNDING = 1e-9  # for rounding errors: in floating point, 0.048 and 0.049 differ by slightly more than 0.001
Sanitizer = Sequence[tuple[re.Pattern[str], str]]


@dataclass(frozen=True)
class Difference:
    """One difference between a run and the committed notebook.

    Parameters
    ----------
    where : str
        A result, such as "scrap loss", or a place in the output of a cell, such as "row holdout, column loss".
    found : str
        The value in the run.
    committed : str
        The committed value. Empty if `found` already describes the whole difference.
    allowed : str
        The tolerance. Empty if the two values must be the same.
    cell : str
        The beginning of the cell with the output or the result. Empty if there is no such cell.
    """

    where: str
    found: str
    committed: str = ""
    allowed: str = ""
    cell: str = ""

    def __str__(self) -> str:
        in_cell = self.cell and not self.where.startswith(SCRAP)
        where = f"cell `{self.cell}` {self.where}".rstrip() if in_cell else self.where
        committed = f", committed {self.committed}" if self.committed else ""
        allowed = f" (allowed: {self.allowed})" if self.allowed else ""
        return f"{where}: {self.found}{committed}{allowed}"


def read_sanitizer(path: Path) -> Sanitizer:
    """Read a file in nbval's format. Return its patterns for text that may differ; empty if the file is missing."""
    if not path.is_file():
        return ()
    found = SANITIZER.findall(path.read_text(encoding="utf-8"))
    return tuple((re.compile(pattern), replacement) for pattern, replacement in found)


def sanitize(text: str, sanitizer: Sanitizer) -> str:
    """Return a text in which the parts that are allowed to differ are replaced, and spaces are collapsed."""
    for pattern, replacement in sanitizer:
        text = pattern.sub(replacement, text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def is_close(committed: float, found: float, tolerance: float) -> bool:
    """Return whether two numbers differ by at most the tolerance.

    The tolerance is relative if the committed number is above 1 or below -1.
    """
    if not (math.isfinite(committed) and math.isfinite(found)):
        return committed == found or (math.isnan(committed) and math.isnan(found))
    return abs(found - committed) <= tolerance * max(1.0, abs(committed)) * (1 + ROUNDING)


def is_same_text(committed: str, found: str, tolerance: float) -> bool:
    """Return whether two texts are the same, except that numbers with a decimal point can differ by `tolerance`."""
    words, seen = NUMBER.split(committed), NUMBER.split(found)
    if len(words) != len(seen) or words[::2] != seen[::2]:
        return False
    return all(_is_same_number(*pair, tolerance) for pair in zip(words[1::2], seen[1::2], strict=True))


def find_text_differences(committed: str, found: str, tolerance: float, sanitizer: Sanitizer) -> Iterator[Difference]:
    """Yield the differences between two printed texts, line by line."""
    pairs = zip_longest(*(sanitize(text, sanitizer).splitlines() for text in (committed, found)))
    for number, (line, seen) in enumerate(pairs, start=1):
        if line is None or seen is None:
            yield Difference(f"line {number}", _quote(seen), _quote(line))
        elif not is_same_text(line, seen, tolerance):
            yield Difference(f"line {number}", _quote(seen), _quote(line), describe_tolerance(tolerance))


def find_value_differences(where: str, committed: Any, found: Any, tolerance: float) -> Iterator[Difference]:
    """Yield the differences between two JSON values. Lists and mappings are compared item by item."""
    if isinstance(committed, Mapping) and isinstance(found, Mapping) and committed.keys() == found.keys():
        for name in committed:
            yield from find_value_differences(f"{where}.{name}", committed[name], found[name], tolerance)
    elif isinstance(committed, list) and isinstance(found, list) and len(committed) == len(found):
        for index, pair in enumerate(zip(committed, found, strict=True)):
            yield from find_value_differences(f"{where}[{index}]", *pair, tolerance)
    elif not _is_same_value(committed, found, tolerance):
        allowed = describe_tolerance(tolerance) if _is_number(committed) else ""
        yield Difference(where, *show_pair(found, committed), allowed)


def describe_tolerance(tolerance: float) -> str:
    """Format a tolerance for a report. Return "" if the tolerance is 0."""
    return f"{tolerance:g}" if tolerance else ""


def show_pair(found: Any, committed: Any) -> tuple[str, str]:
    """Format two values for a report. Numbers have as many digits as are needed to show the difference."""
    if all(_is_number(value) and math.isfinite(value) for value in (found, committed)):
        return format_pair(found, committed)
    return shorten(repr(found)), shorten(repr(committed))


def shorten(text: str, length: int = 90) -> str:
    """Return a text as one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _is_same_number(committed: str, found: str, tolerance: float) -> bool:
    if committed == found:
        return True
    if not ({*".eE"} & {*committed, *found}):
        return int(committed.replace(",", "")) == int(found.replace(",", ""))
    return is_close(float(committed.replace(",", "")), float(found.replace(",", "")), tolerance)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_same_value(committed: Any, found: Any, tolerance: float) -> bool:
    if _is_number(committed) and _is_number(found):
        return is_close(committed, found, tolerance)
    if isinstance(committed, str) and isinstance(found, str):
        return is_same_text(committed, found, tolerance)
    return type(committed) is type(found) and bool(committed == found)


def _quote(line: str | None) -> str:
    return "nothing" if line is None else repr(shorten(line))

"""Writes the simulated rates into the tables of docs/statistics.md."""

import re
from collections.abc import Iterable

from simulations.cases import Rate

HEAD = "| situation | rounds | rate | 95 % interval | goal |\n|---|---|---|---|---|\n"


def fill_tables(text: str, rates: Iterable[Rate]) -> str:
    """Return a document in which the rows between the marks of each table are replaced by new rates.

    The marks of the table "one-look" are the lines `<!-- simulated: one-look -->` and `<!-- end -->`.
    """
    tables: dict[str, list[str]] = {}
    for rate in rates:
        tables.setdefault(rate.case.table, []).append(format_row(rate))
    for name, rows in tables.items():
        marks = re.compile(rf"(<!-- simulated: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not marks.search(text):
            raise ValueError(f"The document has no table {name!r}. Add the line <!-- simulated: {name} -->.")
        table = HEAD + "\n".join(rows)
        text = marks.sub(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text)
    return text


def format_row(rate: Rate) -> str:
    """Return a row of a table in Markdown. A missed goal is bold."""
    low, high = (f"{100 * end:.2f}" for end in rate.interval)
    goal = f"**missed: {rate.case.goal}**" if rate.misses else rate.case.goal
    return f"| {rate.case.name} | {rate.case.rounds:,} | {100 * rate.share:.2f} % | {low} to {high} % | {goal} |"

"""Tables in the outputs of notebooks. They are parsed from pandas' HTML and compared cell by cell."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from mlops.regression.values import Difference, Sanitizer, describe_tolerance, is_same_text, sanitize, shorten

LARGEST_SPAN = 1000


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    columns, labels : tuple of str
        The labels of the columns and of the rows. The levels of a label are joined with slashes.
    rows : tuple of tuple of str
        The text of the cells.
    """

    columns: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class _Cell:
    heads: bool
    rowspan: int = 1
    colspan: int = 1
    text: str = ""


@dataclass
class _Table:
    rows: list[list[_Cell]] = field(default_factory=list)
    head: int = 0
    cell: _Cell | None = None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[_Table] = []
        self.open: list[_Table] = []  # nested tables, innermost last; text belongs to the innermost table

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            if self.open and self.open[-1].cell is None:
                self.open.pop()  # a table outside of a cell is not nested, so the previous table was never closed
            self.open.append(_Table())
            self.tables.append(self.open[-1])
        elif tag == "tr" and self.open:
            self.open[-1].rows.append([])
        elif tag in ("th", "td") and self.open and self.open[-1].rows:
            cell = _Cell(tag == "th", _read_span(attrs, "rowspan"), _read_span(attrs, "colspan"))
            self.open[-1].cell = cell
            self.open[-1].rows[-1].append(cell)

    def handle_endtag(self, tag: str) -> None:
        if not self.open:
            return
        if tag == "table":
            self.open.pop()
        elif tag in ("th", "td", "tr"):
            self.open[-1].cell = None
        elif tag == "thead":
            self.open[-1].head = len(self.open[-1].rows)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1].cell:
            self.open[-1].cell.text += data


def _read_span(attrs: list[tuple[str, str | None]], name: str) -> int:
    value = dict(attrs).get(name) or "1"
    return max(1, min(int(value), LARGEST_SPAN)) if value.isdecimal() else 1


def read_grids(html: str) -> list[Grid]:
    """Return the tables in a piece of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [_make_grid(found) for found in reader.tables]


def find_grid_differences(committed: Grid, found: Grid, tolerance: float, sanitizer: Sanitizer) -> Iterator[Difference]:
    """Yield the differences between two tables. Numbers can differ by `tolerance`."""
    for name, labels, seen in (("columns", committed.columns, found.columns), ("rows", committed.labels, found.labels)):
        if labels != seen:
            yield Difference(name, _list_labels(seen), _list_labels(labels))
            return
    for label, row, other in zip(committed.labels, committed.rows, found.rows, strict=True):
        for column, cell, seen_cell in zip(committed.columns, row, other, strict=True):
            text, seen_text = sanitize(cell, sanitizer), sanitize(seen_cell, sanitizer)
            if not is_same_text(text, seen_text, tolerance):
                where = f"row {label}, column {column}"
                yield Difference(where, shorten(seen_text), shorten(text), describe_tolerance(tolerance))


def _make_grid(table: _Table) -> Grid:
    rows = _repeat_spanning_cells(table.rows)
    head, body = rows[: table.head], rows[table.head :]
    width = max((len(row) for row in rows), default=0)
    labels = min((_count_labels(row) for row in body), default=_count_unnamed_columns(head))
    columns = tuple(_join(row[place].text for row in head if place < len(row)) for place in range(labels, width))
    cells = tuple(tuple(cell.text.strip() for cell in row[labels:]) for row in body)
    padded = tuple(row + ("",) * (len(columns) - len(row)) for row in cells)
    return Grid(
        columns, tuple(_join(cell.text for cell in row[:labels]) or str(n) for n, row in enumerate(body)), padded
    )


def _repeat_spanning_cells(rows: list[list[_Cell]]) -> list[list[_Cell]]:
    expanded: list[list[_Cell]] = []
    # For each column, a cell of an earlier row, and the number of further rows that it spans.
    reaching: dict[int, tuple[_Cell, int]] = {}
    for row in rows:
        out: list[_Cell] = []
        waiting = list(row)
        while waiting or len(out) in reaching:
            if len(out) in reaching:
                cell, left = reaching.pop(len(out))
                columns = 1
            else:
                cell = waiting.pop(0)
                left, columns = cell.rowspan, cell.colspan
            for _ in range(columns):
                if left > 1:
                    reaching[len(out)] = (cell, left - 1)
                out.append(cell)
        expanded.append(out)
    return expanded


def _count_labels(row: list[_Cell]) -> int:
    return next((place for place, cell in enumerate(row) if not cell.heads), len(row))


def _count_unnamed_columns(head: list[list[_Cell]]) -> int:
    return next((place for place, cell in enumerate(head[-1]) if cell.text.strip()), 0) if head else 0


def _join(texts: Iterator[str]) -> str:
    return " / ".join(text.strip() for text in texts if text.strip())


def _list_labels(labels: tuple[str, ...]) -> str:
    return f"{len(labels)} ({shorten(', '.join(labels))})"

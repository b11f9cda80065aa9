"""The alignment of cells in the tables of reports: numbers to the right, and text to the left."""

import re
from collections.abc import Iterable, Iterator

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

NUMBER = re.compile(r"[-+−]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?\s?%?", re.IGNORECASE)
MISSING = ("", "–", "-", "nan", "none", "nat", "<na>", "inf", "-inf")
LONG = 40  # a cell with more characters may break anywhere, so that a path does not widen the page
LARGEST_SPAN = 1000


def align_tables(html: str) -> str:
    """Return the HTML with the CSS class "number" on cells in columns of numbers, and "long" in columns of long text.

    The returned HTML still has to be cleaned.
    """
    if "<table" not in html:
        return html
    try:
        page = BeautifulSoup(html, "html.parser")
    except ParserRejectedMarkup:
        return html
    for table in page.find_all("table"):
        columns: dict[int, list[Tag]] = {}
        rows = (row for row in table.find_all("tr") if row.find_parent("table") is table)
        for place, cell in _find_cells_by_column(rows):
            columns.setdefault(place, []).append(cell)
        for cells in columns.values():
            _mark(cells, _find_kind(cell.get_text(strip=True) for cell in cells if cell.name == "td"))
    return str(page)


def _find_cells_by_column(rows: Iterable[Tag]) -> Iterator[tuple[int, Tag]]:
    reaching: dict[int, int] = {}  # by column: how many more rows a cell of an earlier row spans
    for row in rows:
        covered, place = reaching, 0
        reaching = {column: left - 1 for column, left in covered.items() if left > 1}
        for cell in row.find_all(["td", "th"], recursive=False):
            while place in covered:
                place += 1
            width, height = _read_span(cell, "colspan"), _read_span(cell, "rowspan")
            if width == 1:
                yield place, cell
            if height > 1:
                reaching |= dict.fromkeys(range(place, place + width), height - 1)
            place += width


def _read_span(cell: Tag, name: str) -> int:
    span = str(cell.get(name, "1"))
    return max(1, min(int(span), LARGEST_SPAN)) if span.isdecimal() else 1


def _find_kind(texts: Iterable[str]) -> str:
    shown = [text for text in texts if text.lower() not in MISSING]
    if shown and all(map(NUMBER.fullmatch, shown)):
        return "number"
    return "long" if any(len(text) > LONG for text in shown) else ""


def _mark(cells: Iterable[Tag], kind: str) -> None:
    for cell in cells if kind else ():
        cell["class"] = " ".join([*filter(None, cell.get_attribute_list("class")), kind])

"""Tables in reports: numbers are aligned to the right, text to the left, and the head of a column like its cells."""

import re
from collections.abc import Iterable, Iterator

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

NUMBER = re.compile(r"[-+−]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?\s?%?", re.IGNORECASE)
MISSING = ("", "–", "-", "nan", "none", "nat", "<na>", "inf", "-inf")
LONG = 40  # a cell with more characters may break anywhere, so that a path does not widen the page


def align_tables(html: str) -> str:
    """Mark the cells of tables for the style sheet, by column: with the class "number", "long", or none for short text.

    Columns are counted from the right, because a label on the left may span several rows. The result has not been
    cleaned yet.
    """
    if "<table" not in html:
        return html
    try:
        page = BeautifulSoup(html, "html.parser")
    except ParserRejectedMarkup:
        return html
    for table in page.find_all("table"):
        columns: dict[int, list[Tag]] = {}
        for row in table.find_all("tr"):
            for place, cell in _place_cells(row):
                columns.setdefault(place, []).append(cell)
        for cells in columns.values():
            _mark(cells, _find_kind(cell.get_text(strip=True) for cell in cells if cell.name == "td"))
    return str(page)


def _place_cells(row: Tag) -> Iterator[tuple[int, Tag]]:
    """Yield the cells of a row that span only one column, each after the number of that column from the right."""
    place = 0
    for cell in reversed(row.find_all(["td", "th"], recursive=False)):
        span = str(cell.get("colspan", "1"))
        width = int(span) if span.isdecimal() else 1
        if width == 1:
            yield place, cell
        place += width


def _find_kind(texts: Iterable[str]) -> str:
    shown = [text for text in texts if text.lower() not in MISSING]
    if shown and all(map(NUMBER.fullmatch, shown)):
        return "number"
    return "long" if any(len(text) > LONG for text in shown) else ""


def _mark(cells: Iterable[Tag], kind: str) -> None:
    for cell in cells if kind else ():
        cell["class"] = " ".join([*filter(None, cell.get_attribute_list("class")), kind])

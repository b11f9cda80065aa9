"""Committed outputs that are kept when notebooks are executed again, so that a diff shows only real changes."""

import re
from collections.abc import Mapping
from typing import Any

from mlops.regression.expectations import Declaration, read_cell_declaration, read_declaration
from mlops.regression.outputs import find_piece_differences, read_pieces
from mlops.regression.values import Sanitizer, find_value_differences
from mlops.scraps import MIME_PREFIX, extract_scraps

Cell = Mapping[str, Any]

# A number in a text or between two tags of a table: its whole part, with or without commas, and its decimals.
NUMBER = re.compile(r"(?<![\w.])-?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?:e[+-]?\d+)?(?!\w)")
DECIMALS = 6  # notebooks/sanitize.cfg allows differences after this many decimals


def keep_close_outputs(
    executed: Mapping[str, Any], committed: Mapping[str, Any], name: str, sanitizer: Sanitizer = ()
) -> None:
    """Replace new outputs that are within their tolerance with the committed ones.

    Scraps are replaced one by one; the other outputs of a cell only if all of them are within their tolerance and
    write their numbers in the same form. nbval compares texts, so it would fail on 3,150 in place of 3150.2.

    Parameters
    ----------
    executed : mapping
        The executed notebook, which is changed.
    committed : mapping
        The committed one.
    name : str
        Its name, for errors.
    sanitizer : Sanitizer
        The parts of texts that may differ.
    """
    declared = read_declaration(executed, name)
    before = {cell["id"]: cell for cell in committed["cells"] if cell.get("outputs")}
    for cell in (cell for cell in executed["cells"] if cell["id"] in before):
        old = before[cell["id"]]
        kept = _find_close_scraps(declared, old, cell)
        cell["outputs"] = [
            next((kept[scrap] for scrap in find_scraps(new) & kept.keys()), new) for new in cell["outputs"]
        ]
        holds_scraps = any(map(find_scraps, cell["outputs"]))
        if not holds_scraps and _shows_the_same(old, cell, read_cell_declaration(cell, declared, name), sanitizer):
            cell["outputs"] = old["outputs"]


def find_scraps(output: Mapping[str, Any]) -> set[str]:
    """Return the names of the scraps that an output holds: one, or none."""
    return {data["name"] for mime, data in output.get("data", {}).items() if mime.startswith(MIME_PREFIX)}


def _find_close_scraps(declared: Declaration, committed: Cell, executed: Cell) -> dict[str, Any]:
    """Return the committed outputs that hold a scrap whose new value is within its tolerance, by the scrap's name."""
    old, new = (extract_scraps({"cells": [cell]}) for cell in (committed, executed))
    close = {
        name
        for name, tolerance in declared.scraps.items()
        if tolerance is not None and name in old and name in new
        if not list(find_value_differences(name, old[name], new[name], tolerance))
    }
    return {name: output for output in committed["outputs"] for name in find_scraps(output) & close}


def _shows_the_same(committed: Cell, executed: Cell, declared: Declaration, sanitizer: Sanitizer) -> bool:
    old, new = read_pieces(committed), read_pieces(executed)
    if [piece.kind for piece in old] != [piece.kind for piece in new] or _list_forms(committed) != _list_forms(
        executed
    ):
        return False
    numbers, pictures = declared.numbers or 0.0, declared.pictures or 0.0
    return not any(
        list(find_piece_differences(*pair, numbers=numbers, pictures=pictures, sanitizer=sanitizer))
        for pair in zip(old, new, strict=True)
    )


def _list_forms(cell: Cell) -> list[tuple[bool, int]]:
    """Return, for each number that a cell shows, whether it has commas and how many decimals it has."""
    texts = [output.get("text", output.get("data", {}).get("text/html", "")) for output in cell["outputs"]]
    whole = "\n".join(text if isinstance(text, str) else "".join(text) for text in texts)
    return [("," in found[1], min(len(found[2] or ""), DECIMALS)) for found in NUMBER.finditer(whole)]

"""Keeps the committed outputs that a new execution did not change, so that a diff shows only real changes."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mlops.regression.expectations import Declaration, read_cell_declaration, read_declaration
from mlops.regression.notebook import Cell, Display, Notebook, Stream, join_text, match_cells
from mlops.regression.outputs import find_piece_differences, read_pieces
from mlops.regression.values import Sanitizer, find_value_differences
from mlops.scraps import MIME_PREFIX

# A number in a text or between two tags of a table. The groups are the whole part (commas allowed) and the decimals.
NUMBER = re.compile(r"(?<![\w.])-?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?:e[+-]?\d+)?(?!\w)")
DECIMALS = 6  # later decimals can differ, as in notebooks/sanitize.cfg


def keep_close_outputs(
    executed: Mapping[str, Any], committed: Mapping[str, Any], name: str, sanitizer: Sanitizer = ()
) -> None:
    """Replace each new output with the committed output if they differ by at most the tolerance.

    Parameters
    ----------
    executed : mapping
        The executed notebook. It is changed in place.
    committed : mapping
        The committed notebook.
    name : str
        The name of the notebook, for error messages.
    sanitizer : Sanitizer
        Patterns for the parts of texts that are allowed to differ.
    """
    old, new = match_cells(msgspec.convert(committed, Notebook), msgspec.convert(executed, Notebook))
    declared = read_declaration(new, name)
    before = {
        cell.id: (cell, raw["outputs"]) for raw, cell in zip(committed["cells"], old.cells, strict=True) if cell.outputs
    }
    for raw, cell in zip(executed["cells"], new.cells, strict=True):
        if cell.id not in before:
            continue
        was, outputs = before[cell.id]
        names = _list_scraps_within_tolerance(declared, was, cell)
        close = {scrap: output for output in outputs for scrap in find_scraps(output) & names}
        raw["outputs"] = [
            next((close[scrap] for scrap in find_scraps(found) & close.keys()), found) for found in raw["outputs"]
        ]
        if not cell.scraps and _shows_the_same(was, cell, read_cell_declaration(cell, declared, name), sanitizer):
            raw["outputs"] = outputs


def find_scraps(output: Mapping[str, Any]) -> set[str]:
    """Return the names of the results in an output: a set with one name, or an empty set."""
    return {data["name"] for mime, data in output.get("data", {}).items() if mime.startswith(MIME_PREFIX)}


def _list_scraps_within_tolerance(declared: Declaration, committed: Cell, executed: Cell) -> set[str]:
    old, new = committed.scraps, executed.scraps
    return {
        name
        for name, tolerance in declared.scraps.items()
        if tolerance is not None and name in old and name in new
        if not list(find_value_differences(name, old[name], new[name], tolerance))
    }


def _shows_the_same(committed: Cell, executed: Cell, declared: Declaration, sanitizer: Sanitizer) -> bool:
    old, new = read_pieces(committed), read_pieces(executed)
    if [piece.kind for piece in old] != [piece.kind for piece in new] or _list_formats(committed) != _list_formats(
        executed
    ):
        return False
    numbers, pictures = declared.numbers or 0.0, declared.pictures or 0.0
    return not any(
        list(find_piece_differences(*pair, numbers=numbers, pictures=pictures, sanitizer=sanitizer))
        for pair in zip(old, new, strict=True)
    )


def _list_formats(cell: Cell) -> list[tuple[bool, int]]:
    texts = [
        join_text(output.text) if isinstance(output, Stream) else output.data.get("text/html", "")
        for output in cell.outputs
        if isinstance(output, Stream | Display)
    ]
    return [("," in found[1], min(len(found[2] or ""), DECIMALS)) for found in NUMBER.finditer("\n".join(texts))]

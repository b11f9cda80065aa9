"""The comparison of an executed notebook with the committed one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlops.regression.expectations import (
    Declaration,
    describe_condition,
    is_kept,
    read_cell_declaration,
    read_declaration,
)
from mlops.regression.outputs import describe_pieces, find_piece_differences, read_pieces
from mlops.regression.values import SCRAP, Difference, Sanitizer, find_value_differences, shorten
from mlops.scraps import extract_scraps

NOTHING = "not compared: it has nothing to compare"  # the reason may be in its notes
REFRESH = "run `make notebooks`"


@dataclass(frozen=True)
class Comparison:
    """The result of comparing one executed notebook.

    Parameters
    ----------
    notebook : str
        Its name: "06_deploy-qa".
    compared : int
        The number of compared outputs: scraps, texts, tables and pictures.
    differing : int
        The number of these that differ. A table or a text that differs may have several differences.
    differences : tuple of Difference
        The differences.
    notes : tuple of str
        Notes for the reader: other parameters, edited cells, parts that were not compared.
    skipped : str
        The reason why nothing was compared; empty otherwise.
    """

    notebook: str
    compared: int = 0
    differing: int = 0
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""


def compare_notebooks(
    name: str, committed: Mapping[str, Any], executed: Mapping[str, Any], sanitizer: Sanitizer = ()
) -> Comparison:
    """Compare an executed notebook with the committed one.

    Parameters
    ----------
    name : str
        The name of the executed notebook: "06_deploy-qa".
    committed, executed : mapping
        The parsed notebooks.
    sanitizer : Sanitizer
        The parts of texts that may differ.

    Raises
    ------
    UsageError
        If the declarations of the committed notebook are invalid.
    """
    declared = read_declaration(committed, name)
    scraps = extract_scraps(committed), extract_scraps(executed)
    gluing = _find_gluing_cells(declared, committed, executed)
    missing = tuple(_find_missing_scraps(declared, scraps[1], gluing))
    edits = tuple(_describe_edits(committed, executed))
    other = describe_condition(declared.if_same, *scraps)
    if other:
        return Comparison(name, differences=missing, notes=edits, skipped=f"not compared: {other}")
    parts = [
        *((found,) for found in missing),
        *_compare_scraps(declared, *scraps, gluing),
        *_compare_cells(name, declared, committed, executed, sanitizer),
    ]
    compared = [part for part in parts if isinstance(part, tuple)]
    return Comparison(
        name,
        compared=len(compared),
        differing=sum(map(bool, compared)),
        differences=tuple(found for part in compared for found in part),
        notes=(*edits, *(part for part in parts if isinstance(part, str))),
        skipped="" if compared else NOTHING,
    )


Part = tuple[Difference, ...] | str  # the differences of one compared scrap or output, or a note


def _find_gluing_cells(
    declared: Declaration, committed: Mapping[str, Any], executed: Mapping[str, Any]
) -> Mapping[str, str]:
    """Return, for each scrap, the beginning of the committed cell that hands it on.

    A scrap that neither notebook holds is expected in the last of these cells.
    """
    names = {cell.get("id"): _name(cell) for cell in committed["cells"]}
    cells = (*executed["cells"], *committed["cells"])
    found = {scrap: names.get(cell.get("id"), "") for cell in cells for scrap in extract_scraps({"cells": [cell]})}
    last = next(reversed(found.values()), "")
    return {scrap: found.get(scrap, last) for scrap in (*declared.scraps, *declared.if_same)}


def _find_missing_scraps(
    declared: Declaration, found: Mapping[str, Any], gluing: Mapping[str, str]
) -> Iterator[Difference]:
    for name in dict.fromkeys((*declared.scraps, *declared.if_same)):
        if name not in found:
            yield Difference(f"{SCRAP}{name}", "was not handed on", cell=gluing[name])


def _compare_scraps(
    declared: Declaration, committed: Mapping[str, Any], found: Mapping[str, Any], gluing: Mapping[str, str]
) -> Iterator[Part]:
    for name, tolerance in declared.scraps.items():
        if tolerance is None or name not in found:
            continue
        where, cell = f"{SCRAP}{name}", gluing[name]
        if name in committed:
            differences = find_value_differences(where, committed[name], found[name], tolerance)
            yield tuple(replace(one, cell=cell) for one in differences)
        else:
            yield (Difference(where, f"is declared, but has no committed value; {REFRESH}", cell=cell),)
    unknown = found.keys() - declared.scraps.keys()
    if unknown:
        yield f"handed on, but not declared in mlops.check: {', '.join(sorted(unknown))}"


def _compare_cells(
    name: str, declared: Declaration, committed: Mapping[str, Any], executed: Mapping[str, Any], sanitizer: Sanitizer
) -> Iterator[Part]:
    scraps = extract_scraps(committed), extract_scraps(executed)
    cells = {cell.get("id"): cell for cell in executed["cells"]}
    for cell in filter(is_kept, committed["cells"]):
        here = read_cell_declaration(cell, declared, name)
        other = describe_condition(here.if_same, *scraps)
        if other:
            yield f"cell `{_name(cell)}` not compared: {other}"
        elif cell.get("id") not in cells:
            yield (Difference("", "is not in the run", cell=_name(cell)),)
        else:
            yield from _compare_cell(cell, cells[cell.get("id")], here, sanitizer)


def _compare_cell(
    cell: Mapping[str, Any], executed: Mapping[str, Any], declared: Declaration, sanitizer: Sanitizer
) -> Iterator[Part]:
    pieces, found = read_pieces(cell), read_pieces(executed)
    if [piece.kind for piece in pieces] != [piece.kind for piece in found]:
        yield (Difference("shows", describe_pieces(found), describe_pieces(pieces), cell=_name(cell)),)
        return
    numbers, pictures = declared.numbers or 0.0, declared.pictures or 0.0
    for piece, seen in zip(pieces, found, strict=True):
        differences = find_piece_differences(piece, seen, numbers=numbers, pictures=pictures, sanitizer=sanitizer)
        yield tuple(replace(one, cell=_name(cell)) for one in differences)


def _describe_edits(committed: Mapping[str, Any], executed: Mapping[str, Any]) -> Iterator[str]:
    """Describe the code cells that differ from those that ran, without the cell that the run injected."""
    now, then = (_read_sources(notebook["cells"]) for notebook in (committed, executed))
    edited = [name for name, source in now.items() if source != then.get(name, source)]
    for what, names, sources in (
        ("edited since the run", edited, now),
        ("added since the run", now.keys() - then.keys(), now),
        ("in the run, but not in the notebook", then.keys() - now.keys(), then),
    ):
        if names:
            yield f"{what}: {', '.join(f'`{_begin(sources[name])}`' for name in sorted(names))}"


def _read_sources(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        str(cell.get("id")): "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and "injected-parameters" not in cell["metadata"].get("tags", [])
    }


def _name(cell: Mapping[str, Any]) -> str:
    return _begin("".join(cell["source"]))


def _begin(source: str) -> str:
    """Return the beginning of a cell, so that a reader can find it."""
    return shorten(next(iter(source.strip().splitlines()), ""), 48)

"""The comparison of an executed notebook with the committed notebook."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mlops.regression.expectations import (
    Declaration,
    describe_condition,
    is_kept,
    read_cell_declaration,
    read_declaration,
)
from mlops.regression.notebook import Cell, Notebook, join_text, match_cells
from mlops.regression.outputs import describe_pieces, find_piece_differences, read_pieces
from mlops.regression.values import SCRAP, Difference, Sanitizer, find_value_differences, shorten

NOTHING = "not compared: it has nothing to compare"  # the notes can give the reason
REFRESH = "run `make notebooks`"


@dataclass(frozen=True)
class Comparison:
    """The result of comparing one executed notebook.

    Parameters
    ----------
    notebook : str
        The name of the executed notebook, such as "06_deploy-qa".
    compared : int
        The number of compared items: results (called scraps), printed texts, tables and pictures.
    differing : int
        The number of compared items that differ. A single table or text can have several differences.
    differences : tuple of Difference
        The differences.
    notes : tuple of str
        Notes for the reader: changed parameters, edited cells, parts that were not compared.
    skipped : str
        The reason why nothing was compared. Empty if something was compared.
    """

    notebook: str
    compared: int = 0
    differing: int = 0
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: str = ""


def compare_notebooks(name: str, committed: Notebook, executed: Notebook, sanitizer: Sanitizer = ()) -> Comparison:
    """Return the result of comparing an executed notebook with the committed notebook.

    Parameters
    ----------
    name : str
        The name of the executed notebook, such as "06_deploy-qa".
    committed, executed : Notebook
        The notebooks.
    sanitizer : Sanitizer
        Patterns for the parts of texts that are allowed to differ.

    Raises
    ------
    UsageError
        If the declarations of the committed notebook are invalid.
    """
    pair = _MatchedNotebooks(name, read_declaration(committed, name), *match_cells(committed, executed), sanitizer)
    missing = tuple(_find_missing_scraps(pair))
    edits = tuple(_describe_edited_cells(pair))
    if other := pair.describe_condition(pair.declared):
        return Comparison(name, differences=missing, notes=edits, skipped=f"not compared: {other}")
    parts = [*((found,) for found in missing), *_compare_scraps(pair), *_compare_cells(pair)]
    compared = [part for part in parts if isinstance(part, tuple)]
    return Comparison(
        name,
        compared=len(compared),
        differing=sum(map(bool, compared)),
        differences=tuple(found for part in compared for found in part),
        notes=(*edits, *(part for part in parts if isinstance(part, str))),
        skipped="" if compared else NOTHING,
    )


Part = tuple[Difference, ...] | str  # the differences of one compared item, or a note


@dataclass(frozen=True)
class _MatchedNotebooks:
    name: str
    declared: Declaration
    committed: Notebook
    executed: Notebook
    sanitizer: Sanitizer

    def describe_condition(self, declared: Declaration) -> str:
        """Describe the results in `if_same` that differ; "" if none do. Outputs are compared only if none differ."""
        return describe_condition(declared.if_same, self.committed.scraps, self.executed.scraps)

    @cached_property
    def gluing(self) -> Mapping[str, str]:
        """For each result, the shortened first line of the cell that stores it."""
        names = {cell.id: _name(cell) for cell in self.committed.cells}
        cells = (*self.executed.cells, *self.committed.cells)
        found = {scrap: names.get(cell.id, "") for cell in cells for scrap in cell.scraps}
        last = next(reversed(found.values()), "")
        return {scrap: found.get(scrap, last) for scrap in (*self.declared.scraps, *self.declared.if_same)}


def _find_missing_scraps(pair: _MatchedNotebooks) -> Iterator[Difference]:
    found = pair.executed.scraps
    for name in dict.fromkeys((*pair.declared.scraps, *pair.declared.if_same)):
        if name not in found:
            yield Difference(f"{SCRAP}{name}", "was not handed on", cell=pair.gluing[name])


def _compare_scraps(pair: _MatchedNotebooks) -> Iterator[Part]:
    committed, found = pair.committed.scraps, pair.executed.scraps
    for name, tolerance in pair.declared.scraps.items():
        if tolerance is None or name not in found:
            continue
        where, cell = f"{SCRAP}{name}", pair.gluing[name]
        if name in committed:
            differences = find_value_differences(where, committed[name], found[name], tolerance)
            yield tuple(replace(one, cell=cell) for one in differences)
        else:
            yield (Difference(where, f"is declared, but has no committed value; {REFRESH}", cell=cell),)
    unknown = found.keys() - pair.declared.scraps.keys()
    if unknown:
        yield f"handed on, but not declared in mlops.check: {', '.join(sorted(unknown))}"


def _compare_cells(pair: _MatchedNotebooks) -> Iterator[Part]:
    cells = {cell.id: cell for cell in pair.executed.cells}
    for cell in filter(is_kept, pair.committed.cells):
        declared = read_cell_declaration(cell, pair.declared, pair.name)
        if other := pair.describe_condition(declared):
            yield f"cell `{_name(cell)}` not compared: {other}"
        elif cell.id not in cells:
            yield (Difference("", "is not in the run", cell=_name(cell)),)
        else:
            yield from _compare_cell(cell, cells[cell.id], declared, pair.sanitizer)


def _compare_cell(cell: Cell, executed: Cell, declared: Declaration, sanitizer: Sanitizer) -> Iterator[Part]:
    pieces, found = read_pieces(cell), read_pieces(executed)
    if [piece.kind for piece in pieces] != [piece.kind for piece in found]:
        yield (Difference("shows", describe_pieces(found), describe_pieces(pieces), cell=_name(cell)),)
        return
    numbers, pictures = declared.numbers or 0.0, declared.pictures or 0.0
    for piece, seen in zip(pieces, found, strict=True):
        differences = find_piece_differences(piece, seen, numbers=numbers, pictures=pictures, sanitizer=sanitizer)
        yield tuple(replace(one, cell=_name(cell)) for one in differences)


def _describe_edited_cells(pair: _MatchedNotebooks) -> Iterator[str]:
    now, then = (
        {cell.id: join_text(cell.source) for cell in notebook.cells if cell.is_code}
        for notebook in (pair.committed, pair.executed)
    )
    edited = [name for name, source in now.items() if source != then.get(name, source)]
    for what, names, sources in (
        ("edited since the run", edited, now),
        ("added since the run", now.keys() - then.keys(), now),
        ("in the run, but not in the notebook", then.keys() - now.keys(), then),
    ):
        if names:
            yield f"{what}: {', '.join(f'`{_shorten_first_line(sources[name])}`' for name in sorted(names))}"


def _name(cell: Cell) -> str:
    return _shorten_first_line(join_text(cell.source))


def _shorten_first_line(source: str) -> str:
    return shorten(next(iter(source.strip().splitlines()), ""), 48)

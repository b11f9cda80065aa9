"""What a committed notebook declares to be checked, and how far it may differ.

It stands in the metadata of the notebook (in JupyterLab: Property Inspector, Advanced Tools, Notebook Metadata):

.. code-block:: json

    {"mlops": {"check": {
        "scraps": {"mse": 1e-6, "rows": 0, "training_run": null},
        "numbers": 0.001,
        "pictures": 0.13,
        "if_same": ["champion_version"]
    }}}

and, where a cell needs something else, in the metadata of the cell, which may set all of these but the scraps.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from mlops.errors import UsageError

Tolerance = Annotated[float, msgspec.Meta(ge=0)]
PICTURES = 0.13  # see `mlops.regression.pictures`
KEEP_TAG = "keep_output"  # nbstripout's, too


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the metadata of a notebook, or of one of its cells, declares.

    Parameters
    ----------
    scraps : mapping of str to float or None
        Every scrap that the notebook hands on, and how far it may differ (see `values.is_close`); None where it
        differs from run to run. Such a scrap must be there, but it is neither committed nor compared.
    numbers : float or None
        How far numbers with a decimal point, in tables and printed text, may differ; None for what the notebook
        declares, and 0 if it declares nothing. Whole numbers are counts: they must be the same.
    pictures : float or None
        The largest difference of a picture; None for what the notebook declares, or `PICTURES`.
    if_same : tuple of str
        Scraps on whose values the outputs depend: only a run with the committed values is compared.
    """

    scraps: Mapping[str, Tolerance | None] = {}
    numbers: Tolerance | None = None
    pictures: Tolerance | None = None
    if_same: tuple[str, ...] = ()


def read_declaration(notebook: Mapping[str, Any], name: str) -> Declaration:
    """Return what a notebook declares.

    Parameters
    ----------
    notebook : mapping
        The notebook, as its JSON says.
    name : str
        Its name, for the error.

    Raises
    ------
    UsageError
        If the declaration is not as `Declaration` says.
    """
    return _convert(notebook["metadata"], f"the metadata of {name}")


def read_cell_declaration(cell: Mapping[str, Any], whole: Declaration, name: str) -> Declaration:
    """Return what holds for one cell: its own declaration, and the notebook's where it has none."""
    own = _convert(cell["metadata"], f"the metadata of cell {cell.get('id')} in {name}")
    return Declaration(
        numbers=_first(own.numbers, whole.numbers, 0.0),
        pictures=_first(own.pictures, whole.pictures, PICTURES),
        if_same=own.if_same,
    )


def list_kept_scraps(notebook: Mapping[str, Any], name: str) -> set[str]:
    """Return the scraps whose values are committed: those compared, and those on which outputs depend."""
    whole = read_declaration(notebook, name)
    conditions = [read_cell_declaration(cell, whole, name).if_same for cell in notebook["cells"]]
    compared = (scrap for scrap, tolerance in whole.scraps.items() if tolerance is not None)
    return {*compared, *whole.if_same, *(scrap for names in conditions for scrap in names)}


def is_kept(cell: Mapping[str, Any]) -> bool:
    """Say whether a cell's output is committed."""
    return KEEP_TAG in cell["metadata"].get("tags", [])


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _convert(metadata: Mapping[str, Any], where: str) -> Declaration:
    declared = metadata.get("mlops", {}).get("check", {})
    try:
        return msgspec.convert(declared, Declaration)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: mlops.check: {error}; see docs/regression.md") from error


def describe_condition(names: Iterable[str], committed: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Say which of the scraps that outputs depend on has another value in the run; empty if none has."""
    other = [name for name in names if committed.get(name) != found.get(name)]
    return ", ".join(f"{name} is {found.get(name)}, committed with {committed.get(name)}" for name in other)

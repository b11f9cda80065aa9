"""The tolerances with which the outputs of a notebook are compared, as its metadata declares them.

The declarations are in the metadata of the notebook (in JupyterLab: Property Inspector, Advanced Tools, Notebook
Metadata):

.. code-block:: json

    {"mlops": {"check": {
        "scraps": {"loss": 1e-6, "rows": 0, "training_run": null},
        "numbers": 0.001,
        "pictures": 0.13,
        "if_same": ["champion_version"]
    }}}

"scraps" has the tolerance of each result. The metadata of a cell can declare its own "numbers", "pictures" and
"if_same".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from mlops.errors import UsageError
from mlops.parameters.declarations import TAG
from mlops.pipelines import ALL_STEPS
from mlops.record.scores import read_declared
from mlops.regression.notebook import Cell, Notebook, join_text
from mlops.regression.values import find_value_differences, show_pair

Tolerance = Annotated[float, msgspec.Meta(ge=0)]
PICTURES = 0.13  # the default tolerance; see `mlops.regression.pictures`
LINE = re.compile(r"^(\w+)\b[^=\n]*=", re.MULTILINE)  # the variable that a line of a cell sets
KEEP_TAG = "keep_output"  # nbstripout also keeps the output of a cell with this tag


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The declarations in the metadata of a notebook or of a cell.

    Parameters
    ----------
    scraps : mapping of str to float or None
        The tolerance of each result of the notebook. A result with the tolerance None must exist, but is not compared.
    numbers : float or None
        The tolerance for numbers with a decimal point in tables and printed text.
    pictures : float or None
        The largest allowed difference between two pictures, from 0 to 1.
    if_same : tuple of str
        The results that the outputs depend on. The outputs are compared only if these results are unchanged.
    """

    scraps: Mapping[str, Tolerance | None] = {}
    numbers: Tolerance | None = None
    pictures: Tolerance | None = None
    if_same: tuple[str, ...] = ()


def read_declaration(notebook: Notebook, name: str) -> Declaration:
    """Return the tolerances that the metadata of a notebook declares.

    Parameters
    ----------
    notebook : Notebook
        The notebook.
    name : str
        The name of the notebook, for error messages.

    Raises
    ------
    UsageError
        If the metadata of the notebook contains an invalid declaration.
    """
    declared = _convert(notebook.metadata.mlops, f"the metadata of {name}")
    return msgspec.structs.replace(declared, scraps={**_find_undeclared_tolerances(notebook), **declared.scraps})


def _find_undeclared_tolerances(notebook: Notebook) -> dict[str, float]:
    handed_on = notebook.scraps
    problem = read_declared(handed_on)
    metrics = {metric.name: 10.0**-metric.digits for metric in (problem.metrics if problem else ())}
    scored = {
        f"{step.scored_by}{name}": digits for step in ALL_STEPS if step.scored_by for name, digits in metrics.items()
    }
    known = {**dict.fromkeys(_list_parameters(notebook), 0.0), **metrics, **scored}
    return {name: tolerance for name, tolerance in known.items() if name in handed_on}


def _list_parameters(notebook: Notebook) -> list[str]:
    cells = [cell for cell in notebook.cells if TAG in cell.metadata.tags and not cell.is_injected]
    return [name for cell in cells for name in LINE.findall(join_text(cell.source))]


def read_cell_declaration(cell: Cell, whole: Declaration, name: str) -> Declaration:
    """Return the tolerances for a cell. Those that it lacks are taken from the notebook's declaration, `whole`."""
    own = _convert(cell.metadata.mlops, f"the metadata of cell {cell.id} in {name}")
    return Declaration(
        numbers=_first(own.numbers, whole.numbers, 0.0),
        pictures=_first(own.pictures, whole.pictures, PICTURES),
        if_same=own.if_same,
    )


def list_kept_scraps(notebook: Notebook, name: str) -> set[str]:
    """Return the names of the results whose values are kept when the notebook is committed."""
    whole = read_declaration(notebook, name)
    conditions = [read_cell_declaration(cell, whole, name).if_same for cell in notebook.cells]
    compared = (scrap for scrap, tolerance in whole.scraps.items() if tolerance is not None)
    return {*compared, *whole.if_same, *(scrap for names in conditions for scrap in names)}


def is_kept(cell: Cell) -> bool:
    """Return whether the output of a cell is kept when the notebook is committed."""
    return KEEP_TAG in cell.metadata.tags


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _convert(declared: Mapping[str, Any], where: str) -> Declaration:
    try:
        return msgspec.convert(declared.get("check", {}), Declaration)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: mlops.check: {error}. docs/regression.md describes the allowed content.") from error


def describe_condition(names: Iterable[str], committed: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Describe which of the named results differ between a run and the committed notebook; "" if none differ."""
    pairs = {name: (found.get(name), committed.get(name)) for name in names}
    shown = {name: show_pair(*pair) for name, pair in pairs.items() if any(find_value_differences(name, *pair, 0))}
    return ", ".join(f"{name} is {here} (committed: {there})" for name, (here, there) in shown.items())

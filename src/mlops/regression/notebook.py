"""Types for notebooks, cells and outputs, with only the fields that this package reads."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlops.errors import IntegrityError
from mlops.files.records import read_content
from mlops.scraps import collect_scraps

PICTURES = ("image/png", "image/jpeg")
TEXTS = ("text/html", "text/plain")
INJECTED_TAG = "injected-parameters"  # papermill's tag for the cell with the parameters of a run
ADVICE = "Restore the notebook, or run its step again."

Text = str | list[str]


class Stream(msgspec.Struct, frozen=True, tag_field="output_type", tag="stream"):
    """Text that a cell printed."""

    name: str
    text: Text


class Failure(msgspec.Struct, frozen=True, tag_field="output_type", tag="error"):
    """The error that ended a cell."""


class Display(msgspec.Struct, frozen=True, tag_field="output_type", tag="display_data"):
    """An output that a cell displays, in one or more formats.

    Parameters
    ----------
    data : mapping
        The content by MIME type: bytes for a picture, and a single string for HTML and plain text.
    """

    data: dict[str, Any] = {}

    def __post_init__(self) -> None:
        for mime in (*PICTURES, *TEXTS):
            if mime in self.data:
                self.data[mime] = _decode(mime, self.data[mime])


class Result(Display, frozen=True, tag="execute_result"):
    """The value of a cell's last expression."""


class CellMetadata(msgspec.Struct, frozen=True):
    """The part of a cell's metadata that this package reads."""

    tags: tuple[str, ...] = ()
    mlops: Mapping[str, Any] = {}


class Cell(msgspec.Struct, frozen=True):
    """A cell of a notebook. `id` is the position of the cell if the notebook has no ids."""

    cell_type: str
    source: Text
    metadata: CellMetadata
    id: str = ""
    outputs: tuple[Stream | Display | Result | Failure, ...] = ()

    @property
    def is_code(self) -> bool:
        """True for a code cell, except the cell that papermill added."""
        return self.cell_type == "code" and not self.is_injected

    @property
    def is_injected(self) -> bool:
        """True for the cell that papermill added with the parameters of the run."""
        return INJECTED_TAG in self.metadata.tags

    @property
    def scraps(self) -> dict[str, Any]:
        """The results that the cell stores, by name."""
        return collect_scraps(output.data for output in self.outputs if isinstance(output, Display))


class NotebookMetadata(msgspec.Struct, frozen=True):
    """The part of a notebook's metadata that this package reads."""

    mlops: Mapping[str, Any] = {}


class Notebook(msgspec.Struct, frozen=True):
    """A notebook of format 4."""

    metadata: NotebookMetadata
    cells: tuple[Cell, ...]

    @property
    def scraps(self) -> dict[str, Any]:
        """The results that the notebook stores, by name."""
        return {name: value for cell in self.cells for name, value in cell.scraps.items()}


def read_notebook(path: Path) -> Notebook:
    """Read a notebook's file.

    Raises
    ------
    IntegrityError
        If the file is damaged, or cannot be read.
    """
    content = read_content(path, ADVICE)
    try:
        return msgspec.convert(json.loads(content), Notebook)  # not msgspec, because it cannot decode NaN
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise IntegrityError(f"{path} is damaged ({error}). {ADVICE}") from error


def match_cells(committed: Notebook, executed: Notebook) -> tuple[Notebook, Notebook]:
    """Give matching cells of two notebooks the same ids, and return the notebooks."""
    # Notebooks of format 4.4 or older have no ids, and their executed copies have new ids from papermill.
    if all(cell.id for notebook in (committed, executed) for cell in notebook.cells):
        return committed, executed
    return _number_cells(committed), _number_cells(executed)


def join_text(text: Text) -> str:
    """Return a text as one string. A notebook can store a text as a string or as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def _decode(mime: str, content: Any) -> str | bytes:
    try:
        text = join_text(content)
        return base64.b64decode(text) if mime in PICTURES else text
    except (TypeError, ValueError) as error:
        raise ValueError(f"{mime}: {error}") from error


def _number_cells(notebook: Notebook) -> Notebook:
    position, cells = 0, []
    for cell in notebook.cells:
        position += not cell.is_injected
        cells.append(msgspec.structs.replace(cell, id="injected" if cell.is_injected else str(position)))
    return msgspec.structs.replace(notebook, cells=tuple(cells))

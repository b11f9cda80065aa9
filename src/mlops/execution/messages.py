"""The client with which papermill runs a notebook. A cell fails if it sends an invalid message."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode, ValidationError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient

DEEPEST = 100  # maximum nesting of a JSON output; nbformat cannot read more than about 300 levels
ODD = "OddOutput"  # the name of the error in a cell with an invalid output
UNUSABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class RunClient(PapermillNotebookClient):
    """A notebook client that fails a cell if the cell sends an invalid widget message or an invalid output."""

    # nbclient's own client does not say which cell failed, and its traceback shows the output, which may contain
    # secrets.

    odd = ""  # what is wrong with the first invalid output of the current cell

    def papermill_execute_cells(self) -> None:
        """Execute the cells. Called by papermill once the kernel has started."""
        assert self.kc is not None
        self.nb.metadata["language_info"] = self.kc.language_info  # set early, because the kernel may die
        super().papermill_execute_cells()

    def process_message(self, msg: Mapping[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Handle a message that the kernel sent for a cell, and return the new output, if any. Called by nbclient."""
        try:
            _require_flat(msg["content"], DEEPEST)
            output = NotebookClient.process_message(self, msg, cell, cell_index)
        except (*UNUSABLE, ValidationError) as error:
            self.odd = self.odd or _describe_invalid(msg, error)
            return None
        self.nb_man.autosave_cell()
        return output

    async def _async_poll_kernel_alive(self) -> None:
        """Watch the kernel, and ignore the error that nbclient raises after a cell has failed."""
        with suppress(AssertionError):
            await super()._async_poll_kernel_alive()

    def execute_cell(self, cell: NotebookNode, cell_index: int, **options: Any) -> NotebookNode:
        """Execute a cell, and return it. Raise CellExecutionError if the cell failed or sent an invalid output."""
        self.odd = ""
        executed = super().execute_cell(cell, cell_index, **options)
        if self.odd:
            cell.outputs.append(new_output("error", ename=ODD, evalue=self.odd, traceback=[f"{ODD}: {self.odd}"]))
            raise CellExecutionError("", ODD, self.odd)
        return executed


def _require_flat(value: Any, levels: int) -> None:
    if levels < 0:
        raise RecursionError
    for item in value.values() if isinstance(value, Mapping) else value:
        if isinstance(item, Mapping | list):
            _require_flat(item, levels - 1)


def _describe_invalid(message: Mapping[str, Any], error: Exception) -> str:
    kind, content = message["msg_type"], message["content"]
    if kind.startswith("comm"):
        reason = type(error).__name__
        return (
            f"A widget sent a message that cannot be read ({reason}). Update the package of the widget, or display the "
            "value as text."
        )
    if isinstance(error, ValidationError) and isinstance(content.get("data"), Mapping):
        odd = [name for name, value in content["data"].items() if not _is_allowed(name, value)]
        found = " and ".join(f"{name} is of type {type(content['data'][name]).__name__}" for name in odd)
        if odd:
            return f"A notebook cannot hold this output, because {found}, not text. Display it as application/json."
    if isinstance(error, RecursionError):
        return f"A notebook cannot hold this output: it is nested more than {DEEPEST} levels deep. Display less of it."
    return f"A notebook cannot hold this output ({kind}: {type(error).__name__}). Display plain text instead."


def _is_allowed(kind: str, value: Any) -> bool:
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return kind.endswith(("+json", "/json")) or isinstance(value, str) or lines

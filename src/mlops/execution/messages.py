"""papermill's client, for which a message of the kernel that it cannot use is a failure of the cell that sent it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode, ValidationError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient

DEEPEST = 100  # levels of a JSON output; from about 300 on nbformat cannot read it back
ODD = "OddOutput"  # the name of the error that such a cell shows
UNUSABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class RunClient(PapermillNotebookClient):
    """A client that ends a notebook at a cell with an output that a notebook cannot hold, or a broken widget message.

    nbclient raises from the middle of its loop instead, which loses the cell and shows the output in a traceback.
    """

    started = False  # whether the kernel is ready
    odd = ""  # what is odd about the outputs of the cell that runs

    def papermill_execute_cells(self) -> None:
        """Execute the cells, once the kernel has started; called by papermill."""
        self.started = True
        assert self.kc is not None
        self.nb.metadata["language_info"] = self.kc.language_info  # also of a notebook whose kernel dies
        super().papermill_execute_cells()

    def process_message(self, msg: Mapping[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take a message; called by nbclient for each one that belongs to a cell."""
        try:
            _require_flat(msg["content"], DEEPEST)
            output = NotebookClient.process_message(self, msg, cell, cell_index)
        except (*UNUSABLE, ValidationError) as error:
            self.odd = self.odd or _describe(msg, error)
            return None
        self.nb_man.autosave_cell()
        return output

    async def _async_poll_kernel_alive(self) -> None:
        """Watch the kernel; nbclient's own watcher continues after an error, and complains when it is deleted."""
        with suppress(AssertionError):
            await super()._async_poll_kernel_alive()

    def execute_cell(self, cell: NotebookNode, cell_index: int, **options: Any) -> NotebookNode:
        """Execute a cell; called by papermill. Raises CellExecutionError, also for an odd output."""
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


def _describe(message: Mapping[str, Any], error: Exception) -> str:
    """Say what is wrong with a message without showing what it holds."""
    kind, content = message["msg_type"], message["content"]
    if kind.startswith("comm"):
        reason = type(error).__name__
        return (
            f"A widget sent a message that cannot be read ({reason}). Update its package, or display its value as text."
        )
    if isinstance(error, ValidationError) and isinstance(content.get("data"), Mapping):
        odd = [name for name, value in content["data"].items() if not _is_allowed(name, value)]
        found = ", ".join(f"{name} is of type {type(content['data'][name]).__name__}" for name in odd)
        if odd:
            return f"A notebook cannot hold this output: {found}, but must be text. Display it as application/json."
    if isinstance(error, RecursionError):
        return f"A notebook cannot hold this output: it is nested more than {DEEPEST} levels deep. Display less of it."
    return f"A notebook cannot hold this output ({kind}: {type(error).__name__}). Display plain text instead."


def _is_allowed(kind: str, value: Any) -> bool:
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return kind.endswith(("+json", "/json")) or isinstance(value, str) or lines

"""Messages that a notebook cannot hold, as unit tests; `test_notebook.py` has those that a real kernel sends."""

import asyncio
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellExecutionComplete
from papermill.engines import NotebookExecutionManager

from mlops.execution.messages import DEEPEST, RunClient


def nest(levels: int) -> list[Any]:
    """Return nested lists."""
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


def hear(kind: str, content: dict[str, Any]) -> str:
    """Return the fault that a client finds in a message, or "" if the message is valid."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    client = RunClient(NotebookExecutionManager(notebook, progress_bar=False))
    client.clear_before_next_output, notebook.cells[0].metadata["execution"] = False, {}  # as while a cell runs
    message = {"msg_type": kind, "header": {"msg_type": kind}, "parent_header": {"msg_id": "1"}, "content": content}
    client.process_message(message, notebook.cells[0], 0)
    nbformat.validate(notebook)
    return client.odd


def show(data: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a message that displays data."""
    return {"data": data, "metadata": {}}


ODD = {
    "a dict": ("display_data", show({"application/x-thing": {"k": "s3cr3t"}}), "application/x-thing is of type dict"),
    "two": (
        "display_data",
        show({"a/b": 1, "text/plain": None}),
        "a/b is of type int and text/plain is of type NoneType",
    ),
    "no lines": ("display_data", show({"text/html": ["s3cr3t", 1]}), "text/html is of type list"),
    "deep": ("display_data", show({"application/json": nest(DEEPEST)}), f"more than {DEEPEST} levels"),
    "no data": ("display_data", {}, "display_data: KeyError"),
    "no bundle": ("display_data", show("s3cr3t"), "display_data: "),  # type: ignore[arg-type]
    "a stream of numbers": ("stream", {"name": "stdout", "text": 1}, "stream: NotebookValidationError"),
    "a traceback of one text": ("error", {"ename": "E", "evalue": "", "traceback": "s3cr3t"}, "error: "),
    "a widget without state": ("comm_open", {"comm_id": "1", "target_name": "jupyter.widget", "data": {}}, "KeyError"),
    "a widget's state": ("comm_msg", {"comm_id": "1", "data": {"state": ["s3cr3t"]}}, "ValueError"),
    "a widget without data": ("comm_msg", {"comm_id": "1"}, "A widget sent a message that cannot be read"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_message_is_described_without_its_content(odd: str) -> None:
    kind, content, said = ODD[odd]
    found = hear(kind, content)
    assert said in found
    assert "s3cr3t" not in found


@pytest.mark.parametrize(
    "data",
    [
        {"text/plain": "a"},
        {"text/html": ["a", "b"]},
        {"application/json": nest(DEEPEST - 5)},
        {"application/vnd.x+json": {"a": None}},
        {},
    ],
)
def test_what_a_notebook_can_hold_is_not_odd(data: dict[str, Any]) -> None:
    assert hear("display_data", show(data)) == ""


def test_the_end_of_a_cell_is_passed_on() -> None:
    with pytest.raises(CellExecutionComplete):
        hear("status", {"execution_state": "idle"})


def test_nothing_watches_a_kernel_that_is_gone() -> None:
    client = RunClient(NotebookExecutionManager(nbformat.v4.new_notebook(), progress_bar=False))
    asyncio.run(client._async_poll_kernel_alive())  # nbclient's own watcher would raise AssertionError in a task

"""A small project for sweeps, and an executor that does not run kernels."""

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from mlops.pipelines.step import Condition, Step
from mlops.sweeps.executors import Outcome, Task
from mlops.workspace import Workspace

STEPS = (
    Step("look", "01_look"),
    Step("fit", "02_fit", needs=("look",)),
    Step("judge", "03_judge", needs=("fit",)),
    Step("act", "04_act", needs=("judge",), only_if=Condition("judge", "good")),
)
PARAMETERS = {
    "01_look": "seen = 3  # things; in [0, 9]",
    "02_fit": 'x = 1.0  # in [-10, 10]\nn = 1  # a whole number in [0, 9]\nname = "a"  # free\n'
    'columns = ["A"]  # names\n'
    'sweep = ""  # the runner sets it\nboom = 5.0  # at this x it fails',
}
WORK = {
    "01_look": "glue_results('01_look', run_folder, seen=seen)",
    "02_fit": "seen = read_results('01_look', run_folder)['seen']\nassert x != boom, f'x is {x}'\n"
    "glue_results('02_fit', run_folder, loss=(x - seen) ** 2 + n, name=name, other=None if n == 9 else 1.5 * x)",
}

FIRST_LINE = WORK["02_fit"].splitlines()[0]
FAILED = f"AssertionError in the cell that begins {FIRST_LINE!r}: x is 5.0"  # the error of the notebook at x = 5


@dataclass
class FakeExecutor:
    """An executor that does the work of the second notebook in this process, in reverse order of the tasks.

    `interrupt` is the number of the task before which it is interrupted.
    """

    interrupt: int = 0
    tasks: list[Task] = field(default_factory=list)
    closed: bool = False

    def run(self, tasks: Sequence[Task], secrets: Callable[[], Iterable[str]]) -> Generator[Outcome, None, None]:
        """See `Executor`."""
        self.tasks = list(tasks)
        try:
            for task in reversed(tasks):
                if task.number == self.interrupt:
                    raise KeyboardInterrupt
                x, n = task.parameters.get("x", 1.0), task.parameters.get("n", 1)
                if x == 5.0:
                    yield Outcome(task.number, 0.5, error=FAILED)
                    continue
                task.output.write_text(json.dumps({"cells": [], "x": x}))
                results = {"loss": (x - 3) ** 2 + n, "name": "a", "other": None if n == 9 else 1.5 * x}
                yield Outcome(task.number, 0.5, results)
        finally:
            self.closed = True


def make_project(folder: Path) -> Workspace:
    """Make a project whose second notebook has its best result at x = 3, and fails at x = 5."""
    (folder / "parameters").mkdir()
    (folder / "parameters" / "base.yml").write_text("platform: local\n")
    (folder / "notebooks").mkdir()
    for step in STEPS:
        declared = "\n".join([PARAMETERS.get(step.notebook, ""), 'run_folder = ""  # folder of the run'])
        cells = ["from mlops.notebook.handoff import *", declared, WORK.get(step.notebook, "")]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.cells[1].metadata["tags"] = ["parameters"]
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
        nbformat.write(notebook, folder / "notebooks" / f"{step.notebook}.ipynb")
    return Workspace(folder, folder / "home", folder / "outputs")

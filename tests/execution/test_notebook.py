"""Notebooks that papermill alone would execute or report wrongly."""

import base64
import contextlib
import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop
from kernel_processes import find_kernels

from mlops.errors import StepFailed
from mlops.execution.cancel import Cancel
from mlops.execution.messages import RunClient
from mlops.execution.notebook import execute

WAIT = """\
import array, fcntl, termios, time
for stream in (1, 2):
    unread = array.array("i", [1])
    while unread[0]:
        time.sleep(.1)
        fcntl.ioctl(stream, termios.FIONREAD, unread)"""  # threads of the kernel read its standard streams


def write_notebook(folder: Path, *cells: str, kernel: str = "python3") -> Path:
    """Write a notebook: a parameters cell, then `cells`."""
    first = nbformat.v4.new_code_cell("x = 1  # a number", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[first, *(nbformat.v4.new_code_cell(cell) for cell in cells)])
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(notebook, folder / "source.ipynb")
    return folder / "source.ipynb"


def run(folder: Path, *cells: str, seconds: float = 60, secrets: tuple[str, ...] = (), x: int = 1) -> str:
    """Execute a notebook of these cells and return its copy as text."""
    output = folder / "copy.ipynb"
    execute(write_notebook(folder, *cells), output, {"x": x}, seconds=seconds, secrets=lambda: secrets)
    return output.read_text()


def find_failed_cell(folder: Path) -> str:
    """Return the source of the cell that the copy marks as failed."""
    notebook = nbformat.read(folder / "copy.ipynb", as_version=4)
    assert notebook.metadata.papermill.exception is True
    failed = [cell.source for cell in notebook.cells if cell.metadata.get("papermill", {}).get("exception")]
    assert len(failed) == 1
    return str(failed[0])


def test_parameters_reach_the_notebook(tmp_path: Path) -> None:
    assert "x is 5" in run(tmp_path, "print('x is', x)", x=5)


def test_cells_are_reported_as_they_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = write_notebook(tmp_path, "1", "2")
    execute(source, tmp_path / "c.ipynb", {}, seconds=60, report_cell=lambda done, cells: seen.append((done, cells)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_error_names_the_cell_and_is_kept_in_the_copy(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"ValueError in the cell that begins 'y = 2': alpha is -1") as failed:
        run(tmp_path, "y = 2\n\nraise ValueError('alpha is -1')", "print('not reached')")
    assert (failed.value.kind, failed.value.cell, failed.value.line) == ("ValueError", "y = 2", 3)
    assert find_failed_cell(tmp_path) == "y = 2\n\nraise ValueError('alpha is -1')"
    assert "not reached\\n" not in (tmp_path / "copy.ipynb").read_text()


@pytest.mark.parametrize("leave", ["import sys; sys.exit(0)", "import sys; sys.exit()", "raise SystemExit"])
def test_leaving_early_is_a_failure(tmp_path: Path, leave: str) -> None:
    with pytest.raises(StepFailed, match="The notebook exited early in the cell that begins"):
        run(tmp_path, leave, "print('not reached')")
    assert find_failed_cell(tmp_path) == leave


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_a_dead_kernel_is_a_failure_in_the_cell_that_ran(tmp_path: Path, end: str) -> None:
    with pytest.raises(StepFailed, match="The kernel died in the cell that begins 'import os"):
        run(tmp_path, f"import os; {end}", "print('not reached')")
    assert find_failed_cell(tmp_path) == f"import os; {end}"


def test_nothing_that_a_notebook_starts_has_the_program_s_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output of subprocesses and C code is in the notebook. A process that outlives the kernel has no open pipe."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # ipykernel behaves differently if it is set
    cell = (
        "import os, subprocess\nos.system('echo FROM A SHELL; echo ITS ERROR >&2')\nos.write(1, b'FROM C\\n')\n"
        "sleeper = subprocess.Popen(['sleep', '60'], start_new_session=True).pid\n"
        "print(*[os.readlink(f'/proc/{sleeper}/fd/{n}') for n in (1, 2)])\nos.kill(sleeper, 9)"
    )
    ours = [os.readlink(f"/proc/self/fd/{number}") for number in (1, 2)]
    run(tmp_path, f"{cell}\n{WAIT}")
    shown = str(nbformat.read(tmp_path / "copy.ipynb", as_version=4).cells[-1].outputs)
    assert all(text in shown for text in ("FROM A SHELL", "ITS ERROR", "FROM C"))
    assert not any(file in shown for file in ours)
    captured = capfd.readouterr()
    assert "FROM" not in captured.out + captured.err
    assert "ERROR" not in captured.out + captured.err


def test_a_kernel_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"argv": ["sh", "-c", "echo no such module >&2"], "display_name": "broken", "language": "python"}
    (tmp_path / "kernels" / "broken").mkdir(parents=True)
    (tmp_path / "kernels" / "broken" / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    source = write_notebook(tmp_path, "1", kernel="broken")
    with pytest.raises(StepFailed, match="The kernel did not start: it died before it was ready: no such module"):
        execute(source, tmp_path / "copy.ipynb", {}, seconds=60)


def test_a_hang_is_ended_at_the_deadline(tmp_path: Path) -> None:
    with pytest.raises(
        StepFailed, match=r"took longer than 0\.02 minutes and was ended in the cell that begins 'while"
    ):
        run(tmp_path, "while True: pass", seconds=1.2)
    assert find_failed_cell(tmp_path) == "while True: pass"


def test_the_deadline_holds_for_all_cells_together(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="took longer than"):
        run(tmp_path, *["import time; time.sleep(1.1)"] * 4, seconds=2)


@pytest.mark.slow  # jupyter_client itself waits for seven seconds
def test_a_stopped_kernel_is_ended_at_the_deadline(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="took longer than"):
        run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", seconds=1)


def test_no_kernel_is_left_behind(tmp_path: Path) -> None:
    for cell in ("1", "import os; os.kill(os.getpid(), 9)"):
        with contextlib.suppress(StepFailed):
            run(tmp_path, cell)
    assert find_kernels(os.getpid()) == []


def test_a_kernel_that_is_not_installed_says_so(tmp_path: Path) -> None:
    source = write_notebook(tmp_path, "1", kernel="fortran")
    with pytest.raises(StepFailed, match="The Jupyter kernel 'fortran' is not installed here. Run `make setup`."):
        execute(source, tmp_path / "copy.ipynb", {}, seconds=60)


def test_secrets_are_redacted_in_the_copy_and_in_the_error(tmp_path: Path) -> None:
    cells = ("print('key', 's3' + 'cr3t')", "raise ValueError('with s3' + 'cr3t')")
    with pytest.raises(StepFailed, match=r"with \*\*\*") as failed:
        run(tmp_path, *cells, secrets=("s3cr3t",))
    copy = (tmp_path / "copy.ipynb").read_text()
    assert "s3cr3t" not in copy
    assert "key ***" in copy
    assert (failed.value.__cause__, failed.value.__context__) == (None, None), "a traceback would show its causes"


def test_secrets_that_are_spread_over_outputs_are_redacted(tmp_path: Path) -> None:
    """Secrets as a kernel really sends them: on two streams, bit by bit, in colour, in a table and in a picture."""
    cells = (
        "import sys, time\nsecret = 's3&cr<3t' + '-word'\nfor letter in secret: print(letter, end='', flush=True)",
        "print(secret[:5], end='', flush=True); print(secret[5:], file=sys.stderr, flush=True)",
        "print(f'\\x1b[31m{secret[:4]}\\x1b[0m{secret[4:]}')",
        "import pandas; pandas.DataFrame({'key': [secret]})",
        "import matplotlib.pyplot as plt; plt.figure(); plt.savefig('key.png', metadata={'Comment': secret})\n"
        "from IPython.display import Image; Image('key.png')",
        "{}[secret]",
    )
    with pytest.raises(StepFailed, match=r"KeyError in .*'\*\*\*'"):
        run(tmp_path, f"import os; os.chdir({str(tmp_path)!r})", *cells, secrets=("s3&cr<3t-word",))
    cells_ = nbformat.read(tmp_path / "copy.ipynb", as_version=4).cells
    shown = json.dumps([cell.get("outputs") for cell in cells_])
    for part in ("t-wo", "-word", "s3&", "s3&amp;", "3t"):
        assert part not in re.sub(r"<ipython-input[^>]*>|[A-Za-z0-9+/]{60,}", "", shown), shown
    picture = next(
        data["image/png"]
        for cell in cells_
        for out in cell.get("outputs", [])
        for data in [out.get("data", {})]
        if "image/png" in data
    )
    assert b"s3&cr<3t-word" not in base64.b64decode(picture)


ODD = {
    "a type of its own": (
        "display({'application/x-thing': {'k': 's3' + 'cr3t-word'}}, raw=True)",
        "application/x-thing is of",
    ),
    "cleared": ("display({'text/plain': 3}, raw=True)\nfrom IPython.display import *; clear_output()", "text/plain is"),
    "a widget": (
        "from ipykernel.comm import Comm; Comm(target_name='jupyter.widget', data={'s3' + 'cr3t-word': 1})",
        "A widget sent a message that cannot be read",
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_output_that_a_notebook_cannot_hold_fails_its_cell(
    tmp_path: Path, odd: str, capfd: pytest.CaptureFixture[str]
) -> None:
    cell, said = ODD[odd]
    with pytest.raises(StepFailed, match=rf"OddOutput .*{said}"):
        run(tmp_path, cell, "print('not reached')", secrets=("s3cr3t-word",))
    assert find_failed_cell(tmp_path) == cell
    copy = (tmp_path / "copy.ipynb").read_text()
    assert "s3cr3t" not in copy
    assert "not reached\\n" not in copy
    assert "s3cr3t" not in "".join(capfd.readouterr())


def test_a_failure_of_the_runner_itself_is_a_red_step_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(client: RunClient, *_: object) -> None:
        raise KeyError("s3cr3t-word")

    monkeypatch.setattr(RunClient, "process_message", fail)
    with pytest.raises(StepFailed, match=r"The runner failed in the cell that begins 'x = .*KeyError: '\*\*\*'"):
        run(tmp_path, "1", secrets=("s3cr3t-word",))


def test_a_cell_that_is_to_be_skipped_is_skipped(tmp_path: Path) -> None:
    source = write_notebook(tmp_path, "raise ValueError", "print('reached')")
    notebook = nbformat.read(source, as_version=4)
    notebook.cells[1].metadata["tags"] = ["skip-execution"]
    nbformat.write(notebook, source)
    execute(source, tmp_path / "copy.ipynb", {}, seconds=60)
    assert [len(cell.outputs) for cell in nbformat.read(tmp_path / "copy.ipynb", as_version=4).cells] == [0, 0, 1]


@pytest.mark.parametrize("cell", ["1", "import os; os._exit(1)"])
def test_other_tools_can_use_the_copy(tmp_path: Path, cell: str) -> None:
    with contextlib.suppress(StepFailed):
        run(tmp_path, cell)
    metadata = nbformat.read(tmp_path / "copy.ipynb", as_version=4).metadata
    assert metadata.papermill.output_path == str(tmp_path / "copy.ipynb")
    assert metadata.language_info.file_extension == ".py", "without it nbconvert writes a .txt"


def test_a_copy_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    source = write_notebook(tmp_path, "1")
    with pytest.raises(StepFailed, match=r"Could not write \S+/copy\.ipynb: .*File exists"):
        execute(source, tmp_path / "file" / "copy.ipynb", {}, seconds=60)


def test_the_copy_is_whole_whenever_it_is_read(tmp_path: Path) -> None:
    """A reader that reads the file all the time never sees half a notebook."""
    ended, broken = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            try:
                json.loads((tmp_path / "copy.ipynb").read_text())
            except FileNotFoundError:
                continue
            except ValueError as error:
                broken.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    run(tmp_path, *["print('a' * 200_000)"] * 8)
    ended.set()
    reader.join()
    assert broken == []


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_kernel(tmp_path: Path) -> None:
    marker = tmp_path / "running"

    def interrupt() -> None:
        while not marker.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, f"import pathlib, time; pathlib.Path({str(marker)!r}).touch(); time.sleep(3600)")
    assert find_kernels(os.getpid()) == []


def test_another_thread_can_end_it(tmp_path: Path) -> None:
    marker, cancel = tmp_path / "running", Cancel()

    def ask() -> None:
        while not marker.exists():
            time.sleep(0.05)
        cancel.ask()

    threading.Thread(target=ask).start()
    source = write_notebook(tmp_path, f"import pathlib, time; pathlib.Path({str(marker)!r}).touch(); time.sleep(3600)")
    for copy in ("copy.ipynb", "never.ipynb"):  # the second time, it is cancelled before it begins
        with pytest.raises(StepFailed, match="^interrupted$"):
            execute(source, tmp_path / copy, {}, seconds=60, cancel=cancel)
    assert find_failed_cell(tmp_path).startswith("import pathlib")
    assert find_kernels(os.getpid()) == []


def test_notebooks_run_side_by_side_in_threads(tmp_path: Path) -> None:
    """Each notebook waits for the other's file, so neither ends unless both run at the same time."""
    cell = (
        "import pathlib, time\nopen(f'{folder}/{x}', 'w').close()\n"
        "while not pathlib.Path(f'{folder}/{3 - x}').exists(): time.sleep(0.01)"
    )
    source = write_notebook(tmp_path, f"folder = {str(tmp_path)!r}", cell)

    def work(x: int) -> None:
        with contextlib.closing(ensure_event_loop()):
            execute(source, tmp_path / f"copy-{x}.ipynb", {"x": x}, seconds=60)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (1, 2)))


def test_a_large_notebook_is_saved_at_intervals(tmp_path: Path) -> None:
    """papermill alone would write it twice per cell: 120 times here, with 12 MB each at the end."""
    seen: set[tuple[int, int]] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.001):
            with contextlib.suppress(FileNotFoundError):
                found = (tmp_path / "copy.ipynb").stat()
                seen.add((found.st_ino, found.st_mtime_ns))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    copy = run(tmp_path, *["print('a' * 200_000)"] * 60)
    seconds = time.monotonic() - began
    ended.set()
    watcher.join()
    assert copy.count("a" * 200_000) == 60
    assert len(seen) <= 4 + seconds  # one per second, and the first and last ones


def test_a_notebook_that_vanished_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match=r"gone\.ipynb no longer exists\. Restore it and resume the run\."):
        execute(tmp_path / "gone.ipynb", tmp_path / "copy.ipynb", {}, seconds=60)

"""The log of a kernel: what it writes past its notebook, which must not reach the terminal."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

READ = 2**16  # bytes at the end of the log that are searched


class KernelLog:
    """A file that a kernel has for its standard error.

    ipykernel sends whatever is written to its descriptors 1 and 2 to the notebook, subprocesses and libraries in C
    included, and repeats it on what they were before. On a terminal that would be a copy without redaction, in
    ``--json`` a line before the JSON. And a process that outlives its kernel would keep the program's pipe open.

    Parameters
    ----------
    file : binary file
        Open for writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @property
    def streams(self) -> Mapping[str, int]:
        """The options with which `jupyter_client` starts a kernel."""
        return {"stdout": subprocess.DEVNULL, "stderr": self._file.fileno()}

    def find_last(self) -> str:
        """Return the last line, after a colon; nothing if there is none.

        The line is whole: it is cut after its secrets are redacted, because half a secret would not be found.
        """
        with Path(self._file.name).open("rb") as file:
            start = max(0, self._file.seek(0, os.SEEK_END) - READ)
            file.seek(start)
            lines = file.read().decode(errors="replace").splitlines()
        whole = lines[1:] if start else lines
        last = next((line.strip() for line in reversed(whole) if line.strip()), "")
        return f": {last}" if last else ""


@contextmanager
def open_log(folder: str) -> Iterator[KernelLog]:
    """Open a log in the folder of a kernel's sockets."""
    with Path(folder, "kernel.log").open("ab") as file:
        yield KernelLog(file)

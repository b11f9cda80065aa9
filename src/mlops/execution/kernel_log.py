"""The log of a kernel: the text that the kernel writes to standard error."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

READ = 2**16  # number of bytes at the end of the log that are read


class KernelLog:
    """A file that receives the standard error of a kernel.

    Parameters
    ----------
    file : binary file
        The log file, opened for writing.
    """

    # ipykernel sends all output on file descriptors 1 and 2 to the notebook, and repeats it on the original
    # descriptors. Without this file, the terminal would show secrets in the output, and with ``--json`` the output
    # would precede the JSON. Also, a process that outlives its kernel would hold the program's standard error open.

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @property
    def streams(self) -> Mapping[str, int]:
        """The options that make `jupyter_client` start the kernel with this log."""
        return {"stdout": subprocess.DEVNULL, "stderr": self._file.fileno()}

    def find_last(self) -> str:
        """Return ": " and the last line of the log, to append to a message; "" if the log is empty."""
        # The line is not shortened, because its secrets are redacted later. Half of a secret would not be recognized.
        with Path(self._file.name).open("rb") as file:
            start = max(0, self._file.seek(0, os.SEEK_END) - READ)
            file.seek(start)
            lines = file.read().decode(errors="replace").splitlines()
        whole = lines[1:] if start else lines
        last = next((line.strip() for line in reversed(whole) if line.strip()), "")
        return f": {last}" if last else ""


@contextmanager
def open_log(folder: str) -> Iterator[KernelLog]:
    """Open a log in the folder of the kernel's sockets, and close it at the end of the ``with`` statement."""
    with Path(folder, "kernel.log").open("ab") as file:
        yield KernelLog(file)

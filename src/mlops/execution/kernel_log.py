"""The log of a kernel: the text that it writes outside of its notebook, which must not reach the terminal."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

READ = 2**16  # bytes at the end of the log that are searched


class KernelLog:
    """A file that receives the standard error of a kernel.

    ipykernel sends all output on its descriptors 1 and 2 to the notebook, including that of subprocesses and C
    libraries, and repeats it on the original descriptors. On a terminal that would be an unredacted copy, and with
    ``--json`` a line before the JSON. Also, a process that outlives its kernel would keep the program's pipe open.

    Parameters
    ----------
    file : binary file
        The file, open for writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @property
    def streams(self) -> Mapping[str, int]:
        """The options for the start of a kernel with `jupyter_client`."""
        return {"stdout": subprocess.DEVNULL, "stderr": self._file.fileno()}

    def find_last(self) -> str:
        """Return a colon and the last line, or "" if the log is empty.

        The line is not shortened here, because its secrets are redacted later and half a secret would not be found.
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
    """Open a log in the folder that also has the kernel's sockets."""
    with Path(folder, "kernel.log").open("ab") as file:
        yield KernelLog(file)

"""The source files of imported modules, and a check that finds out whether they changed after the import."""

import os
import sys
from collections.abc import Iterable

SETTLED_SECONDS = 2.0  # a file modified within this time can change again under the same timestamp

Signature = tuple[int, int, int] | frozenset[str]


class Sources:
    """The source files of the modules that a parent has imported from some packages.

    Parameters
    ----------
    packages : iterable of str
        The names of the top-level packages.
    """

    def __init__(self, packages: Iterable[str]) -> None:
        self._packages = frozenset(packages)
        self._recorded: set[str] = set()
        self._signatures: dict[str, Signature | None] = {}

    def record(self, began: float) -> None:
        """Record the files and folders of the modules that were imported since the previous call.

        Parameters
        ----------
        began : float
            A time before the first of these imports, in seconds since 1970.
        """
        for name in self._list_modules():
            if name in self._recorded:
                continue
            self._recorded.add(name)
            module = sys.modules[name]
            if file := getattr(module, "__file__", None):
                self._signatures[file] = _sign_file(file, latest=began - SETTLED_SECONDS)
            for folder in getattr(module, "__path__", ()):
                self._signatures[folder] = _sign_folder(folder)

    def find_stale(self) -> tuple[str, ...]:
        """Return all modules of the packages if any recorded file or folder has changed, otherwise an empty tuple."""
        # All of them, because one module may hold objects of another. Folders, too, because a new file may now be
        # imported instead of an existing module.
        for path, signature in self._signatures.items():
            now = _sign_folder(path) if isinstance(signature, frozenset) else _sign_file(path)
            if signature is None or now != signature:
                return tuple(self._list_modules())
        return ()

    def _list_modules(self) -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in self._packages]


def _sign_file(path: str, latest: float = float("inf")) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if status.st_mtime <= latest else None


def _sign_folder(path: str) -> Signature:
    try:
        return frozenset(name for name in os.listdir(path) if not name.startswith((".", "__pycache__")))
    except OSError:
        return frozenset()

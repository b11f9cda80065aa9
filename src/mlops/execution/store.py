"""The storage that papermill writes notebooks to: local files, written atomically and without secrets."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from papermill.iorw import papermill_io

from mlops.errors import StepFailed
from mlops.files.atomic import write_atomically
from mlops.files.disk import FULL
from mlops.record.redaction import make_redactor
from mlops.record.redaction.notebooks import redact_notebook


class NotebookStore:
    """A handler with which papermill writes notebooks to local files."""

    # papermill writes the finished notebook twice. The second write is omitted if the content is the same.

    SCHEME = "mlops-run:"

    def __init__(self) -> None:
        self._secrets: dict[str, Callable[[], Iterable[str]]] = {}
        self._written: dict[str, str] = {}

    def open(self, path: Path, secrets: Callable[[], Iterable[str]]) -> str:
        """Register the path of a notebook, and return the notebook's address in this store, for papermill."""
        self._secrets[str(path)] = secrets
        self._written[str(path)] = ""
        return f"{self.SCHEME}{path}"

    def close(self, path: Path) -> None:
        """Unregister the path of a notebook that is finished."""
        del self._secrets[str(path)]
        del self._written[str(path)]

    def write(self, content: str, url: str) -> None:
        """Write a notebook, or raise StepFailed if it cannot be written. Called by papermill."""
        path = self.pretty_path(url)
        if content == self._written[path]:
            return
        notebook = json.loads(content)
        notebook["metadata"]["papermill"]["output_path"] = path  # papermill wrote the address in this store
        safe = redact_notebook(notebook, make_redactor(self._secrets[path]()))
        try:
            write_atomically(Path(path), json.dumps(safe, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            advice = " Free some space and try again." if error.errno in FULL else ""
            raise StepFailed(f"Could not write {path}: {error.strerror or error}.{advice}") from error
        self._written[path] = content

    def pretty_path(self, url: str) -> str:
        """Return the path of the notebook with this address. Called by papermill."""
        return url.removeprefix(self.SCHEME)


STORE = NotebookStore()
papermill_io.register(NotebookStore.SCHEME, STORE)

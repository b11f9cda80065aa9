"""The store that papermill writes to: local files, which are written atomically and without secrets."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from papermill.iorw import papermill_io

from mlops.errors import StepFailed
from mlops.files.atomic import write_atomically
from mlops.record.redaction import make_redactor
from mlops.record.redaction.notebooks import redact_notebook


class NotebookStore:
    """A papermill handler with its own scheme.

    papermill writes the finished notebook twice. Unchanged content is written only once.
    """

    SCHEME = "mlops-run:"

    def __init__(self) -> None:
        self._secrets: dict[str, Callable[[], Iterable[str]]] = {}
        self._written: dict[str, str] = {}

    def open(self, path: Path, secrets: Callable[[], Iterable[str]]) -> str:
        """Register a notebook, in which `secrets` will be redacted, and return the address for papermill."""
        self._secrets[str(path)] = secrets
        self._written[str(path)] = ""
        return f"{self.SCHEME}{path}"

    def close(self, path: Path) -> None:
        """Forget a notebook that is finished."""
        del self._secrets[str(path)]
        del self._written[str(path)]

    def write(self, content: str, url: str) -> None:
        """Write a notebook; called by papermill. Raises StepFailed if it cannot be written."""
        path = self.pretty_path(url)
        if content == self._written[path]:
            return
        notebook = json.loads(content)
        notebook["metadata"]["papermill"]["output_path"] = path  # papermill would record the address of this store
        safe = redact_notebook(notebook, make_redactor(self._secrets[path]()))
        try:
            write_atomically(Path(path), json.dumps(safe, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StepFailed(f"Could not write {Path(path).name}: {error.strerror or error}.") from error
        self._written[path] = content

    def pretty_path(self, url: str) -> str:
        """Return the path behind an address; called by papermill."""
        return url.removeprefix(self.SCHEME)


STORE = NotebookStore()
papermill_io.register(NotebookStore.SCHEME, STORE)

"""MLflow's web page, whose server is installed in a separate virtual environment."""

from collections.abc import Sequence
from pathlib import Path

from mlops.backends.local.store.database import name_url, require_writable
from mlops.backends.local.store.failures import DATABASE
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.store.schema import require_schema
from mlops.errors import UsageError

SERVER = Path(".venv-ui/bin/mlflow")  # a path in the project; `make ui` installs it


class LocalTrackingPage:
    """See `mlops.platform.trainings.TrackingPage`.

    Parameters
    ----------
    project : Path
        The folder of the project.
    store : MlflowStore
        The database with the trainings that the page shows.
    """

    def __init__(self, project: Path, store: MlflowStore) -> None:
        self._server = project / SERVER
        self._store = store

    def find_command(self, arguments: Sequence[str]) -> list[str]:
        """See `TrackingPage`. Creates an empty database if there is none yet."""
        if not self._server.is_file():
            raise UsageError(f"MLflow's server is not installed in {self._server}. Run `make ui`, which installs it.")
        database = self._store.home / DATABASE
        require_schema(database, self._store.patience)
        require_writable(database, self._store.patience)
        self._store.prepare_write()  # the page reads files from the paths in the database
        if not self._store.exists:
            self._store.client  # noqa: B018 - creates the database
        return [str(self._server), "ui", "--backend-store-uri", name_url(database), *arguments]

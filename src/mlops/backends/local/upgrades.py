"""What an older version has made in MLOPS_HOME and this one cannot use as it is: the schema of MLflow's database."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mlops.backends.local.mlflow_store import DATABASE
from mlops.backends.local.schema import read_schema, require_schema, upgrade_database
from mlops.errors import PlatformError


class LocalUpgrades:
    """See `mlops.platform.upgrades.Upgrades`."""

    def __init__(self, home: Path) -> None:
        self._database = home / DATABASE

    def list_outdated(self) -> list[str]:
        """See `Upgrades`."""
        schema = read_schema(self._database)
        if schema is None or schema.found == schema.newest:
            return []
        if not schema.known:
            require_schema(self._database)
        return [f"{DATABASE} has schema {schema.found}, and MLflow needs {schema.newest}"]

    def upgrade(self) -> Iterator[str]:
        """See `Upgrades`."""
        logging.getLogger("alembic").setLevel(logging.WARNING)
        schema = read_schema(self._database)
        if schema and schema.outdated:
            try:
                upgrade_database(self._database)
            except sqlite3.OperationalError as error:
                raise PlatformError(
                    f"{self._database} could not be upgraded: {error}. "
                    "End what has it open, for example `make ui`, and run `mlops upgrade` again; it is unchanged."
                ) from error
            yield f"{DATABASE}: schema {schema.found} upgraded to {schema.newest}"

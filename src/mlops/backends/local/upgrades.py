"""Upgrades of state that an older version of the engine created: MLflow's database, and the notes of champions."""

import logging
from collections.abc import Iterator
from pathlib import Path

from mlops.backends.local.champions import ChampionNotes
from mlops.backends.local.store.failures import DATABASE, explain_failures
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.store.schema import read_schema, require_schema, upgrade_database


class LocalUpgrades:
    """See `mlops.platform.upgrades.Upgrades`."""

    def __init__(self, home: Path) -> None:
        self._home = home
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
            with explain_failures(self._database):
                upgrade_database(self._database)
            yield f"{DATABASE}: schema {schema.found} upgraded to {schema.newest}"
        for champion in MlflowStore(self._home).note_champions():
            path = ChampionNotes(self._home).locate(champion.name)
            yield f"{path}: version {champion.version} recorded as the champion of {champion.name!r}"

"""Upgrades of state that an older version created: MLflow's database, the records of champions, and the data set."""

import logging
from collections.abc import Iterator
from pathlib import Path

from mlops.backends.local.champions import ChampionNotes
from mlops.backends.local.datasets import CATALOGUE, FOLDER, LocalDatasets
from mlops.backends.local.store.failures import DATABASE, explain_failures
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.store.schema import read_schema, require_schema, upgrade_database


class LocalUpgrades:
    """See `mlops.platform.upgrades.Upgrades`."""

    def __init__(self, home: Path, datasets: LocalDatasets) -> None:
        self._home = home
        self._datasets = datasets
        self._database = home / DATABASE

    def list_outdated(self) -> list[str]:
        """See `Upgrades`."""
        found = []
        schema = read_schema(self._database)
        if schema and schema.found != schema.newest:
            if not schema.known:
                require_schema(self._database)
            found.append(f"{DATABASE} has schema {schema.found}, and MLflow needs {schema.newest}")
        if unnamed := self._datasets.count_unnamed():
            found.append(f"{FOLDER}/{CATALOGUE} does not name the data set of {_count_versions(unnamed)}")
        return found

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
        if unnamed := self._datasets.count_unnamed():
            self._datasets.name_versions()
            yield f"{FOLDER}/{CATALOGUE}: recorded the data set of {_count_versions(unnamed)}"


def _count_versions(number: int) -> str:
    return f"{number} version" + ("" if number == 1 else "s")

"""MLOPS_HOME folders of older versions: with an older format, or with the database of an older MLflow."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox import SANDBOX

from mlops.backends.local.store.schema import configure_alembic
from mlops.workspace import Workspace

HOMES = Path(__file__).parent / "homes"
RUN = "20261125-233836-all-3cdc6392"
MODELS = ("registered_models", "model_versions", "model_version_tags", "registered_model_aliases")
TRAININGS = ("experiments", "runs", "tags", "params", "metrics", "latest_metrics")


def build_home(folder: Path, name: str = "format-1") -> Workspace:
    """Create the MLOPS_HOME of an older version, with a run, below `folder`."""
    workspace = Workspace(SANDBOX, folder / "home", folder / "outputs")
    places = {"@HOME@": workspace.home, "@OUTPUTS@": workspace.outputs, "@PROJECT@": SANDBOX}

    def fill(path: Path) -> str:
        text = path.read_text()
        for placeholder, place in places.items():
            text = text.replace(placeholder, str(place))
        return text

    shutil.copytree(HOMES / name / "home", workspace.home)
    for path in (HOMES / name / "outputs").rglob("*.*"):
        target = workspace.outputs / path.relative_to(HOMES / name / "outputs")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fill(path))
    with closing(sqlite3.connect(workspace.home / "mlflow.db")) as database:
        database.executescript(fill(HOMES / name / "mlflow.sql"))
    return workspace


def age_database(path: Path, revision: str) -> None:
    """Replace MLflow's database with a database of an older MLflow that contains the same trainings and models."""
    from alembic import command
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    newer = path.rename(path.with_suffix(".newer"))
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    command.upgrade(configure_alembic(path), revision)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ATTACH ? AS newer", (str(newer),))
        for table in (*TRAININGS, *MODELS):
            common = ", ".join(f'"{name}"' for name in _list_columns(database, table))
            database.execute(f"DELETE FROM main.{table}")
            database.execute(f"INSERT INTO main.{table} ({common}) SELECT {common} FROM newer.{table}")
    newer.unlink()


def _list_columns(database: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns that a table has in the older and in the newer database."""
    older, newer = (
        [row[1] for row in database.execute(f"PRAGMA {schema}.table_info({table})")] for schema in ("main", "newer")
    )
    return [name for name in older if name in newer]

"""The schema of MLflow's database: its revision, the check of the revision, and the upgrade."""

# The revision is checked before MLflow opens the file, because MLflow upgrades some databases without a backup.

import re
import sqlite3
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.backends.local.store.database import PATIENT, Patience, ask_database, name_url
from mlops.backends.local.store.failures import explain_damage
from mlops.errors import FormatError, IntegrityError
from mlops.files.databases import copy_database

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = "alembic_version"  # the table in which alembic keeps the revision
REVISION = re.compile(r"""^revision(?:: .+)? = ["'](\w+)["']""", re.MULTILINE)
REPLACED = re.compile(r"^down_revision(?:: .+)? = (.+)", re.MULTILINE)
NAME = re.compile(r"""["'](\w+)["']""")


@dataclass(frozen=True)
class Schema:
    """The schema of a database, compared with the newest schema that the installed MLflow knows.

    Parameters
    ----------
    found, newest : str
        The revision of the database, and the newest revision that the installed MLflow knows.
    known : bool
        Whether the installed MLflow knows the revision of the database.
    """

    found: str
    newest: str
    known: bool

    @property
    def outdated(self) -> bool:
        """True if the database must be upgraded."""
        return self.known and self.found != self.newest


def read_schema(database: Path, patience: Patience = PATIENT) -> Schema | None:
    """Return the schema of a database, or None if there is no database yet.

    Raises
    ------
    IntegrityError
        If the file is damaged, or is not a database of MLflow.
    PlatformError
        If the file stays locked, or cannot be read.
    """
    found = _read_revision(database, patience)
    if not found:
        return None
    newest, known = read_revisions()
    return Schema(found, newest, found in known)


def read_revisions() -> tuple[str, set[str]]:
    """Return the newest revision that the installed MLflow knows, and all revisions that it knows."""
    # Read from the source text of the migrations, because alembic would import MLflow and take 2 s.
    texts = [path.read_text(encoding="utf-8") for path in (_find_migrations() / "versions").glob("*.py")]
    known = {revision for text in texts for revision in REVISION.findall(text)}
    replaced = {name for text in texts for line in REPLACED.findall(text) for name in NAME.findall(line)}
    return min(known - replaced, default=""), known


def require_schema(database: Path, patience: Patience = PATIENT) -> None:
    """Check that the installed MLflow can use a database without an upgrade.

    Raises
    ------
    FormatError
        If the database has an older or a newer schema.
    PlatformError, IntegrityError
        If the database cannot be read, or is damaged.
    """
    schema = read_schema(database, patience)
    if schema and not schema.known:
        raise FormatError(
            f"{database} was created by a newer MLflow (schema {schema.found}). The installed MLflow reads schemas up "
            f"to {schema.newest}. Update the checkout and run `make setup`."
        )
    if schema and schema.outdated:
        raise FormatError(
            f"{database} was created by an older MLflow (schema {schema.found}). The installed MLflow needs schema "
            f"{schema.newest}. Run `mlops upgrade --platform local`, which makes a backup first."
        )


def upgrade_database(database: Path) -> None:
    """Upgrade a database to the newest schema.

    If the process is killed, the database has either the old or the new schema.
    """
    from alembic import command

    with tempfile.TemporaryDirectory(dir=database.parent, prefix=f".{database.name}.") as scratch:
        # MLflow's migrations are not a single transaction, so they run on a copy.
        copy = Path(scratch, database.name)
        copy_database(database, copy)
        command.upgrade(configure_alembic(copy), "heads")
        copy_database(copy, database)


def configure_alembic(database: Path) -> "Config":
    """Return the configuration with which alembic runs the installed MLflow's migrations on a database."""
    from alembic.config import Config

    config = Config()
    for name, value in (("script_location", str(_find_migrations())), ("sqlalchemy.url", name_url(database))):
        config.set_main_option(name, value.replace("%", "%%"))
    return config


def _find_migrations() -> Path:
    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "store" / "db_migrations"


def _read_revision(database: Path, patience: Patience) -> str:
    if not database.exists():
        return ""
    if not database.is_file():
        raise explain_damage(database, "it is not a file")
    if not database.stat().st_size:
        raise IntegrityError(
            f"{database} is damaged, because it is empty. Restore it from a backup, or delete it if it was never used."
        )

    def ask(connection: sqlite3.Connection) -> str:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSIONS,)).fetchall()
        row = connection.execute(f"SELECT version_num FROM {VERSIONS}").fetchone() if tables else None
        return str(row[0]) if row else ""

    revision = ask_database(database, ask, patience)
    if not revision:
        raise IntegrityError(
            f"{database} is damaged, because its schema revision is missing. Restore it from a backup."
        )
    return revision

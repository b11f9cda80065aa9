"""The upgrade of the folder MLOPS_HOME to the format of this version, after a backup."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mlops.errors import PlatformError, UsageError
from mlops.files.databases import copy_database
from mlops.platform.services import Services
from mlops.platform.upgrades import Upgrades
from mlops.record.ledger import iterate_runs
from mlops.record.processes import describe_holders
from mlops.record.run_lock import claim_runs
from mlops.workspace import HOME_FORMAT, SERVICE_ENVIRONMENTS, Workspace, check_home, mark_home, read_home_format

LOCKS = ("*.lock", "lock")  # the files that processes lock while they change a home
DATABASES = (".db",)
SIDE_FILES = ("*-journal", "*-wal", "*-shm")  # SQLite's own files, whose content is in the copy of the database


def upgrade_home(workspace: Workspace, services: Services, upgrades: Upgrades | None) -> Iterator[str]:
    """Upgrade MLOPS_HOME, and yield a line for each change.

    If the process is killed, call the function again to complete the upgrade.

    Parameters
    ----------
    workspace : Workspace
        The project and its MLOPS_HOME.
    services : Services
        The services of the platform. They keep serving, and their files are not changed.
    upgrades : Upgrades, optional
        The upgrades of the platform's state. None if the platform stores no state in MLOPS_HOME.

    Yields
    ------
    str
        A description of what was found or changed.

    Raises
    ------
    FormatError
        If a newer version of the engine wrote to MLOPS_HOME.
    UsageError
        If another process is using MLOPS_HOME.
    """
    home = workspace.home
    check_home(home)
    outdated = list_outdated(home, upgrades)
    if not outdated:
        yield f"{home} is up to date (format {HOME_FORMAT}): nothing to do"
        return
    with _hold_all_locks(workspace, services.command_options):
        for line in outdated:
            yield f"outdated  {line}"
        backup = back_up_home(home)
        yield f"backup    {backup}"
        for service in services.list_services():
            if service.health in ("healthy", "unhealthy"):
                yield f"serving   {service.environment} keeps serving at {service.url}"
        for line in upgrades.upgrade() if upgrades else ():
            yield f"upgraded  {line}"
        before = read_home_format(home)
        mark_home(home)  # last, so that a second call does the rest if this call is killed
        if before != HOME_FORMAT:
            yield f"upgraded  MLOPS_HOME: format {before} to {HOME_FORMAT}"
    yield f"To go back to the old version, stop the services and replace {home} with the backup."


def list_outdated(home: Path, upgrades: Upgrades | None) -> list[str]:
    """Return one line for each necessary upgrade of MLOPS_HOME."""
    if not home.is_dir():
        return []
    found = read_home_format(home)
    older = f"MLOPS_HOME has format {found}, but this version writes format {HOME_FORMAT}"
    own = [older] if found < HOME_FORMAT else []
    return [*own, *(upgrades.list_outdated() if upgrades else ())]


def back_up_home(home: Path) -> Path:
    """Copy MLOPS_HOME, even while it is in use, to a new folder beside it, and return the new folder.

    The virtual environments of services are not copied, because a deployment creates them again.

    Raises
    ------
    PlatformError
        If the copy fails. The incomplete copy is deleted.
    """
    scratch = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}.backup-{datetime.now(UTC):%Y%m%d-%H%M%S}-"))
    try:
        shutil.copytree(home, scratch, copy_function=_copy_file, ignore=_make_filter(home), dirs_exist_ok=True)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(scratch, ignore_errors=True)
        # copytree lists all files that it could not copy. The reason for the first one is enough.
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        raise PlatformError(
            f"{home} could not be backed up in {home.parent}: {reason}. Nothing was changed."
        ) from error
    os.sync()  # The backup must be on the disk before the upgrade starts.
    return scratch.rename(scratch.with_name(scratch.name.removeprefix(".")))


def _make_filter(home: Path) -> Callable[[str, list[str]], set[str]]:
    find_side_files = shutil.ignore_patterns(*SIDE_FILES)
    return lambda folder, names: (
        find_side_files(folder, names) | ({SERVICE_ENVIRONMENTS} if Path(folder) == home else set())
    )


def _copy_file(source: str, target: str) -> None:
    if Path(source).suffix in DATABASES:
        copy_database(Path(source), Path(target))
        shutil.copystat(source, target)
    else:
        shutil.copy2(source, target)


def _find_locks(home: Path) -> Iterator[Path]:
    environments = home / SERVICE_ENVIRONMENTS
    for path in (path for name in LOCKS for path in home.rglob(name)):
        # Packages contain files such as poetry.lock, which may be hard links. Locking a file empties it.
        if path.parent == environments or not path.is_relative_to(environments):
            yield path


@contextmanager
def _hold_all_locks(workspace: Workspace, options: str) -> Iterator[None]:
    home = workspace.home
    found = {home / "upgrade.lock", *_find_locks(home)}
    with ExitStack() as held:
        for path in sorted(found):
            try:
                held.enter_context(FileLock(path, timeout=0))
            except Timeout:
                holder = describe_holders(path) or "another process"
                raise UsageError(
                    f"{path} is locked by {holder}, which is using MLOPS_HOME. "
                    f"Wait until it ends, then run `mlops upgrade{options}` again."
                ) from None
        running = next((run for run in iterate_runs(workspace.outputs) if run.state == "running"), None)
        if running:
            raise UsageError(
                f"Run {running.run_id} is in progress, so {home} cannot be upgraded. "
                f"Wait until it ends or interrupt it, then run `mlops upgrade{options}` again."
            )
        held.enter_context(claim_runs(workspace.outputs))
        yield

"""The upgrade of MLOPS_HOME: first a backup, then the outdated state, with a true report."""

import errno
import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from filelock import FileLock
from old_homes import RUN, build_home

from mlops.backends import open_backend
from mlops.errors import FormatError, PlatformError, UsageError
from mlops.files.hashes import hash_folder
from mlops.operations.upkeep.upgrade import back_up_home, upgrade_home
from mlops.record.ledger import read_run, write_run
from mlops.record.processes import own_process
from mlops.workspace import HOME_FORMAT, Workspace, mark_home, read_home_format


class Stored:
    """Upgrades of a platform that keeps one file, which is old until it says "new"."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def list_outdated(self) -> list[str]:
        """Say whether the file is old."""
        return ["state is old"] if self.file.read_text() == "old" else []

    def upgrade(self) -> Iterator[str]:
        """Write "new" to the file."""
        self.file.write_text("new")
        yield "state"


@pytest.fixture
def old(tmp_path: Path) -> Workspace:
    """A home of format 1."""
    return build_home(tmp_path)


def run_upgrade(workspace: Workspace, upgrades: Stored | None = None) -> list[str]:
    """Upgrade a home, and return the lines that it reports."""
    return list(upgrade_home(workspace, open_backend("local", workspace).services, upgrades))


def find_backups(workspace: Workspace) -> list[Path]:
    """Return the backups beside a home."""
    return sorted(workspace.home.parent.glob("home.backup-*"))


def list_kept(home: Path) -> dict[str, str]:
    """Return the hashes of a home's files without the locks and the database, whose bytes differ in a copy."""
    return {name: digest for name, digest in hash_folder(home).items() if not name.endswith(("lock", "mlflow.db"))}


def test_a_home_is_backed_up_and_upgraded_once(old: Workspace) -> None:
    before = list_kept(old.home)
    said = run_upgrade(old)
    (backup,) = find_backups(old)
    assert said == [
        f"outdated  MLOPS_HOME has format 1, but this version writes format {HOME_FORMAT}",
        f"backup    {backup}",
        f"upgraded  MLOPS_HOME: format 1 to {HOME_FORMAT}",
        f"To go back to the old version, stop the services and replace {old.home} with the backup.",
    ]
    assert list_kept(backup) == before
    assert list_kept(old.home).keys() - before.keys() == {"format"}
    assert run_upgrade(old) == [f"{old.home} is up to date (format {HOME_FORMAT}): nothing to do"]
    assert find_backups(old) == [backup]


def test_a_backup_is_a_home_that_works(old: Workspace) -> None:
    (old.home / "secrets" / "qa-keys.json").chmod(0o600)
    backup = back_up_home(old.home)
    assert re.fullmatch(r"home\.backup-\d{8}-\d{6}-\w+", backup.name)
    assert (backup / "secrets" / "qa-keys.json").stat().st_mode & 0o777 == 0o600
    champion = open_backend("local", replace(old, home=backup)).registry.find_champion("diabetes")
    assert champion is not None
    assert champion.version == 1
    assert back_up_home(old.home) != backup


def test_the_environments_of_services_are_neither_copied_nor_locked(old: Workspace) -> None:
    package = old.home / "environments" / "0a1b2c3d" / "lib" / "package"
    package.mkdir(parents=True)
    (package / "poetry.lock").write_text("content")
    (old.home / "images" / "environments").mkdir(parents=True)
    run_upgrade(old)
    (backup,) = find_backups(old)
    assert not (backup / "environments").exists()
    assert (backup / "images" / "environments").is_dir()
    assert (package / "poetry.lock").read_text() == "content"


def test_a_backup_that_cannot_be_made_leaves_nothing(old: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", target)

    for name in ("copy2", "copystat"):
        monkeypatch.setattr(f"mlops.operations.upkeep.upgrade.shutil.{name}", fill)
    said = rf"{old.home} could not be backed up in {old.home.parent}: \[Errno 28\] No space .*\. Nothing was changed"
    with pytest.raises(PlatformError, match=said):
        back_up_home(old.home)
    assert find_backups(old) == list(old.home.parent.glob(".home*")) == []


def test_what_is_not_there_needs_no_upgrade(workspace: Workspace) -> None:
    assert run_upgrade(workspace) == [f"{workspace.home} is up to date (format {HOME_FORMAT}): nothing to do"]
    assert not workspace.home.exists()


def test_a_newer_home_is_refused_and_left_alone(old: Workspace) -> None:
    services = open_backend("local", old).services
    (old.home / "format").write_text(f"{HOME_FORMAT + 1}\n")
    before = hash_folder(old.home)
    with pytest.raises(
        FormatError, match=f"has format {HOME_FORMAT + 1}, but this version reads up to format {HOME_FORMAT}"
    ):
        list(upgrade_home(old, services, None))
    assert (hash_folder(old.home), find_backups(old)) == (before, [])


def test_a_home_in_use_is_refused_and_left_alone(old: Workspace) -> None:
    record = replace(read_run(old.outputs / RUN), state="running", process=own_process(), outcome="")
    write_run(record, old.outputs)
    with pytest.raises(UsageError, match=f"Run {RUN} is in progress, so {old.home} cannot be upgraded. Wait until"):
        run_upgrade(old)
    write_run(replace(record, state="succeeded"), old.outputs)
    with (
        FileLock(old.home / "registry.lock"),
        pytest.raises(UsageError, match="registry.lock is locked by another process, which is using MLOPS_HOME"),
    ):
        run_upgrade(old)
    assert (read_home_format(old.home), find_backups(old)) == (1, [])


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 5])
def test_an_upgrade_that_is_killed_is_completed_by_the_next(old: Workspace, lines: int) -> None:
    state = old.home / "state"
    state.write_text("old")
    services = open_backend("local", old).services
    before = list_kept(old.home)

    def upgrade_partly() -> None:
        for number, _ in enumerate(upgrade_home(old, services, Stored(state)), start=1):
            if number == lines:
                os.kill(os.getpid(), signal.SIGKILL)

    child = get_context("fork").Process(target=upgrade_partly)
    child.start()
    child.join()
    assert child.exitcode == -9
    assert (state.read_text(), read_home_format(old.home)) in [("old", 1), ("new", 1), ("new", HOME_FORMAT)]
    assert all(list_kept(backup) == before for backup in find_backups(old))
    run_upgrade(old, Stored(state))
    assert (state.read_text(), read_home_format(old.home)) == ("new", HOME_FORMAT)


def test_services_go_on_serving(old: Workspace) -> None:
    class Serving:
        command_options = ""

        def list_services(self) -> list[object]:
            found = open_backend("local", old).services.list_services()
            return [replace(service, health="healthy") for service in found]

    said = list(upgrade_home(old, Serving(), None))  # type: ignore[arg-type]
    port = json.loads((old.home / "services" / "qa.json").read_text())["port"]
    assert f"serving   qa keeps serving at http://127.0.0.1:{port}" in said


def test_a_home_that_was_written_to_is_up_to_date(old: Workspace) -> None:
    mark_home(old.home)
    assert run_upgrade(old) == [f"{old.home} is up to date (format {HOME_FORMAT}): nothing to do"]

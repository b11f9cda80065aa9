"""MLflow's database as a file: each failure has its own message, before the first step."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest

from mlops.backends import open_backend
from mlops.backends.local.store.database import Patience, ask_database, require_writable
from mlops.backends.local.store.failures import explain_failures, require_room
from mlops.backends.local.store.mlflow_store import MlflowStore
from mlops.backends.local.store.schema import require_schema
from mlops.backends.local.tracking import LocalTracker
from mlops.errors import IntegrityError, MlopsError, PlatformError
from mlops.platform.trainings import TrainingRun
from mlops.workspace import Workspace

HOLD = {
    "mlflow.db": "c = sqlite3.connect(path, isolation_level=None); c.execute('BEGIN EXCLUSIVE')",
    "registry.lock": "f = open(path, 'w'); fcntl.flock(f, fcntl.LOCK_EX)",
}
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")


class Waiting:
    """A clock that only moves when the caller sleeps, with events at certain times."""

    def __init__(self, at: float = 1e9, happens: Callable[[], object] = lambda: None) -> None:
        self.now, self.at, self.happens = 0.0, at, happens

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if self.now >= self.at:
            self.happens()

    @property
    def patience(self) -> Patience:
        """Patience with this clock."""
        return Patience(clock=lambda: self.now, sleep=self.sleep)


@contextmanager
def hold(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Lock a file of the home in another process."""
    code = f"import fcntl, sqlite3, sys; path = {str(path)!r}; {HOLD[path.name]}; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], text=True, stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def say(attempt: Callable[[], object]) -> str:
    """Return the kind and message of the error that a call raises, or ""."""
    try:
        attempt()
    except MlopsError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def say_in_child(prepare: Callable[[], object], attempt: Callable[[], object]) -> str:
    """Return the error of a call in a process with fewer rights or less room on the disk."""
    context = get_context("fork")
    reader, writer = context.Pipe(duplex=False)

    def work() -> None:
        prepare()
        writer.send(say(attempt))

    child = context.Process(target=work)
    child.start()
    assert reader.poll(60)
    child.join()
    return str(reader.recv())


def test_a_database_that_is_free_within_a_minute_is_waited_for(
    migrated: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    database = migrated.home / "mlflow.db"
    with hold(database) as holder:

        def free() -> None:
            holder.kill()
            holder.wait()

        waiting = Waiting(45, free)
        require_schema(database, waiting.patience)
    assert waiting.now == pytest.approx(45, abs=1)
    assert [record.getMessage() for record in caplog.records] == [
        f"{database} is locked by process {holder.pid} ({shown(holder)}); waiting up to 60 s."
    ]


def shown(process: subprocess.Popen[str]) -> str:
    """Return the command of a process as messages show it."""
    assert isinstance(process.args, list)
    return " ".join([Path(sys.executable).name, *process.args[1:]])[:60] + "…"


def test_a_database_that_stays_locked_names_who_holds_it(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    with hold(database) as holder:
        for refuse in (require_schema, require_writable):
            assert say(lambda refuse=refuse: refuse(database, Waiting().patience)) == (
                f"PlatformError: {database} is locked by process {holder.pid} ({shown(holder)}) and was not released "
                "within 60 s. Wait for that process or end it, then try again."
            )


def test_a_reader_that_stops_every_commit_is_named_before_a_run(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM experiments").fetchall()
        assert "is locked by another process and was not released" in say(
            lambda: require_writable(database, Waiting().patience)
        )
    require_writable(database, Waiting().patience)


def test_a_registry_that_stays_locked_names_who_holds_it(migrated: Workspace) -> None:
    store = MlflowStore(migrated.home, Patience(seconds=0.1))
    with (
        hold(migrated.home / "registry.lock") as holder,
        pytest.raises(PlatformError, match=rf"registry.lock is locked by process {holder.pid} \(python"),
        store.hold_lock(),
    ):
        pass
    with store.hold_lock(), store.hold_lock():
        pass


def test_a_lock_does_not_say_that_a_training_is_missing(migrated: Workspace) -> None:
    tracker = LocalTracker(MlflowStore(migrated.home, Waiting().patience))
    with (
        hold(migrated.home / "mlflow.db") as holder,
        pytest.raises(PlatformError, match=rf"is locked by process {holder.pid} \(python.*Wait for"),
    ):
        tracker.fetch_files(TrainingRun("0" * 32, {}), migrated.outputs)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@as_root
@pytest.mark.parametrize("writable", ["nothing", "the file", "the folder"])
def test_a_database_of_another_user_is_refused(public: Path, database: Path, writable: str) -> None:
    home = public / "home"
    home.mkdir(mode=0o777 if writable == "the folder" else 0o755)
    home.chmod(0o777 if writable == "the folder" else 0o755)
    path = Path(shutil.copy(database, home))
    path.chmod(0o666 if writable == "the file" else 0o644)
    said = say_in_child(lambda: os.setuid(NOBODY), lambda: require_writable(path))
    where = path if path.exists() else home
    assert said == (
        f"PlatformError: nobody has no read and write access to {path}, because {where} belongs to root. "
        f"Take ownership of {home} and everything in it, or set MLOPS_HOME to another folder."
    )


@as_root
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_home_of_the_user_that_is_read_only_names_the_command_that_mends_it(public: Path, mode: int) -> None:
    home = public / "my home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    home.chmod(mode)
    said = say_in_child(lambda: os.setuid(NOBODY), lambda: require_writable(home / "mlflow.db"))
    assert said == (
        f"PlatformError: nobody has no read and write access to {home / 'mlflow.db'}. "
        f"Run `chmod u+rwX '{home}'`, or set MLOPS_HOME to another folder."
    )


@as_root
def test_a_home_that_cannot_be_made_is_refused(public: Path) -> None:
    path = public / "home" / "mlflow.db"
    said = say_in_child(lambda: os.setuid(NOBODY), lambda: require_writable(path))
    assert f"nobody has no read and write access to {path}, because {public} belongs to root" in said


@as_root
def test_a_full_disk_is_refused(tmp_path: Path, database: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", tmp_path], check=True)
    try:
        path = Path(shutil.copy(database, tmp_path))
        require_writable(path)
        (tmp_path / "other").write_bytes(bytes(3_145_728 - path.stat().st_size - 100_000))
        said = say(lambda: require_writable(path))
        (tmp_path / "other").unlink()
        require_writable(path)
        fill(path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert said == (
        f"PlatformError: The disk of {path} is full: less than 1 MB can be written. Free some space and try again."
    )


def fill(database: Path) -> None:
    """Fill the disk with the database itself, as a long sweep might."""
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as connection,
        pytest.raises(PlatformError, match="is full: less than 1 MB"),
        explain_failures(database),
    ):
        connection.execute("CREATE TABLE much AS SELECT randomblob(4000000)")


def limit_files(database: Path) -> None:
    """Limit the files of this process to the size of the database."""
    size = database.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_limit_of_the_files_size_is_named(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    said = f"PlatformError: {database} cannot grow by 1 MB, because the size of files is limited. Raise the limit"
    assert say_in_child(lambda: limit_files(database), lambda: require_room(database)).startswith(said)
    tracker = open_backend("local", migrated).tracker
    tracker.start_sweep("first", {})

    def train_much() -> None:
        for number in range(1000):
            tracker.start_sweep(f"{number}" * 50, {"alpha": "x" * 4000})

    assert say_in_child(lambda: limit_files(database), train_much).startswith(said)


def test_a_damaged_page_is_found_before_a_run(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    content = bytearray(database.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    database.write_bytes(content)
    backup = migrated.home.with_name("home.backup-20261126-020304-abcdefgh") / "mlflow.db"
    infrastructure = open_backend("local", migrated).infrastructure
    assert infrastructure is not None
    with pytest.raises(IntegrityError, match=r"mlflow.db is damaged: .*\. Restore it from a backup\.$"):
        infrastructure.require_ready()
    backup.parent.mkdir()
    backup.touch()
    with pytest.raises(IntegrityError, match=rf"is damaged: .*\. Restore it from the newest backup, {backup}\.$"):
        infrastructure.require_ready()


def test_a_cut_off_or_empty_database_is_damaged(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    os.truncate(database, 8192)
    with pytest.raises(IntegrityError, match="mlflow.db is damaged: "):
        require_writable(database)
    os.truncate(database, 0)
    with pytest.raises(
        IntegrityError, match="is damaged, because it is empty. Restore it from a backup, or delete it if"
    ):
        require_schema(database)


def test_a_database_without_mlflows_tables_is_damaged(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE experiments")
    with pytest.raises(IntegrityError, match="is damaged: no such table: experiments. Restore it"):
        ask_database(database, lambda asked: asked.execute("SELECT * FROM experiments").fetchall())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE alembic_version")
    with pytest.raises(
        IntegrityError, match="is damaged, because its schema revision is missing. Restore it from a backup"
    ):
        require_schema(database)


def test_what_can_be_used_is_left_as_it_is(migrated: Workspace) -> None:
    database = migrated.home / "mlflow.db"
    before = database.read_bytes()
    infrastructure = open_backend("local", migrated).infrastructure
    assert infrastructure is not None
    infrastructure.require_ready()
    assert database.read_bytes() == before
    assert [path.name for path in migrated.home.iterdir()] == ["mlflow.db"]


@as_root
def test_a_database_with_a_write_ahead_log_can_be_read_in_a_read_only_folder(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
    try:
        path = tmp_path / "mlflow.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE runs AS SELECT 7 AS number")
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        assert ask_database(path, lambda opened: opened.execute("SELECT number FROM runs").fetchone()) == (7,)
        with pytest.raises(PlatformError, match="its file system is read-only"):
            ask_database(path, lambda opened: opened.execute("DELETE FROM runs"))
    finally:
        subprocess.run(["umount", tmp_path], check=True)

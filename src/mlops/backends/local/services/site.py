"""The service of an environment on one machine: a server process, and a file with the recorded state."""

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from mlops.backends.collecting import describe_key, list_telemetry_variables
from mlops.backends.local.environments.environments import LocalEnvironments
from mlops.backends.local.images import LocalImages
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.services.collections import LocalCollections
from mlops.backends.local.services.deployments import LocalDeployment, LocalState, check_health
from mlops.backends.local.services.processes import (
    LOG,
    READY,
    abandon_process,
    confirm_process,
    end_servers,
    find_home,
    find_servers,
    identify_machine,
    is_listening,
    quote_log,
    read_ready,
    serves_from,
    start_process,
    wait_ready,
)
from mlops.backends.local.settings import LocalSettings
from mlops.errors import DeploymentError, IntegrityError, PlatformError
from mlops.files.atomic import make_new_folder, write_atomically
from mlops.files.disk import explain_full_disk
from mlops.files.records import read_record
from mlops.image.sources import REQUIREMENTS
from mlops.platform.images import Image
from mlops.platform.services import Service
from mlops.record.clock import now
from mlops.serving.identity import REGISTERED
from mlops.serving.workers.record import Workers, read_workers

logger = logging.getLogger(__name__)


class LocalSite:
    """See `mlops.release.host.Site`.

    Parameters
    ----------
    folder : Path
        The folder that has, for each environment, a state file and a folder.
    environment : str
        The environment.
    settings : LocalSettings
        The settings of the service.
    images, secrets, environments, collections : LocalImages, LocalSecrets, LocalEnvironments, LocalCollections
        The stores of images, keys, virtual environments and collected rows.
    """

    def __init__(
        self,
        folder: Path,
        environment: str,
        settings: LocalSettings,
        images: LocalImages,
        secrets: LocalSecrets,
        environments: LocalEnvironments,
        collections: LocalCollections,
    ) -> None:
        self._home = str(folder.parent)
        self._file = folder / f"{environment}.json"
        self._folder = folder / environment
        self._environment = environment
        self._settings = settings
        self._wanted = settings.find_port(environment)
        self._images = images
        self._secrets = secrets
        self._environments = environments
        self._collections = collections
        self._started: subprocess.Popen[bytes] | None = None
        self._new: Path | None = None  # the folder of the server that is being started

    def read(self) -> LocalState:
        """See `View`. The state leaves out a server that ended or was started from a different MLOPS_HOME."""
        state = read_record(self._file, LocalState) if self._file.exists() else LocalState()
        if state.process is None or serves_from(state.process.pid, self._folder):
            return state
        return state.disown_process(find_home(state.process.pid) if state.process.alive else "")

    def write(self, state: LocalState) -> None:
        """See `Site`."""
        with explain_full_disk(self._file.parent):
            write_atomically(self._file, msgspec.json.format(msgspec.json.encode(state), indent=1))

    def matches_settings(self, state: LocalState) -> bool:
        """See `Site`."""
        return self._wanted.number in (0, state.port) and self.accepts_keys(state)

    def list_settings(self) -> dict[str, str]:
        """See `View`."""
        return {**self._settings.list_of_service(), **describe_key(self._settings, self._collections.find_key)}

    def accepts_keys(self, state: LocalState) -> bool:
        """See `View`."""
        if state.current is None or state.process is None or not state.process.alive:
            return True
        return state.current.keys == self._secrets.hash_keys(self._environment)

    def _may_accept_keys(self, state: LocalState) -> bool:
        assert state.current is not None
        try:
            return not state.current.keys or self.accepts_keys(state)  # older records have no hash to compare
        except IntegrityError:
            return False  # the stored keys are damaged, so clients cannot use them

    @contextmanager
    def replace_keys(self, *, keep_primary: bool) -> Iterator[bool]:
        """See `Site`. Yields False, because a server reads its keys only when it starts."""
        with self._secrets.replace_keys(self._environment, keep_primary=keep_primary):
            yield False

    def serve(self, state: LocalState, image: Image, ready_seconds: float) -> LocalState:
        """See `Site`."""
        port = self._choose_port(state)
        bundle = self._images.fetch_bundle(image)
        python = self._environments.create(bundle / REQUIREMENTS).python
        with explain_full_disk(self._folder):
            folder = self._new = make_new_folder(self._folder, now().replace(":", ""))
            keys_file = self._secrets.find_keys_file(self._environment)
        keys = self._secrets.hash_keys(self._environment)
        reported = list_telemetry_variables(f"{image.model_name}-{self._environment}")
        collected = self._collections.write_settings(self._environment, folder)
        registered = {REGISTERED: str(self._images.find_registered(image))}
        variables = {**self._settings.list_variables(), **collected, **reported, **registered}
        self._started, ready = start_process(python, bundle, keys_file, port, folder, variables)
        process = wait_ready(self._started, ready, ready_seconds, image.name)
        deployment = LocalDeployment(
            image.digest,
            image.name,
            image.model_version,
            now(),
            process=process,
            keys=keys,
            home=self._home,
            machine=identify_machine(),
        )
        return replace(state.forget_process(), port=process.port).serve(deployment)

    def put_back(self, state: LocalState) -> None:
        """See `Site`."""
        # The previous server is still running, so only the new server is stopped.
        if self._started is not None:
            abandon_process(self._started)
        if self._new is not None:
            self._collections.delete_settings([self._new])
        if self._file.is_file() and self.read() != state:
            self.write(state)

    def retire(self, state: LocalState) -> None:
        """See `Site`."""
        assert self._started is not None
        confirm_process(self._started)
        self._end_servers(besides=self._started.pid)
        replaced = [folder for folder in self._folder.glob("[!.]*") if folder != self._new]
        self._collections.delete_settings(replaced)
        self._collections.delete_shared_settings(self._environment)

    def end(self) -> bool:
        """See `Site`. On a full disk, the stop is recorded nevertheless; see `is_stopped`."""
        ran = self._end_servers()
        for ready in self._list_ready():
            ready.unlink(missing_ok=True)
        with suppress(IntegrityError):  # a damaged state has no record of the process
            state = self.read()
            if state.process or (state.current and state.current.home == self._home):
                try:
                    self.write(state.forget_process())
                except PlatformError as error:
                    said = f"The service in {self._environment} does not run, but this could not be recorded. {error}"
                    raise PlatformError(said) from error
        return ran

    def is_stopped(self, state: LocalState) -> bool:
        """Return whether `end` ended the server, or none was started. False if the server runs or died."""
        # `end` deletes these files, which needs no space, before it deletes the home from the record.
        return not state.current or state.current.home != self._home or not self._list_ready()

    def describe(self, state: LocalState) -> Service:
        """See `View`."""
        current = state.current
        assert current is not None
        url, example = f"http://127.0.0.1:{state.port}", self._images.read_example(current.digest)
        health = check_health(state)
        service = state.describe(self._environment, url, health, example, accepts_keys=self._may_accept_keys(state))
        log = None if health == "stopped" else self.find_log(state)
        workers = read_workers(log.parent) if log else Workers()
        return replace(
            service, original=self._name_other_home(current), workers=workers.running, restarts=workers.restarts
        )

    def quote_log(self, state: LocalState) -> str:
        """See `View`."""
        with suppress(OSError):
            if log := self.find_log(state):
                return quote_log(log)
        return ""

    def find_log(self, state: LocalState) -> Path | None:
        """Return the log of the server, or of the last server if none is running; None if there is no log."""
        logs = sorted(self._folder.glob(f"[!.]*/{LOG}"))
        if state.process:
            logs = [log for log in logs if read_ready(log.with_name(READY)).pid == state.process.pid] or logs
        return logs[-1] if logs else None

    def _name_other_home(self, current: LocalDeployment) -> str:
        elsewhere = current.machine not in ("", identify_machine())
        if not current.home or (current.home == self._home and not elsewhere):
            return ""
        return f"{current.home} on another machine" if elsewhere else current.home

    def list_ended(self) -> list[Path]:
        """Return the folders of servers that are no longer running."""
        ready = {folder: folder / READY for folder in self._folder.glob("[!.]*") if folder.is_dir()}
        return [folder for folder, path in sorted(ready.items()) if not serves_from(read_ready(path).pid, folder)]

    def _choose_port(self, state: LocalState) -> int:
        port = self._wanted.number or state.port
        if not port or port in self._list_own_ports() or not is_listening(port):
            return port
        if self._wanted.number:
            raise DeploymentError(
                f"{self._wanted.source} is {port}, but another program uses this port. Set another port, or 0 for any "
                "free port."
            )
        said = "Another program uses port %d of the service in %s, so its address changes. "
        said += "To keep an address, set %s_port in parameters/local.yml."
        logger.warning(said, port, self._environment, self._environment)
        return 0

    def _list_own_ports(self) -> set[int]:
        found = map(read_ready, self._list_ready())
        return {ready.port for ready in found if serves_from(ready.pid, self._folder)}

    def _list_ready(self) -> list[Path]:
        return [*self._folder.glob(f"[!.]*/{READY}")]

    def _end_servers(self, besides: int = 0) -> bool:
        # The recorded state can be damaged, and does not name a server whose deployment was killed.
        servers = [server for server in find_servers(self._folder) if server.pid != besides]
        end_servers(servers)
        return bool(servers)

"""Services in threads of this process, one per environment."""

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlops.backends.memory.images import MemoryImages
from mlops.backends.memory.secrets import MemorySecrets
from mlops.errors import DeploymentError
from mlops.image.bundle import MODEL
from mlops.platform.images import Image
from mlops.platform.services import Health, Service
from mlops.problem.image_files import SCORING_SCRIPT
from mlops.record.clock import now
from mlops.release.history import Deployment, Deployments
from mlops.serving.app import Application
from mlops.serving.connections.limits import Limits
from mlops.serving.connections.listener import bind
from mlops.serving.connections.server import Server
from mlops.serving.documents import read_documents
from mlops.serving.entry.scorer import describe_script, open_scorer
from mlops.serving.failures import StartFailed
from mlops.serving.identity import read_identity
from mlops.serving.schema import read_schema
from mlops.serving.script import Script, load_script

STOP_SECONDS = 15.0
_LOADING = threading.Lock()  # scripts load one at a time, because all find their model with the same variable


class ThreadServer:
    """A server that runs in a thread of this process, and answers HTTP requests until it is stopped.

    Parameters
    ----------
    application : Application
        The application that answers requests.
    port : int
        The loopback port; 0 for any free port.
    """

    def __init__(self, application: Application, port: int) -> None:
        try:
            self._listener = bind("127.0.0.1", port)
        except StartFailed as error:
            raise DeploymentError(f"Could not start a service in memory. {error}") from error
        self.port = int(self._listener.getsockname()[1])
        self._server = Server(application, Limits(), self._listener)
        self._thread = threading.Thread(target=self._server.run, name=f"service-{self.port}", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """True if the server answers."""
        return bool(self._server.started) and self._thread.is_alive()

    def stop(self) -> None:
        """Stop the server. If a request hangs, wait at most `STOP_SECONDS` for it."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self._listener.shutdown(socket.SHUT_RDWR)  # the thread keeps the socket, but accepts no more connections
        else:
            self._listener.close()


@dataclass(frozen=True)
class MemoryDeployment(Deployment):
    """A deployment with its keys and its server; `server` is None once the server has been stopped."""

    server: ThreadServer | None = None
    keys: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class MemoryState(Deployments):
    """The state of one environment. Its `port` is 0 before the first deployment."""

    current: MemoryDeployment | None = None
    history: tuple[MemoryDeployment, ...] = ()
    port: int = 0

    @property
    def server(self) -> ThreadServer | None:
        """The current server; None if no service is running."""
        return self.current.server if self.current else None

    def forget_server(self) -> "MemoryState":
        """Return the state without its server; used after the server was stopped."""
        return replace(self, current=replace(self.current, server=None)) if self.current else self


@dataclass
class MemorySite:
    """See `mlops.release.host.Site`."""

    environment: str
    images: MemoryImages
    secrets: MemorySecrets
    lock: threading.RLock = field(default_factory=threading.RLock)
    state: MemoryState = field(default_factory=MemoryState)
    started: ThreadServer | None = None

    def read(self) -> MemoryState:
        """See `View`."""
        return self.state

    def write(self, state: MemoryState) -> None:
        """See `Site`."""
        self.state = state

    def matches_settings(self, state: MemoryState) -> bool:
        """See `Site`."""
        return self.accepts_keys(state)

    def list_settings(self) -> dict[str, str]:
        """See `View`."""
        return {}

    def accepts_keys(self, state: MemoryState) -> bool:
        """See `View`."""
        if state.current is None or state.server is None:
            return True
        return state.current.keys == self.secrets.get_keys(self.environment)

    @contextmanager
    def replace_keys(self, *, keep_primary: bool) -> Iterator[bool]:
        """See `Site`. Always yields False."""
        with self.secrets.replace_keys(self.environment, keep_primary=keep_primary):
            # A server gets its keys only when it starts.
            yield False

    def serve(self, state: MemoryState, image: Image, ready_seconds: float) -> MemoryState:
        """See `Site`."""
        self.started = None
        deadline = time.monotonic() + ready_seconds
        application = self._load_application(image, ready_seconds)
        self.started = ThreadServer(application, state.port)
        while not self.started.ready:
            if time.monotonic() >= deadline:
                raise DeploymentError(f"The service of {image.name} was not ready within {ready_seconds:g} s.")
            time.sleep(0.005)
        deployment = MemoryDeployment(
            image.digest,
            image.name,
            image.model_version,
            now(),
            server=self.started,
            keys=self.secrets.get_keys(self.environment),
        )
        return replace(state.forget_server(), port=self.started.port).serve(deployment)

    def put_back(self, state: MemoryState) -> None:
        """See `Site`."""
        # The previous server is still running, so only the new server is stopped.
        if self.started:
            self.started.stop()

    def retire(self, state: MemoryState) -> None:
        """See `Site`."""
        if state.server:
            state.server.stop()

    def end(self) -> bool:
        """See `Site`."""
        server = self.state.server
        if server is None:
            return False
        server.stop()
        self.state = self.state.forget_server()
        return True

    def describe(self, state: MemoryState) -> Service:
        """See `View`."""
        current = state.current
        assert current is not None
        health: Health = "healthy" if current.server and current.server.ready else "stopped"
        url, example = f"http://127.0.0.1:{state.port}", self.images.read_example(current.digest)
        return state.describe(self.environment, url, health, example, accepts_keys=self.accepts_keys(state))

    def quote_log(self, state: MemoryState) -> str:
        """See `View`. Returns "", because a service in this process has no log of its own."""
        return ""

    def _load_application(self, image: Image, seconds: float) -> Application:
        loaded: list[Script] = []
        failed: list[Exception | SystemExit] = []

        def load(script: Path) -> None:
            try:
                loaded.append(load_script(script))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the error of the user's script is passed on
                failed.append(error)

        with tempfile.TemporaryDirectory() as scratch, _point_to_model_folder(Path(scratch, "bundle", MODEL)):
            bundle = self.images.fetch_bundle(image.digest, Path(scratch, "bundle"))
            schema, identity, documents = read_schema(bundle), read_identity(bundle), read_documents(bundle)
            thread = threading.Thread(target=load, args=(bundle / SCORING_SCRIPT,), daemon=True)
            thread.start()
            thread.join(seconds)
        if loaded:
            keys = self.secrets.get_keys(self.environment)
            described = describe_script(loaded[0], documents)
            return Application(open_scorer(loaded[0], schema), keys, identity, described)
        said = f"could not be loaded: {failed[0]}" if failed else f"was not ready within {seconds:g} s"
        raise DeploymentError(f"The service of {image.name} {said}.") from (failed[0] if failed else None)


@contextmanager
def _point_to_model_folder(folder: Path) -> Iterator[None]:
    with _LOADING:
        before = os.environ.get("AZUREML_MODEL_DIR")
        os.environ["AZUREML_MODEL_DIR"] = str(folder)
        try:
            yield
        finally:
            if before is None:
                os.environ.pop("AZUREML_MODEL_DIR", None)  # the script may have deleted it
            else:
                os.environ["AZUREML_MODEL_DIR"] = before


class MemoryHost:
    """See `mlops.release.host.Host`."""

    command_options = ""
    restore_seconds = 30.0

    def __init__(self, images: MemoryImages, secrets: MemorySecrets) -> None:
        self._images = images
        self._secrets = secrets
        self._sites: dict[str, MemorySite] = {}

    def look(self, environment: str) -> MemorySite:
        """See `Host`."""
        return self._sites.setdefault(environment, MemorySite(environment, self._images, self._secrets))

    @contextmanager
    def lock(self, environment: str) -> Iterator[MemorySite]:
        """See `Host`."""
        site = self.look(environment)
        with site.lock:
            yield site

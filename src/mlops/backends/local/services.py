"""Services of one machine: a process an environment, its state in a file that is written whole."""

import json
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import requests
from filelock import FileLock

from mlops.backends.local.images import LocalImages
from mlops.backends.local.processes import (
    ServiceProcess,
    check_packages,
    confirm_process,
    end_process,
    is_listening,
    start_process,
    wait_ready,
)
from mlops.backends.local.secrets import LocalSecrets
from mlops.backends.local.settings import LocalSettings
from mlops.errors import DeploymentError, DeploymentNotFoundError
from mlops.files import read_record, write_atomically
from mlops.platform.images import Image
from mlops.platform.services import ENVIRONMENTS, Health, Service, previous_environment
from mlops.record.clock import now
from mlops.release.history import Deployment, Deployments

HEALTH_SECONDS = 2.0
RESTORE_SECONDS = 30.0


@dataclass(frozen=True)
class LocalDeployment(Deployment):
    """A deployment, and the process that serves it; None once it has ended."""

    process: ServiceProcess | None = None


@dataclass(frozen=True)
class EnvironmentState(Deployments[LocalDeployment]):
    """One environment; `port` is kept between deployments, so that the URL stays, and is 0 before the first."""

    port: int = 0


class LocalServices:
    """See `mlops.platform.services.Services`."""

    def __init__(self, home: Path, settings: LocalSettings, images: LocalImages, secrets: LocalSecrets) -> None:
        self._folder = home / "services"
        self._settings = settings
        self._images = images
        self._secrets = secrets

    def deploy(self, environment: str, image: Image, *, ready_seconds: float, force: bool) -> Service:
        """See `Services`."""
        before = previous_environment(environment)
        if before and image.digest not in self._read(before).passed:
            raise DeploymentError(
                f"{image.name} ({image.digest}) has not passed its test in {before}; {environment} takes nothing else: "
                "run `mlops run release`"
            )
        with self._lock(environment):
            state = self._read(environment)
            current = state.current
            kept = self._settings.find_port(environment) in (0, state.port)
            same = current and current.digest == image.digest and kept
            settled = current and same and self._knows_its_keys(environment, current)
            if settled and not force and self._check_health(state) == "healthy":
                return self._describe(environment, state)
            return self._replace(environment, state, image, ready_seconds)

    def record_test(self, environment: str, digest: str, *, passed: bool) -> Service | None:
        """See `Services`."""
        with self._lock(environment):
            state = self._read(environment)
            if state.current is None or state.current.digest != digest:
                return self._describe(environment, state) if state.current else None
            state = state.judge(passed=passed)
            self._write(environment, state)
            if passed or not previous_environment(environment):
                return self._describe(environment, state)
            if state.find_previous() is None:
                self._end(environment, state)
                return None
            return self._restore(environment, state)

    def roll_back(self, environment: str) -> Service:
        """See `Services`."""
        with self._lock(environment):
            state = self._read(environment)
            if state.current is None or state.find_previous() is None:
                raise DeploymentNotFoundError(
                    f"{environment} has no earlier image that passed its test: nothing to roll back to"
                )
            forgotten = state.forget_pass(state.current.digest)  # so that the next one goes further back
            return self._restore(environment, forgotten)

    def stop(self, environment: str) -> bool:
        """See `Services`."""
        with self._lock(environment):
            return self._end(environment, self._read(environment))

    def list_services(self) -> list[Service]:
        """See `Services`."""
        states = {environment: self._read(environment) for environment in ENVIRONMENTS}
        return [self._describe(environment, state) for environment, state in states.items() if state.current]

    def _restore(self, environment: str, state: EnvironmentState) -> Service:
        previous = state.find_previous()
        assert previous is not None
        image = self._images.get_image(previous.digest)
        return self._replace(environment, state, image, ready_seconds=RESTORE_SECONDS)

    def _replace(self, environment: str, state: EnvironmentState, image: Image, ready_seconds: float) -> Service:
        """Start `image`, and end what served before once it is ready; called with the lock held."""
        self._sweep(environment, state)
        port = self._choose_port(environment, state)
        bundle = self._images.fetch_bundle(image)
        check_packages(bundle)
        folder = self._folder / environment / f"{now().replace(':', '')}-{secrets.token_hex(2)}"
        popen, ready = start_process(bundle, self._secrets.find_keys_file(environment), port, folder)
        started = wait_ready(popen, ready, ready_seconds, image.name)
        old = state.current
        ended = replace(state, port=started.port, current=replace(old, process=None) if old else None)
        deployment = LocalDeployment(image.digest, image.name, image.model_version, now(), process=started)
        self._write(environment, ended.serve(deployment))
        confirm_process(popen)
        if old and old.process:
            end_process(old.process)
        return self._describe(environment, self._read(environment))

    def _choose_port(self, environment: str, state: EnvironmentState) -> int:
        """Return the port in the settings, else the one kept, else 0; never one on which a stranger listens."""
        asked = self._settings.find_port(environment)
        serving = state.current is not None and state.current.process is not None and state.current.process.alive
        port = asked or state.port
        if not port or (serving and port == state.port) or not is_listening(port):
            return port
        if asked:
            raise DeploymentError(
                f"Port {port} for {environment} is taken by another program. Set local.{environment}_port in "
                "parameters/local.yml to another port, or to 0 for any free one."
            )
        return 0

    def _sweep(self, environment: str, state: EnvironmentState) -> None:
        """End servers that a starter which died has left: they go when their ready file goes."""
        ours = state.current.process.pid if state.current and state.current.process else None
        for ready in (self._folder / environment).glob("*/ready.json"):
            if json.loads(ready.read_text())["pid"] != ours:
                ready.unlink()

    def _end(self, environment: str, state: EnvironmentState) -> bool:
        self._sweep(environment, state)
        if state.current is None or state.current.process is None:
            return False
        ran = state.current.process.alive
        end_process(state.current.process)
        self._write(environment, replace(state, current=replace(state.current, process=None)))
        return ran

    def _describe(self, environment: str, state: EnvironmentState) -> Service:
        current = state.current
        assert current is not None
        return Service(
            environment=environment,
            url=f"http://127.0.0.1:{state.port}",
            digest=current.digest,
            health=self._check_health(state),
            image=current.image,
            model_version=current.model_version,
            deployed=current.deployed,
            tested=current.tested,
            example=self._images.read_example(current.digest),
        )

    def _check_health(self, state: EnvironmentState) -> Health:
        current = state.current
        if current is None or current.process is None or not current.process.alive:
            return "stopped"
        try:
            answer = requests.get(f"http://127.0.0.1:{state.port}/readyz", timeout=HEALTH_SECONDS)
            return "healthy" if answer.ok and answer.json()["digest"] == current.digest else "unhealthy"
        except (requests.RequestException, ValueError, KeyError):
            return "unhealthy"

    def _knows_its_keys(self, environment: str, current: LocalDeployment) -> bool:
        """Whether the keys are still those that the service read when it started."""
        made = self._secrets.find_keys_file(environment).stat().st_mtime
        return current.process is not None and made <= current.process.created + 1

    def _lock(self, environment: str) -> FileLock:
        self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder / f"{environment}.lock")

    def _read(self, environment: str) -> EnvironmentState:
        path = self._folder / f"{environment}.json"
        if not path.is_file():
            return EnvironmentState()
        return read_record(path, EnvironmentState)

    def _write(self, environment: str, state: EnvironmentState) -> None:
        write_atomically(
            self._folder / f"{environment}.json", msgspec.json.format(msgspec.json.encode(state), indent=1)
        )

"""The environment that runs execute in: the packages of the lock, registered once for each lock."""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mlops.backends.azure.connection.answers import is_missing
from mlops.backends.azure.connection.retries import repeat
from mlops.backends.azure.connection.sdk_objects import SdkWorkspace
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.pipelines.sdk_objects import SdkEnvironment
from mlops.errors import PlatformError
from mlops.files.hashes import hash_file

Result = TypeVar("Result")

EDITABLE = "-e ."  # the project itself: the runs' machines have its sources, and need not install it
HASH_LENGTH = 12


def name_environment(project: Path) -> str:
    """Return the environment's name, which holds the hash of the lock: another lock, another environment."""
    return f"notebook-mlops-{hash_file(project / 'requirements.lock')[:HASH_LENGTH]}"


def describe_packages(project: Path) -> dict[str, Any]:
    """Return the project's conda environment without the project itself."""
    described: dict[str, Any] = yaml.safe_load((project / "environment.yml").read_text())
    for item in described["dependencies"]:
        if isinstance(item, dict):
            item["pip"] = [line for line in item["pip"] if line != EDITABLE]
    return described


def make_environment(project: Path) -> SdkEnvironment:
    """Return the SDK's environment: exactly the packages of ``environment.yml``, which are those of the lock."""
    from azureml.core import Environment

    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(describe_packages(project), file)
        file.flush()
        return Environment.from_conda_specification(name_environment(project), file.name)


def ensure_environment(session: AzureSession) -> SdkEnvironment:
    """Return the registered environment of the lock; registered if it is not there.

    Safe to call again, and by two at once: what is registered twice with the same content is one version.

    Raises
    ------
    PlatformError
        If an environment of that name holds other packages: somebody has taken the name.
    """
    workspace = session.workspace
    wanted = make_environment(session.project.project)
    found = repeat(session, f"look up the environment {wanted.name}", lambda: _find(workspace, wanted.name))
    if found is None:
        doing = f"register the environment {wanted.name}"
        return repeat(session, doing, lambda: _call(lambda: wanted.register(workspace)))
    if _list_packages(found) != _list_packages(wanted):
        raise PlatformError(
            f"the environment {wanted.name} holds other packages than requirements.lock, whose hash is its name: "
            "somebody has registered another one under that name. Archive it in the workspace, or change the lock "
            "(`make lock`), and publish again"
        )
    return found


def _find(workspace: SdkWorkspace, name: str) -> SdkEnvironment | None:
    from azureml.core import Environment
    from requests import HTTPError

    try:
        return _call(lambda: Environment.get(workspace, name))
    except HTTPError as error:
        if is_missing(error):
            return None
        raise


def _list_packages(environment: SdkEnvironment) -> str:
    return json.dumps(environment.python.conda_dependencies.as_dict(), sort_keys=True)


def _call(call: Callable[[], Result]) -> Result:
    """Call the SDK's client of environments, which raises bare exceptions with the status in their text."""
    from requests import HTTPError, Response

    try:
        return call()
    except Exception as error:
        found = re.search(r"\bCode: (\d+)", str(error))
        if type(error) is not Exception or not found:
            raise
        response = Response()
        response.status_code = int(found[1])
        raise HTTPError(str(error), response=response) from error

"""The SDK's environment for submitted runs, with the packages of ``requirements.lock``."""

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

EDITABLE = "-e ."  # the project itself; it is not installed on the machines, because its sources are sent there
HASH_LENGTH = 12


def name_environment(project: Path) -> str:
    """Return the environment's name, which ends with the hash of the project's ``requirements.lock``."""
    return f"notebook-mlops-{hash_file(project / 'requirements.lock')[:HASH_LENGTH]}"


def describe_packages(project: Path) -> dict[str, Any]:
    """Return the content of ``environment.yml``, without the line that installs the project itself."""
    described: dict[str, Any] = yaml.safe_load((project / "environment.yml").read_text())
    for item in described["dependencies"]:
        if isinstance(item, dict):
            item["pip"] = [line for line in item["pip"] if line != EDITABLE]
    return described


def make_environment(project: Path) -> SdkEnvironment:
    """Return the SDK's environment with the packages of the project's ``environment.yml``."""
    from azureml.core import Environment

    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(describe_packages(project), file)
        file.flush()
        return Environment.from_conda_specification(name_environment(project), file.name)


def ensure_environment(session: AzureSession) -> SdkEnvironment:
    """Return the environment for submitted runs. If the workspace does not have it yet, register it first.

    Safe to repeat, even from two processes at once.

    Raises
    ------
    PlatformError
        If the workspace has an environment with the same name but different packages.
    """
    workspace = session.workspace
    wanted = make_environment(session.project.project)
    found = repeat(session, f"look up the environment {wanted.name}", lambda: _find(workspace, wanted.name))
    if found is None:
        doing = f"register the environment {wanted.name}"
        return repeat(session, doing, lambda: _call(lambda: wanted.register(workspace)))
    if _list_packages(found) != _list_packages(wanted):
        raise PlatformError(
            f"The environment {wanted.name} in the workspace does not have the same packages as requirements.lock. "
            "Archive it in the workspace, then run `mlops publish --platform azure` again."
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
    """Call a function, and return its result. Turn a bare `Exception` that names an HTTP status into `HTTPError`."""
    from requests import HTTPError, Response

    try:
        return call()
    except Exception as error:  # the SDK raises `Exception` itself
        found = re.search(r"\bCode: (\d+)", str(error))
        if type(error) is not Exception or not found:
            raise
        response = Response()
        response.status_code = int(found[1])
        raise HTTPError(str(error), response=response) from error

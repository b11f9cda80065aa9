"""The contract suite runs over every platform in turn. It skips the parts that a platform lacks, and says so.

On Azure most tests need Blob Storage, and so Azurite, which not every machine has. These tests are marked as slow, and
tests marked `no_blobs` run on every change. Tests marked `rule` start many services to show a rule that all platforms
share (`mlops.release.policy`). On every change they run only on the platform in memory, which starts no processes.
"""

import sys
from collections.abc import Iterator

import pytest

from mlops.backends import list_platforms, memory, open_backend
from mlops.platform.backend import Backend
from mlops.platform.services import ENVIRONMENTS
from mlops.workspace import Workspace

COMMAND = (sys.executable, "-m", "mlops.cli")  # starts background runs
PLATFORMS = ("memory", *list_platforms())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow the tests that need Azurite, and those of a rule that need processes."""
    for item in items:
        call = getattr(item, "callspec", None)
        platform = call.params.get("platform") if call else None
        needs_azurite = platform == "azure" and not item.get_closest_marker("no_blobs")
        if needs_azurite or (platform == "local" and item.get_closest_marker("rule")):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    """The name of every platform in turn."""
    return str(request.param)


@pytest.fixture
def backend(platform: str, request: pytest.FixtureRequest, workspace: Workspace) -> Iterator[Backend]:
    """Every platform in turn, on a scratch state; its services end with the test."""
    prepare = {"azure": "azure", "local": "migrated"}.get(platform)
    if prepare:
        request.getfixturevalue(prepare)
    opened = memory.open_backend() if platform == "memory" else open_backend(platform, workspace, COMMAND)
    yield opened
    if platform != "azure":  # the double ends its own services
        for environment in ENVIRONMENTS:
            opened.services.stop(environment)

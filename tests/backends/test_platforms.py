"""The platforms that ``--platform`` offers."""

import pytest

from mlops.backends import list_platforms, open_backend
from mlops.errors import UsageError
from mlops.workspace import Workspace


def test_an_unknown_platform_names_those_that_there_are(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="There is no platform 'moon'. Choose one of: .*local"):
        open_backend("moon", workspace)


def test_the_platform_in_memory_is_for_tests_and_not_offered() -> None:
    assert list_platforms() == ["azure", "local"]

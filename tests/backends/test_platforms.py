"""The platforms that ``--platform`` offers."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.backends import list_platforms, open_backend
from mlops.errors import NotFoundError, UsageError
from mlops.release.choice import choose_image
from mlops.release.keys import read_keys
from mlops.workspace import Workspace


def test_an_unknown_platform_names_those_that_there_are(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="There is no platform 'moon'. Choose one of: .*local"):
        open_backend("moon", workspace)


def test_messages_of_a_platform_that_is_not_the_default_select_it(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "base.yml").write_text("platform: azure\n")
    other = replace(workspace, project=tmp_path)
    assert open_backend("local", workspace).command_options == open_backend("azure", other).command_options == ""
    backend = open_backend("local", other)
    assert backend.command_options == backend.services.command_options == " --platform local"
    assert open_backend("azure", workspace).services.command_options == " --platform azure"
    for act, said in {
        lambda: choose_image(backend, "tiny"): "Run `mlops run retrain --platform local` first",
        lambda: backend.registry.get_version("tiny", 1): "Train one with `mlops run retrain --platform local`",
        lambda: backend.datasets.get_version("3"): "Run `mlops run build --platform local` to test",
        lambda: read_keys(backend.secrets, backend.services, "qa"): "with `mlops run release --platform local`",
    }.items():
        with pytest.raises(NotFoundError, match=said):
            act()


def test_the_platform_in_memory_is_for_tests_and_not_offered() -> None:
    assert list_platforms() == ["azure", "local"]

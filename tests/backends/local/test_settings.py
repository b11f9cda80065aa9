"""The settings of the local platform."""

import socket
from pathlib import Path

import pytest

from mlops.backends.local.services.deployments import LocalState
from mlops.backends.local.services.site import LocalSite
from mlops.backends.local.settings import DECLARED, LocalSettings, WantedPort, read_settings
from mlops.errors import ParameterError, UsageError
from mlops.serving.connections.limits import Limits, list_options
from mlops.workspace import Workspace

CASES = {
    "unknown": ("qa_prot: 1", r"parameters/local.yml: local.qa_prot is unknown. Did you mean 'qa_port'\?"),
    "type": ("qa_port: many", "local.qa_port is 'many', but it must be a whole number"),
    "range": ("production_port: 70000", r"local.production_port is 70000, but .* in \[0, 65535\]"),
    "same": ("{qa_port: 81, production_port: 81}", "local.qa_port and .*local.production_port are both 81"),
}


@pytest.fixture
def written(tmp_path: Path) -> Workspace:
    """A project that has only parameters."""
    (tmp_path / "parameters").mkdir()
    return Workspace(tmp_path, tmp_path / "home", tmp_path / "outputs")


def write(workspace: Workspace, section: str) -> Workspace:
    """Write the section local."""
    (workspace.parameters / "local.yml").write_text(f"local:\n  {section}\n")
    return workspace


def test_without_a_file_any_free_port_will_do(written: Workspace) -> None:
    settings = read_settings(written, {})
    assert [settings.find_port(environment) for environment in ("qa", "production")] == [WantedPort(), WantedPort()]


def test_every_setting_is_in_the_file(project: Path, workspace: Workspace) -> None:
    """The values in the checkout are the user's, so the defaults are those of the sandbox."""
    assert read_settings(workspace, {}) == LocalSettings()
    listed = (project / "parameters" / "local.yml").read_text()
    assert [known.name for known in DECLARED if f"\n  {known.name}: " not in listed] == []


@pytest.mark.parametrize(("section", "message"), CASES.values(), ids=CASES)
def test_a_mistake_is_named(written: Workspace, section: str, message: str) -> None:
    with pytest.raises((ParameterError, UsageError), match=message):
        read_settings(write(written, section), {})


def test_a_variable_wins_over_the_file(written: Workspace) -> None:
    settings = read_settings(write(written, "{qa_port: 81, production_port: 82}"), {"MLOPS_LOCAL_QA_PORT": "8101"})
    assert settings.find_port("qa") == WantedPort(8101, "MLOPS_LOCAL_QA_PORT")
    assert settings.find_port("production") == WantedPort(82, "parameters/local.yml: local.production_port")
    with pytest.raises(ParameterError, match="MLOPS_LOCAL_QA_PORT is many, but it must be"):
        read_settings(written, {"MLOPS_LOCAL_QA_PORT": "many"})


def test_the_limits_of_a_service_are_settings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [option[2] for option in list_options()]
    assert before == [getattr(Limits(), name) for name in Limits.__dataclass_fields__]
    for name, value in read_settings(workspace, {}).list_variables().items():
        monkeypatch.setenv(name, value)
    assert [option[2] for option in list_options()] == before
    given = {"MLOPS_LOCAL_SERVICE_BODY_SECONDS": "0.5", "MLOPS_LOCAL_SERVICE_WAITING": "7"}
    for name, value in read_settings(workspace, given).list_variables().items():
        monkeypatch.setenv(name, value)
    changed = {option[0]: option[2] for option in list_options()}
    assert (changed["--body-seconds"], changed["--waiting"], changed["--idle-seconds"]) == (0.5, 7, 75.0)


def test_a_service_whose_port_is_taken_gets_another_one_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = LocalSite(tmp_path, "qa", LocalSettings(), *[None] * 4)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert site._choose_port(LocalState(port=port)) == 0
    assert caplog.messages == [
        f"Another program uses port {port} of the service in qa, so its address changes. To keep an address, set "
        "qa_port in parameters/local.yml."
    ]
    assert site._choose_port(LocalState(port=port)) == port

"""The address of a scheduler, checked before anything connects."""

import sys
from typing import Any

import pytest

from mlops.cluster.connection import connect, require_address
from mlops.errors import ClusterError, ExtraMissingError, UsageError
from mlops.sweeps import cluster
from mlops.workspace import Workspace


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "10.0.0.7:8786", "http://10.0.0.7:8786", "tcp://10.0.0.7", "tcp://:1 "]
)
def test_text_that_is_not_an_address_is_refused_with_its_source(address: str) -> None:
    with pytest.raises(UsageError, match=f"test_data.scheduler {address} is not the address of a Dask scheduler"):
        require_address(address, "test_data.scheduler")


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tls://scheduler.example:8786/"])
def test_an_address_needs_the_extra_dask(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_address(address)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExtraMissingError, match=r"--scheduler needs packages that are not installed: distributed"):
        require_address(address)


def test_tls_without_certificates_names_the_address() -> None:
    with pytest.raises(UsageError, match=r"--scheduler tls://127\.0\.0\.1:9 needs TLS certificates, but Dask"):
        connect("tls://127.0.0.1:9")


class LostClient:
    """A client whose connection is lost at its first or second request."""

    def __init__(self, first: bool) -> None:
        self.first = first

    def wait_for_workers(self, *arguments: object, **options: object) -> None:
        """Succeed."""

    def nthreads(self) -> dict[str, int]:
        """Return the threads of one worker, or lose the connection."""
        if self.first:
            raise OSError("Stream is closed")
        return {"tcp://a:1": 1}

    def run(self, *arguments: object) -> Any:
        """Lose the connection."""
        raise OSError("Stream is closed")

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("first", [True, False])
def test_a_sweep_whose_scheduler_disappears_at_once_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    monkeypatch.setattr(cluster, "connect", lambda address: LostClient(first))
    workspace.home.mkdir()
    with pytest.raises(ClusterError) as raised:
        cluster.Cluster("tcp://127.0.0.1:9", workspace, "local")
    assert str(raised.value) == (
        "--scheduler tcp://127.0.0.1:9: the scheduler disappeared. Start a scheduler and workers, and run this again."
    )

"""The address of a scheduler, checked before anything connects."""

import sys

import pytest

from mlops.cluster.connection import connect, require_address
from mlops.errors import ExtraMissingError, UsageError


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

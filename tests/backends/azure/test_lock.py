"""The lock that all users of a workspace share: one holder at a time, bounded waits, and holders that die."""

import subprocess
import sys
import threading
import time

import pytest
from doubles.azure.azure import Azure
from doubles.azure.routing import make_error

from mlops.backends.azure.connection.lock import LEASE_SECONDS, RENEW_SECONDS, LeaseLock
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.errors import PlatformError
from mlops.workspace import Workspace

pytestmark = pytest.mark.slow
HOLD = """
import sys, time
from pathlib import Path
from mlops.backends.azure.connection.lock import LeaseLock
from mlops.backends.azure.connection.session import AzureSession
from mlops.backends.azure.connection.settings import read_settings
from mlops.workspace import Workspace
workspace = Workspace(*map(Path, sys.argv[1:]))
with LeaseLock(AzureSession(read_settings(workspace), workspace), "some").hold():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def session(azure: Azure, workspace: Workspace) -> AzureSession:
    """A session before the double."""
    return AzureSession(read_settings(workspace), workspace)


def test_one_holds_it_at_a_time(session: AzureSession) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with LeaseLock(session, "some").hold():
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.1)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


def test_waiting_for_it_is_bounded_and_says_what_to_do(session: AzureSession) -> None:
    with (
        LeaseLock(session, "some").hold(),
        pytest.raises(PlatformError, match=r"held the lock locks/some in the container azureml-.* 1 s"),
        LeaseLock(session, "some", wait_seconds=1).hold(),
    ):
        pass
    with LeaseLock(session, "some", wait_seconds=1).hold():
        pass  # the lock was released


def test_it_is_let_go_when_its_holder_fails(session: AzureSession) -> None:
    with pytest.raises(ZeroDivisionError), LeaseLock(session, "some").hold():
        raise ZeroDivisionError
    with LeaseLock(session, "some", wait_seconds=0).hold():
        pass


def test_it_is_renewed_while_it_is_held(azure: Azure, session: AzureSession) -> None:
    with LeaseLock(session, "some").hold() as lease:
        time.sleep(LEASE_SECONDS + 2)
        lease.check()
        with (
            pytest.raises(PlatformError, match="Another process has held the lock"),
            LeaseLock(session, "some", wait_seconds=0).hold(),
        ):
            pass


def test_who_dies_lets_go(session: AzureSession, workspace: Workspace) -> None:
    folders = [str(workspace.project), str(workspace.home), str(workspace.outputs)]
    with subprocess.Popen([sys.executable, "-c", HOLD, *folders], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    with LeaseLock(session, "some", wait_seconds=LEASE_SECONDS + 5).hold():
        pass


def test_a_lock_that_could_not_be_renewed_lets_nothing_more_be_written(azure: Azure, session: AzureSession) -> None:
    with LeaseLock(session, "some").hold() as lease:
        azure.fail_next("PUT", "locks/some", make_error(403, "AuthorizationFailure", "not any more"), times=100)
        time.sleep(LEASE_SECONDS + RENEW_SECONDS)
        with pytest.raises(PlatformError, match="The lock locks/some was lost because it could not be renewed"):
            lease.check()


def test_a_lease_of_somebody_else_is_waited_for_as_storage_says_it(azure: Azure, session: AzureSession) -> None:
    """Another process may lease a new blob. Azure answers a write without the lease with 412, Azurite with 409."""
    held = make_error(412, "LeaseIdMissing", "There is currently a lease on the blob and no lease ID was specified.")
    azure.fail_next("PUT", "locks/new$", held)
    with LeaseLock(session, "new", wait_seconds=5).hold() as lease:
        lease.check()

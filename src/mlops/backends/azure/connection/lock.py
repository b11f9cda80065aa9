"""A lock that all users of a workspace share: a lease on a blob in the workspace's default container."""

# If the process that holds the lock dies, the lock is released after 15 seconds.

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mlops.backends.azure.connection.container import open_container
from mlops.backends.azure.connection.session import AzureSession
from mlops.errors import LostLockError, PlatformError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobLeaseClient

LEASE_SECONDS = 15  # the minimum that Azure allows
RENEW_SECONDS = 5.0
WAIT_SECONDS = 120.0
POLL_SECONDS = 0.5
LEASED = (409, 412)  # 409 if the blob exists, 412 after a write to a leased blob


class LeaseLock:
    """A named lock that all users of a workspace share. It is not reentrant.

    Parameters
    ----------
    session : AzureSession
        The connection to the workspace.
    name : str
        The name of the lock. Its blob is ``locks/<name>``.
    wait_seconds : float
        The maximum number of seconds to wait while another process holds the lock.
    """

    def __init__(self, session: AzureSession, name: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._session = session
        self._name = f"locks/{name}"
        self._wait_seconds = wait_seconds

    @contextmanager
    def hold(self) -> Iterator["Lease"]:
        """Hold the lock until the end of the ``with`` block, and yield the lease.

        Raises
        ------
        PlatformError
            If another process still holds the lock after `wait_seconds`.
        """
        asked, client = self._wait_for_lease()
        lease = Lease(client, self._name, asked)
        try:
            yield lease
        finally:
            lease.release()

    def _wait_for_lease(self) -> tuple[float, "BlobLeaseClient"]:
        """Wait for the lease. Return when it was requested (in `time.monotonic()`), and the SDK's client for it."""
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

        blob = open_container(self._session).get_blob_client(self._name)
        deadline = time.monotonic() + self._wait_seconds
        while True:
            asked = time.monotonic()
            try:
                return asked, blob.acquire_lease(LEASE_SECONDS)
            except ResourceNotFoundError:
                _create_if_missing(blob)
                continue
            except HttpResponseError as error:
                if error.status_code not in LEASED:
                    raise
            if time.monotonic() >= deadline:
                raise PlatformError(
                    f"Another process has held the lock {self._name} in the container {blob.container_name} of "
                    f"{blob.account_name} for {self._wait_seconds:.0f} s. If a run hangs, end it, then try again."
                )
            time.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # random, so that processes do not all ask at once


def _create_if_missing(blob: "BlobClient") -> None:
    from azure.core.exceptions import HttpResponseError

    try:
        blob.upload_blob(b"", overwrite=False)
    except HttpResponseError as error:
        if error.status_code not in LEASED:
            raise


class Lease:
    """A lease on a blob. A background thread renews the lease until `release` is called.

    Call `check` before each write that the lock protects.
    """

    def __init__(self, client: "BlobLeaseClient", name: str, asked: float) -> None:
        self._client = client
        self._name = name
        self._valid_until = asked + LEASE_SECONDS
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of {name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise LostLockError if the lease may have expired."""
        if time.monotonic() >= self._valid_until:
            raise LostLockError(
                f"The lock {self._name} was lost because it could not be renewed, so nothing more is written. Check "
                "`mlops status --platform azure`, then run the command again."
            )

    def release(self) -> None:
        """Release the lease. If the request fails, the error is ignored."""
        from azure.core.exceptions import AzureError

        self._released.set()
        self._thread.join()
        with suppress(AzureError):
            # if this fails, the lease expires by itself
            self._client.release()

    def _keep(self) -> None:
        from azure.core.exceptions import AzureError

        while not self._released.wait(RENEW_SECONDS):
            asked = time.monotonic()
            with suppress(AzureError):  # the next round tries again; `check` raises an error once the lease has expired
                self._client.renew()
                self._valid_until = asked + LEASE_SECONDS

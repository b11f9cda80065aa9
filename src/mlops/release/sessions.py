"""Requests to services, without a proxy if the service is on this machine."""

import requests

from mlops.release.loopback import is_loopback


def open_session(url: str) -> requests.Session:
    """Return a session for a service.

    A proxy cannot reach services on this machine, so `http_proxy` and ``.netrc`` are ignored for loopback addresses,
    whether or not `no_proxy` is set.

    Parameters
    ----------
    url : str
        The service's address.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    return session

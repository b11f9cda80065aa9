"""Sessions for requests to services."""

import requests

from mlops.release.loopback import is_loopback


def open_session(url: str) -> requests.Session:
    """Return a session for requests to a service.

    If the service is on this machine, proxies and the file ``.netrc`` are ignored.

    Parameters
    ----------
    url : str
        The URL of the service.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    return session

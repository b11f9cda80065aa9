"""Requests to services, which never go through a proxy if the service is on this machine."""

import requests

from mlops.release.loopback import is_loopback


def open_session(url: str) -> requests.Session:
    """Return a session for a service.

    A proxy is for other machines: asked for this one, it answers that nothing is there. For loopback, `http_proxy`
    and ``.netrc`` do not count, whether or not `no_proxy` is set.

    Parameters
    ----------
    url : str
        Of the service.
    """
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    return session

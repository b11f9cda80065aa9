"""Requests to services, which never go through a proxy if the service is on this machine."""

import ipaddress
from urllib.parse import urlsplit

import requests


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


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine, by its loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

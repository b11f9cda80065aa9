"""The check whether a service is on this machine."""

# Do not import the HTTP library `requests` here, because its import takes 50 ms.
import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Return whether the host of a URL is this machine: a loopback address, such as 127.0.0.1."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

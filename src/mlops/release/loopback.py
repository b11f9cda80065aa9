"""The check whether a service is on this machine."""

# Do not import the HTTP library `requests` here, because its import takes 50 ms.
import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Return whether a URL refers to this machine by a loopback address or name: 127.0.0.1, localhost."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

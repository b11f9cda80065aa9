"""The variables with which a platform tells a service where and what to report."""

import os
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECTION_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"  # where to report: a secret
SHARE = "SERVING_TELEMETRY_SHARE"  # how many of the requests to report, from 0 to 1
DEFAULT_SHARE = 0.05  # at 20 requests per second, one item per second
TRACK = "/v2.1/track"  # the path of the endpoint
DEFAULT_URL = "https://dc.services.visualstudio.com"


@dataclass(frozen=True)
class Endpoint:
    """The address to which items are posted, and the instrumentation key of the resource."""

    url: str
    key: str


def read_connection_string(text: str) -> Endpoint:
    """Return the endpoint in a connection string such as ``InstrumentationKey=...;IngestionEndpoint=https://...``.

    Raises
    ------
    ValueError
        If the string has no valid key or no valid address. The message does not quote the string, which is a secret.
    """
    pairs = (part.partition("=") for part in text.split(";"))
    found = {name.strip().lower(): value.strip() for name, _, value in pairs}
    try:
        key = str(uuid.UUID(found.get("instrumentationkey", "")))
    except ValueError:
        said = f"{CONNECTION_STRING} has no valid InstrumentationKey. Copy the connection string from the Azure portal."
        raise ValueError(said) from None
    url = found.get("ingestionendpoint") or _build_url(found)
    if not _is_address(url):
        raise ValueError(f"IngestionEndpoint in {CONNECTION_STRING} is not a URL. Copy it from the Azure portal.")
    return Endpoint(url.rstrip("/") + TRACK, key)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the host or the port is invalid
        return False


def read_share() -> float:
    """Return the share of the requests to report, from 0 to 1."""
    return min(max(float(os.environ.get(SHARE, DEFAULT_SHARE)), 0.0), 1.0)


def _build_url(found: dict[str, str]) -> str:
    suffix, location = found.get("endpointsuffix"), found.get("location")
    return f"https://{f'{location}.' if location else ''}dc.{suffix}" if suffix else DEFAULT_URL

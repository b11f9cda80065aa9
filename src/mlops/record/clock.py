"""The time as records hold it."""

from datetime import UTC, datetime


def now() -> str:
    """Return the time, UTC, as ISO 8601 to the second: "2026-11-22T19:07:58Z"."""
    return to_iso(datetime.now(UTC).timestamp())


def to_iso(seconds: float) -> str:
    """Return a time, in seconds since 1970, as records hold it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

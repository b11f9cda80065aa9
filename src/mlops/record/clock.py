"""The time as records hold it."""

from datetime import UTC, datetime


def now() -> str:
    """Return the time, UTC, as ISO 8601 to the second: "2026-11-22T19:07:58Z"."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

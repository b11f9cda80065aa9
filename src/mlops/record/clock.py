"""The present time, as text."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present time in UTC and ISO 8601, to the second: "2026-11-22T19:07:58Z"."""
    return to_iso(datetime.now(UTC).timestamp())


def from_iso(moment: str) -> float:
    """Convert the text that `now` returns to seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def to_iso(seconds: float) -> str:
    """Convert a time in seconds since 1970 to the text that `now` returns."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

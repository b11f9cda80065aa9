"""The clock of the records."""

from datetime import UTC, datetime

from mlops.record.clock import now


def test_now_is_utc_to_the_second() -> None:
    found = now()
    assert (len(found), found[-1]) == (20, "Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(found)).total_seconds() < 5

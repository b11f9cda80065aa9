"""The log of a kernel."""

from pathlib import Path

import pytest

from mlops.execution.kernel_log import READ, open_log


@pytest.mark.parametrize(
    ("written", "last"),
    [
        ("", ""),
        ("one\n\n two \n\n", ": two"),
        ("x" * 1000, ": " + "x" * 1000),
        ("secret" * READ + "\nend", ": end"),
        ("secret" * READ, ""),
    ],
    ids=["empty", "blank lines", "long", "after a very long one", "a line of which only the end was read"],
)
def test_the_last_line_is_whole_or_missing(tmp_path: Path, written: str, last: str) -> None:
    """The line is redacted and shortened later, because half a secret would not be found."""
    with open_log(str(tmp_path)) as log:
        (tmp_path / "kernel.log").write_text(written)
        assert log.find_last() == last

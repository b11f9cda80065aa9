"""The memory and the sockets that the workers of a service share."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from mlops.serving.connections.board import make_board


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files in memory")
def test_the_table_of_workers_needs_no_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    board = make_board(2)
    assert os.fstat(board.table).st_size == 4 * 6 * 8  # four places, each with 2 + 4 numbers
    os.close(board.table)

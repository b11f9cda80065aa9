"""Secrets of one machine: private files, and environment variables."""

import pytest

from mlops.backends import open_backend
from mlops.errors import UsageError
from mlops.workspace import Workspace


def test_keys_are_readable_by_their_owner_only(workspace: Workspace) -> None:
    open_backend("local", workspace).secrets.get_keys("qa")
    path = workspace.home / "secrets" / "qa-keys.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_secret_too_short_to_strike_out_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_SECRET_SHORT", "e")
    with pytest.raises(
        UsageError, match=r"The secret in MLOPS_SECRET_SHORT is too short \(length 1\). Use 8 characters or more"
    ):
        list(open_backend("local", workspace).secrets.list_values())

"""The command `mlops prune`: what it prints, in this process."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from old_homes import RUN, build_home

from mlops.cli import main
from mlops.record.ledger import RunRecord, write_run
from mlops.record.processes import NO_PROCESS
from mlops.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A home with an old run that is not needed, and the run that made the champion; without other tests' kernels."""
    workspace = build_home(tmp_path)
    started = "2026-01-01T00:00:00Z"
    write_run(RunRecord("old", "all", "local", "failed", started, "", NO_PROCESS, ()), workspace.outputs)
    with tempfile.TemporaryDirectory() as short:
        for name, value in (("HOME", workspace.home), ("OUTPUTS", workspace.outputs)):
            monkeypatch.setenv(f"MLOPS_{name}", str(value))
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        yield workspace


def call(*words: str) -> Result:
    """Call the command."""
    return CliRunner().invoke(main, ["prune", *words])


def test_what_would_be_deleted_is_shown_and_then_deleted(home: Workspace) -> None:
    shown = call("--older-than", "30d", "--dry-run")
    assert shown.exit_code == 0, shown.output
    line = f"- run             {'old':<45}  last used 2026-01-01       0.0 MB"
    assert shown.output == f"{line}\n0.0 MB would be deleted. Run the command without --dry-run to delete them.\n"
    (leftover,) = json.loads(call("--older-than", "30d", "--dry-run", "--json").output)["leftovers"]
    assert (leftover["kind"], leftover["name"], leftover["paths"]) == ("run", "old", [str(home.outputs / "old")])
    assert (home.outputs / "old").is_dir()
    assert call("--older-than", "30d").output == f"{line}\n0.0 MB deleted.\n"
    assert [path.name for path in home.outputs.glob("*/run.json")] == ["run.json"]
    assert (home.outputs / RUN).is_dir()
    assert call("--older-than", "0h").output == "Nothing to delete: everything is newer or still needed.\n"


@pytest.mark.parametrize("age", ["3x", "d", "-1d", "1.5d", "99999999d"])
def test_an_age_that_is_none_is_refused(age: str) -> None:
    refused = call("--older-than", age)
    assert (refused.exit_code, "Write hours, days or weeks: 12h, 30d, 8w." in refused.output) == (2, True)

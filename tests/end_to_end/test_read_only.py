"""A home that can only be read: commands that only read it work, and nothing tries to write to it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import MLOPS
from old_homes import RUN, build_home

from mlops.portal.index import write_index
from mlops.workspace import Workspace

NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
Look = Callable[..., "subprocess.CompletedProcess[str]"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen() -> Iterator[Workspace]:
    """A home that nobody may write to, in a folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = build_home(Path(folder))
        write_index(workspace.outputs, None)
        subprocess.run(["chmod", "-R", "a+rX,a-w", folder], check=True)
        os.chmod(folder, 0o555)
        yield workspace
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)


@pytest.fixture
def look(seen: Workspace) -> Look:
    """Runs a command as a user to whom the permissions apply, not as root."""
    program = [*(NOBODY if os.getuid() == 0 else ()), str(MLOPS)]
    own = {"MLOPS_HOME": str(seen.home), "MLOPS_OUTPUTS": str(seen.outputs), "HOME": "/nonexistent"}
    own["MLOPS_LOCAL_ENVIRONMENTS"] = ""  # not the folder that all tests share, which this user may not read
    environ = {**os.environ, **own, "XDG_RUNTIME_DIR": "/nonexistent", "MLOPS_WARM_KERNELS": "0"}
    if not shutil.which(program[0]) or subprocess.run([*program, "--version"], check=False, env=environ).returncode:
        pytest.skip("no other user can run this checkout here")

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *words], cwd=seen.project, env=environ, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("status", RUN),
        ("status --json", '"problems": []'),
        ("runs", RUN),
        ("cost", "Nothing is billed"),
        ("keys qa", "not-a-key-qa-primary"),
        ("prune --older-than 0d --dry-run", "Nothing to delete: everything is newer or still needed."),
        ("provision --what-if", "Nothing to change."),
        ("provision --delete --what-if", "delete    folder"),
        (f"check-notebooks {RUN}", "compared outputs differ"),
    ],
)
def test_commands_that_look_need_no_right_to_write(look: Look, command: str, shown: str) -> None:
    done = look(*command.split())
    assert shown in done.stdout, done.stderr
    assert done.stderr == ""


def test_an_index_that_cannot_be_rewritten_is_printed_as_it_is(look: Look, seen: Workspace) -> None:
    done = look("report")
    index = seen.outputs / "index.html"
    assert (done.returncode, done.stdout) == (0, f"{index}\n")
    assert done.stderr == f"mlops: {index} could not be rewritten (Permission denied), so it may be out of date.\n"

"""Standard output belongs to the program: only its text, in any encoding, without secrets, as long as it is read."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops.cli.streams import RedactionFilter, describe_error, print_error, print_traceback
from mlops.files.atomic import write_atomically
from mlops.record.redaction import make_redactor

CLAIM = "import os, sys, click\nfrom mlops.cli.streams import claim_streams, print_json\nclaim_streams()\n"


def run_claimed(script: str, pipe: str = "", **environ: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a script whose streams are claimed; the exit code is the script's, also in a pipe."""
    command = ["bash", "-c", f'"$@" {pipe}\nexit "${{PIPESTATUS[0]}}"', "bash", sys.executable, "-c", CLAIM + script]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environ})


def test_what_others_write_goes_to_standard_error() -> None:
    script = "os.system('echo SHELL'); os.write(1, b'C\\n'); click.echo('ours'); print('ours, too')"
    ran = run_claimed(script)
    assert (ran.returncode, ran.stdout) == (0, b"ours\nours, too\n")
    assert ran.stderr == b"SHELL\nC\n"


@pytest.mark.parametrize("pipe", ["| head -1", "2>&1 >/dev/null | head -1", "| true"])
def test_a_reader_that_leaves_early_is_no_error(pipe: str) -> None:
    script = (
        "import time\n"
        "for number in range(50):\n"
        "    click.echo(number); click.echo(number, err=True); time.sleep(0.005)\n"
        "os._exit(7 if number == 49 else 1)"
    )
    ran = run_claimed(script, pipe)
    assert ran.returncode == 7
    assert ran.stdout == (b"" if pipe == "| true" else b"0\n")
    assert b"Broken" not in ran.stderr


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", rb"+ x - ... 3 x 4 Z\xfcrich \U0001f600"),
        ("latin-1", b"+ x - ... 3 \xd7 4 Z\xfcrich \\U0001f600"),
        ("utf-8", "✓ ✗ – … 3 × 4 Zürich 😀".encode()),
        ("utf-16-le", "✓ ✗ – … 3 × 4 Zürich 😀".encode("utf-16-le")),
    ],
)
def test_every_encoding_shows_everything(encoding: str, shown: bytes) -> None:
    script = "text = '✓ ✗ – … 3 × 4 Zürich 😀'\nclick.echo(text, nl=False); click.echo(text, nl=False, err=True)"
    ran = run_claimed(script, PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, shown, shown)


@pytest.mark.parametrize("environ", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_terminal_without_a_locale_is_no_error(environ: dict[str, str]) -> None:
    ran = run_claimed("click.echo('\\u2713 \\udcff'); click.echo('\\u2717', err=True)", **environ)
    assert (ran.returncode, ran.stdout.split()[1]) == (0, rb"\udcff")


@pytest.mark.parametrize(("option", "shown"), [("--json", {"format": 1, "a": 1}), ("", "a library\nours\n")])
def test_with_json_libraries_print_to_standard_error(option: str, shown: object) -> None:
    script = (
        "from mlops.cli.options import json_option\n"
        "@click.command()\n@json_option\n"
        "def show(as_json):\n"
        "    print('a library')\n"
        "    print_json({'a': 1}) if as_json else click.echo('ours')\n"
        f"show({[option] if option else []})"
    )
    ran = run_claimed(script)
    assert (json.loads(ran.stdout) if option else ran.stdout.decode()) == shown
    assert ran.stderr == (b"a library\n" if option else b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_the_same_in_every_encoding(encoding: str) -> None:
    script = "print_json({'text': '✓ ü', 'number': float('nan')})"
    ran = run_claimed(script, PYTHONIOENCODING=encoding)
    assert ran.stdout.isascii()
    assert json.loads(ran.stdout) == {"format": 1, "text": "✓ ü", "number": None}


def test_a_full_disk_is_an_error() -> None:
    program = Path(sys.executable).with_name("mlops")
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run([program, "--version"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert ran.returncode == 1
    said = (
        "standard output: No space left on device. "
        "Free some space and try again. `mlops resume` continues an interrupted run."
    )
    assert ran.stderr.decode() == f"mlops: {said}\n"


def test_a_full_disk_is_named_by_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space") as caught:
        write_atomically(tmp_path / "run.json", "{}")
    assert describe_error(caught.value).startswith(f"{tmp_path / 'run.json'}: No space left on device. Free some space")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/h/qa.lock"), "/h/qa.lock: Read-only file system. Set MLOPS_H"),
        (PermissionError(errno.EACCES, "Denied", "/h/run.json"), "/h/run.json: Denied. Change its permissions, or set"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files. Raise the limit on open files (`ulimit"),
        (OSError(errno.ENOENT, "No such file"), "No such file."),
        (OSError("no host"), "no host"),
        (ValueError("x"), "x"),
    ],
)
def test_an_error_of_the_operating_system_is_a_sentence(error: Exception, said: str) -> None:
    assert describe_error(error).startswith(said)


@pytest.mark.parametrize("encoding", ["latin-1", pytest.param("ascii", marks=pytest.mark.slow)])
def test_the_help_and_the_status_work_on_any_terminal(mlops: Any, encoding: str) -> None:
    for words in (["--help"], ["run", "--help"], ["status"], ["kernels"], ["run", "\udcff"]):
        ran = mlops(*words, PYTHONIOENCODING=encoding, MLOPS_WARM_KERNELS="0")  # otherwise another parent would start
        assert ran.returncode == (2 if "\udcff" in words else 0), ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """One secret of the environment, and one that a run has redacted."""
    monkeypatch.setenv("MLOPS_SECRET_TEST", "s3cr3t-word")
    monkeypatch.setenv("MLOPS_SECRET_SHORT", "s3")
    make_redactor(["key-of-a-service"])


@pytest.mark.usefixtures("_secrets")
def test_a_message_is_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(OSError("no host u:s3cr3t-word@h, key-of-a-service"))
    assert capsys.readouterr() == ("", "mlops: no host u:***@h, ***\n")


@pytest.mark.usefixtures("_secrets")
def test_a_traceback_has_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        {}["s3cr3t-" + "word"]
    except KeyError as error:
        print_traceback(error)
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("KeyError: '***'\n")


@pytest.mark.usefixtures("_secrets")
def test_what_libraries_log_has_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logger, handler = logging.getLogger("tests.redaction"), logging.StreamHandler()
    handler.addFilter(RedactionFilter())
    logger.addHandler(handler)
    try:
        raise ValueError("s3cr3t-" + "word")
    except ValueError:
        logger.exception("Task %s failed", "key-of-a-service")
    logger.removeHandler(handler)
    shown = capsys.readouterr().err
    assert shown.startswith("Task *** failed\nTraceback")
    assert shown.endswith("ValueError: ***\n")


def test_a_line_is_printed_once_if_ctrl_c_follows_it() -> None:
    printing = CLAIM + (
        "import contextlib, time\n"
        "for number in range(30):\n"
        "    with contextlib.suppress(KeyboardInterrupt):\n"
        "        click.echo(number)\n"
        "        while True: time.sleep(0.01)\n"
    )
    with subprocess.Popen([sys.executable, "-c", printing], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = []
        for line in process.stdout:
            found.append(int(line))
            process.send_signal(signal.SIGINT)
    assert found == [*range(30)]

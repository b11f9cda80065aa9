"""Text that is not part of a record is redacted, too, before it reaches the terminal."""

import logging

import pytest

from mlops.cli.streams import RedactionFilter, print_error, print_traceback
from mlops.record.redaction import make_redactor


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """One secret of the environment, and one that a run has redacted."""
    monkeypatch.setenv("MLOPS_SECRET_TEST", "s3cr3t-word")
    monkeypatch.setenv("MLOPS_SECRET_SHORT", "s3")
    make_redactor(["key-of-a-service"])


def test_a_message_is_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(OSError("no host u:s3cr3t-word@h, key-of-a-service"))
    assert capsys.readouterr() == ("", "mlops: no host u:***@h, ***\n")


def test_a_traceback_has_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        {}["s3cr3t-" + "word"]
    except KeyError as error:
        print_traceback(error)
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("KeyError: '***'\n")


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

"""The standard output and standard error of this program."""

# Secrets are redacted in every error that this module prints.

import codecs
import errno
import io
import json
import logging
import os
import sys
import traceback
from contextlib import redirect_stdout

import click
import msgspec

from mlops.platform.secret_variables import redact_error

JSON_FORMAT = 1  # the format number of the output with --json; run records have their own number
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on a disk, in a quota, or under the limit of file sizes
OUTPUT, ERRORS = 1, 2  # the descriptors of the standard streams
ADVICE = {
    **dict.fromkeys(FULL, "Free some space and try again. `mlops resume` continues an interrupted run."),
    errno.EROFS: "Set MLOPS_HOME and MLOPS_OUTPUTS to writable folders.",
    errno.EACCES: "Change its permissions, or set MLOPS_HOME and MLOPS_OUTPUTS to folders of your own.",
    errno.EMFILE: "Raise the limit on open files (`ulimit -n`) and try again.",
    errno.EAGAIN: "End other processes, or raise the limit on processes (`ulimit -u`), and try again.",
    errno.ENOMEM: "Free some memory, or raise the limit (`ulimit -v`), and try again.",
}
PLAIN = {"✓": "+", "✗": "x", "–": "-", "—": "-", "…": "...", "×": "x", "→": "->", "’": "'"}
OUTPUT_OF_JSON = "mlops.output"  # the key for the JSON output in click's context
FALLBACK, ASCII = "mlops-fallback", "mlops-ascii"


def claim_streams() -> None:
    """Reserve standard output for the text that this program prints itself.

    The output of subprocesses and of libraries in C goes to standard error. If the reader of standard output closes it
    early, no error is raised. Characters that the terminal cannot show are replaced.
    """
    codecs.register_error(FALLBACK, _replace_unencodable)
    codecs.register(_find_ascii_codec)
    sys.stdout.flush()
    sys.stderr.flush()
    output = os.dup(OUTPUT)  # a copy, which no subprocess inherits
    os.dup2(ERRORS, OUTPUT)
    sys.stdout = _open_stream(output, sys.stdout.encoding)
    sys.stderr = _open_stream(ERRORS, sys.stderr.encoding, line_buffering=True)


def print_json(value: object) -> None:
    """Print an object as JSON. The output is ASCII, which is the same in every encoding. NaN becomes null.

    The first field, `format`, is a format number. docs/json.md describes the fields.
    """
    found = json.loads(msgspec.json.encode(value, enc_hook=str))
    _print_text(json.dumps({"format": JSON_FORMAT, **found}, indent=1))


def print_json_line(value: object) -> None:
    """Print an object as JSON on one line, without a format number. For commands that print many objects."""
    _print_text(json.dumps(value))


def _print_text(text: str) -> None:
    context = click.get_current_context(silent=True)
    click.echo(text, file=context.meta.get(OUTPUT_OF_JSON) if context else None)


def reserve_output(context: click.Context, _: click.Parameter, as_json: bool) -> bool:
    """Reserve standard output for JSON if `as_json` is true. Everything else is printed on standard error.

    Click calls this function for the option ``--json``, and passes the result, `as_json`, to the command.
    """
    if as_json:
        context.meta[OUTPUT_OF_JSON] = sys.stdout
        context.with_resource(redirect_stdout(sys.stderr))
    return as_json


def print_error(error: BaseException) -> None:
    """Print the message of an error."""
    from mlops.cli.progress.annotations import disarm

    click.echo(disarm(f"mlops: {redact_error(describe_error(error))}"), err=True)


def describe_error(error: BaseException) -> str:
    """Return the message of an error. For an error of the operating system, add the file and, if known, the fix."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    file = f"{error.filename}: " if error.filename else ""
    advice = ADVICE.get(error.errno or 0, "")
    return f"{file}{error.strerror}. {advice}".rstrip()


def print_traceback(error: BaseException) -> None:
    """Print an unexpected error with its traceback."""
    click.echo(redact_error("".join(traceback.format_exception(error))), err=True, nl=False)


class RedactionFilter(logging.Filter):
    """A log filter that removes secrets from log messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove secrets from a log record. Return True, so that the record is logged."""
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        record.msg, record.args = redact_error(record.getMessage()), ()
        record.exc_text = redact_error(record.exc_text) if record.exc_text else None
        return True


class _Output(io.BufferedWriter):
    """A stream that discards all later output once a write fails, for example because the pipe was closed.

    `write` and `flush` are overridden here and not in the stream below. Ctrl-C can interrupt an overridden method after
    its output was written, and this class would then write the output of the stream below again.
    """

    def write(self, data: "memoryview[int] | bytes", /) -> int:  # type: ignore[override]
        """Write bytes to the buffer, and return how many were written."""
        try:
            return super().write(data)
        except OSError as error:
            self._discard(error)
            return super().write(data)

    def flush(self) -> None:
        """Write the buffer to the descriptor."""
        try:
            super().flush()
        except OSError as error:
            self._discard(error)
            super().flush()

    def _discard(self, error: OSError) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno(), inheritable=self.fileno() == ERRORS)
        os.close(null)
        if not isinstance(error, BrokenPipeError):
            name = "standard error" if self.fileno() == ERRORS else "standard output"
            raise OSError(error.errno, error.strerror, name) from error


def _open_stream(descriptor: int, encoding: str, *, line_buffering: bool = False) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    name = ASCII if codecs.lookup(encoding).name == "ascii" else encoding
    return io.TextIOWrapper(_Output(raw), name, errors=FALLBACK, line_buffering=line_buffering or raw.isatty())


def _replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or ascii(sign)[1:-1] for sign in missing), error.end


def _find_ascii_codec(name: str) -> codecs.CodecInfo | None:
    # Click writes UTF-8 to a stream whose encoding is named "ascii", so this encoding is ASCII under another name.
    if name.replace("_", "-") != ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        name=ASCII,
    )

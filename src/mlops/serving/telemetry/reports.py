"""The reports of a worker: requests and failures. They contain neither rows nor predictions nor keys."""

import traceback
from pathlib import PurePath

import msgspec

MOST_FRAMES = 8  # places in a report, counted from the one where the error was raised
LONGEST = 120  # characters of a name in a report


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """A place in the code: the name of the file, the line and the function."""

    file: str
    line: int
    function: str


class Report(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """A report.

    Parameters
    ----------
    time : float
        The time when the request arrived, in seconds since 1970.
    request : str
        The id of the request.
    trace : str
        Its header ``traceparent``; empty if it had none.
    """

    time: float
    request: str
    trace: str


class RequestReport(Report, frozen=True, tag="request"):
    """A request that was answered: the status, the time until the answer in seconds, and the rows; 0 if unknown."""

    status: int
    seconds: float
    rows: int = 0


class FailureReport(Report, frozen=True, tag="failure"):
    """An error of the scoring script or the server: its class, and the places in its traceback, the innermost last."""

    error: str
    frames: tuple[Frame, ...]


class LossReport(msgspec.Struct, array_like=True, frozen=True, tag="loss"):
    """The number of reports that were lost since the last one, because the pipe was full."""

    count: int


AnyReport = RequestReport | FailureReport | LossReport

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyReport)


def encode_report(report: AnyReport) -> bytes:
    """Return a report as a line."""
    return _encoder.encode(report) + b"\n"


def decode_report(line: bytes) -> AnyReport:
    """Return the report in a line. Raises `msgspec.DecodeError` if the line is damaged."""
    return _decoder.decode(line)


def describe_error(time: float, request: str, trace: str, error: BaseException) -> FailureReport:
    """Return the report of an error, without its message, which may quote a value of a request."""
    frames = traceback.extract_tb(error.__traceback__, limit=-MOST_FRAMES)
    places = (Frame(PurePath(one.filename).name[:LONGEST], one.lineno or 0, one.name[:LONGEST]) for one in frames)
    return FailureReport(time, request, trace, type(error).__name__[:LONGEST], tuple(places))

"""The checks of a request's head that depend on nothing but the request."""

from collections.abc import Mapping

from .refusals import Refusal, quote_value

MAX_BODY = 8 << 20  # maximum size of a body in bytes
MOST_DIGITS = len(str(MAX_BODY))  # a number with fewer digits is smaller
JSON = b"application/json"
SCORE = "/score"  # the path of the requests that the scoring script answers
UTF_8 = ("utf-8", "utf8")


def check_body_headers(sent: Mapping[bytes, bytes]) -> None:
    """Check the headers of a request, with lowercase names, as `check_content` does."""
    usual = sent.get(b"content-type") == JSON and b"content-encoding" not in sent
    if usual and len(sent.get(b"content-length", b"")) < MOST_DIGITS:
        return  # saves a microsecond
    names = (b"content-type", b"content-encoding", b"content-length")
    check_content(*(sent.get(name, b"").decode("latin-1") for name in names))


def check_content(content_type: str, encoding: str, length: str) -> None:
    """Check the headers of a request before its body is read.

    Parameters
    ----------
    content_type, encoding, length : str
        The headers Content-Type, Content-Encoding and Content-Length; empty if the request does not have them.

    Raises
    ------
    Refusal
        If, according to the headers, the body is not JSON, is not in UTF-8, is compressed or is too large.
    """
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    if kind.lower() != "application/json":
        raise Refusal(415, "The body must be JSON. Send the header Content-Type: application/json.")
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        charset = value.strip('"')
        if name.lower() == "charset" and charset.lower() not in UTF_8:
            raise Refusal(415, f"The body has the charset {quote_value(charset)}. Send it in UTF-8.")
    if encoding.strip().lower() not in ("", "identity"):
        said = f"The body has the encoding {quote_value(encoding)}. Send it without Content-Encoding."
        raise Refusal(415, said, headers={"accept-encoding": "identity"})
    if length.isdigit():
        check_size(int(length))


def refuse_method(path: str, method: str, *allowed: str) -> Refusal:
    """Return an error that refuses a method. `allowed` are the methods that the path accepts, the usual one first."""
    said = f"{path} does not accept {method}. Use {allowed[0]}."
    return Refusal(405, said, headers={"allow": ", ".join(sorted(allowed))})


def check_size(size: int) -> None:
    """Check the size of a body in bytes.

    Raises
    ------
    Refusal
        If the body is too large.
    """
    if size > MAX_BODY:
        raise Refusal(413, f"The body has more than {MAX_BODY} bytes. Send fewer rows at a time.")

"""Errors as the SDKs raise them, without a server that answers."""

import requests


class Session:
    """A session of which refusals need the token alone: counts how often it was forgotten."""

    def __init__(self) -> None:
        self.forgotten = 0

    def forget_credential(self) -> None:
        """Count."""
        self.forgotten += 1


def make_http_error(status: int, text: str = "", **headers: str) -> requests.HTTPError:
    """Make the error that `requests` raises for an answer."""
    response = requests.Response()
    response.status_code, response._content = status, text.encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return requests.HTTPError(text or "no", response=response)

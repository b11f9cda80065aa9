"""Errors as the SDKs raise them, without a server that answers."""

import requests


def make_http_error(status: int, text: str = "", **headers: str) -> requests.HTTPError:
    """Return the error that `requests` raises for an answer."""
    response = requests.Response()
    response.status_code, response._content = status, text.encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return requests.HTTPError(text or "no", response=response)

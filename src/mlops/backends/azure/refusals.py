"""What Azure refuses, said in one line: the SDK's errors hold whole responses, with headers."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlops.errors import PlatformError

RESPONSE = re.compile(r"Response Code: (?P<status>\d+).*?Content: (?P<content>.*)", re.DOTALL)
LONGEST = 1000  # characters of a text that is not understood


@contextmanager
def report_refusals(doing: str) -> Iterator[None]:
    """Turn what the SDK raises, after its own retries, into a PlatformError.

    Parameters
    ----------
    doing : str
        What was asked for: "deploy diabetes-qa".
    """
    from azure.core.exceptions import AzureError
    from azureml.exceptions import AzureMLException
    from requests import RequestException

    try:
        yield
    except AzureMLException as error:
        raise PlatformError(f"Azure did not {doing}: {summarize(error.message)}") from error
    except RequestException as error:
        raise PlatformError(f"Azure could not be reached to {doing} ({type(error).__name__}); try again") from error
    except AzureError as error:
        raise PlatformError(f"Azure did not {doing}: {summarize(error.message)}") from error


def summarize(text: str) -> str:
    """Return what an error of the SDK says, without the response's headers."""
    found = RESPONSE.search(text)
    if not found:
        return _shorten(text)
    return f"{_read_content(found['content'])} (status {found['status']})"


def _read_content(content: str) -> str:
    """Read the bytes that the SDK has printed: the service's own message where it is one."""
    plain = content.strip().removeprefix("b").strip("'\"").encode().decode("unicode_escape", "replace")
    try:
        said = json.loads(plain)
    except ValueError:
        return _shorten(plain) or "no reason given"
    said = said.get("error", said) if isinstance(said, dict) else {}
    details = [item.get("message", "") for item in said.get("details") or [] if isinstance(item, dict)]
    return " ".join(part for part in [said.get("message") or said.get("code") or "no reason given", *details] if part)


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[:LONGEST] + " …"

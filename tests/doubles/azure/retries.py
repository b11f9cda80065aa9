"""Short pauses for azureml-sdk before it retries or polls. It has no setting for them."""

import time
from types import SimpleNamespace

import pytest


def shorten_pauses(patched: pytest.MonkeyPatch) -> None:
    """Make the SDK retry at once. It still retries as often, and waits if an answer asks for it."""
    from azureml._restclient import clientbase
    from azureml.core.webservice import webservice
    from urllib3.util.retry import Retry

    for name in ("DEFAULT_BACKOFF", "DEFAULT_SHORT_BACKOFF", "DEFAULT_500_BACKOFF", "DEFAULT_503_BACKOFF"):
        patched.setattr(clientbase, name, 0)
    patched.setattr(Retry, "get_backoff_time", lambda retry: 0)
    # The SDK checks every five seconds whether a deployment has finished.
    patched.setattr(webservice, "time", SimpleNamespace(time=time.time, sleep=lambda _: time.sleep(0.1)))

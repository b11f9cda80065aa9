"""The pauses of azureml-sdk before it repeats a request or asks again, made short: it reads no setting for them."""

import time
from types import SimpleNamespace

import pytest


def shorten_pauses(patched: pytest.MonkeyPatch) -> None:
    """Have the SDK repeat requests at once; it still repeats them as often, and waits where the answer asks it to."""
    from azureml._restclient import clientbase
    from azureml.core.webservice import webservice
    from urllib3.util.retry import Retry

    for name in ("DEFAULT_BACKOFF", "DEFAULT_SHORT_BACKOFF", "DEFAULT_500_BACKOFF", "DEFAULT_503_BACKOFF"):
        patched.setattr(clientbase, name, 0)
    patched.setattr(Retry, "get_backoff_time", lambda retry: 0)
    # It asks every five seconds whether a deployment has ended.
    patched.setattr(webservice, "time", SimpleNamespace(time=time.time, sleep=lambda _: time.sleep(0.1)))

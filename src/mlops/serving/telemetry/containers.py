"""The recorder of a worker of Azure's inference server, which has neither ``/metrics`` nor a supervisor."""

import os
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from ..collection.children import ChildProcess
from ..log import WORKER_NUMBER
from ..metrics.declared import READY
from ..metrics.recorder import Recorder
from ..metrics.slots import open_slots
from .opening import open_reporter, start_sender
from .settings import CONNECTION_STRING, SHARE

# Azure sets these variables for a service with `enable_app_insights`. Its server then reports each request itself.
ENABLED, KEY = "AML_APP_INSIGHTS_ENABLED", "AML_APP_INSIGHTS_KEY"
FOLDER = Path(tempfile.gettempdir(), "mlops-metrics")  # the folder with the metrics of all workers of a container
TICK_SECONDS = 1.0


def open_recorder(bundle: Path) -> Recorder:
    """Return the recorder of this worker, and report its metrics and failures to Application Insights, if possible.

    Requests are reported only if Azure's server does not report them itself. `bundle` is the folder of the image.
    """
    connection_string = find_connection_string(os.environ)
    if not connection_string:
        return Recorder()
    os.environ[WORKER_NUMBER] = str(os.getpid())
    if is_enabled(os.environ):
        os.environ[SHARE] = "0"
    sender = start_sender(bundle, FOLDER, connection_string)
    recorder = Recorder(open_slots(FOLDER), open_reporter(FOLDER))
    recorder.watch(lambda: {READY: 1.0})
    threading.Thread(target=_tick, args=(recorder, sender), daemon=True).start()
    return recorder


def find_connection_string(variables: Mapping[str, str]) -> str:
    """Return the connection string in `variables`, or one with the key that Azure sets there; "" without either."""
    given = variables.get(CONNECTION_STRING, "")
    return given or (f"InstrumentationKey={variables.get(KEY, '')}" if is_enabled(variables) else "")


def is_enabled(variables: Mapping[str, str]) -> bool:
    """Return whether Azure's server reports each request to Application Insights."""
    return variables.get(ENABLED, "").lower() == "true" and bool(variables.get(KEY))


def _tick(recorder: Recorder, sender: ChildProcess | None) -> None:
    while True:
        recorder.refresh()
        if sender:
            sender.check()
        time.sleep(TICK_SECONDS)

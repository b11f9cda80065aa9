"""Send the reports and the metrics of a service to Application Insights: ``python -m serving.telemetry``."""

# The program ends when its standard input closes, that is, when the service that started it ends. Before that, it sends
# what is left. The connection string is an environment variable, because anyone can read the arguments of a process.

import argparse
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..collection.children import wait_for_parent
from ..collection.families import describe_collected
from ..collection.segments import hold_folder
from ..collection.settings import Folders, find_settings, read_settings
from ..identity import SERVICE, read_identity
from ..log import configure_log
from ..metrics.age import describe_age
from ..metrics.families import Family, describe_workers
from ..metrics.slots import read_workers
from ..metrics.tally import Tally
from ..workers.families import describe_supervisor
from .endpoint import Poster
from .families import TALLY, describe_telemetry
from .items import Origin, describe_failure, describe_metric, describe_request
from .meter import Meter
from .pipe import PipeReader, create_pipe
from .reports import AnyReport, FailureReport, RequestReport
from .sender import Sender
from .settings import CONNECTION_STRING, Endpoint, read_connection_string, read_share

ACTIVE = "telemetry.lock"  # the lock that allows only one sender per folder
TOTALS = "telemetry-totals.json"  # the file with what the metrics were in the last minute
METER_SECONDS = 60.0
POLL_SECONDS = 1.0

Measure = Callable[[], Iterable[Family]]


@dataclass(frozen=True)
class Program:
    """The sender as a program.

    Parameters
    ----------
    pipe : PipeReader
        The pipe with the reports of the workers.
    sender : Sender
        The object that sends items.
    meter : Meter
        The object that turns metrics into increases.
    measure : callable
        A function that returns the metrics of the service.
    origin : Origin
        Where the items come from.
    share : float
        The share of the requests that the workers report.
    """

    pipe: PipeReader
    sender: Sender
    meter: Meter
    measure: Measure
    origin: Origin
    share: float

    def run(self) -> None:
        """Send items until the standard input closes, then send the remaining items."""
        ended, measured = False, time.monotonic()
        while not ended:
            pause = max(0.05, min(self.sender.wait, POLL_SECONDS))  # so that many reports are read at a time
            ready, _, _ = select.select([self.pipe, sys.stdin], [], [], pause)
            ended = sys.stdin in ready and not os.read(sys.stdin.fileno(), 1)
            for report in self.pipe.read():
                self._add(report)
            if time.monotonic() - measured >= METER_SECONDS:
                measured = time.monotonic()
                self._add_metrics()
            self.sender.send_due()
        self._add_metrics()
        self.sender.send_rest()

    def _add(self, report: AnyReport) -> None:
        if isinstance(report, RequestReport):
            self.sender.add([describe_request(report, self.origin, self.share)])
        elif isinstance(report, FailureReport):
            self.sender.add([describe_failure(report, self.origin)])
        else:
            self.sender.drop(report.count)

    def _add_metrics(self) -> None:
        now = time.time()
        self.sender.add(describe_metric(one, now, self.origin) for one in self.meter.measure(self.measure()))


def measure_service(bundle: Path, folder: Path) -> list[Family]:
    """Return the metrics of a service, given the folder of the image and the folder with the metrics."""
    families = [
        *describe_workers(read_workers(folder)),
        *describe_supervisor(folder.parent),
        *describe_telemetry(folder),
    ]
    families += describe_age()
    if file := find_settings():
        families += describe_collected(read_settings(file), Folders(bundle, folder))
    return families


def describe_origin(bundle: Path, endpoint: Endpoint) -> Origin:
    """Return where the items come from, given the folder of the image."""
    identity = {name: str(value) for name, value in read_identity(bundle).items()}
    properties = {name: identity[name] for name in ("model_name", "model_version", "digest")}
    role = os.environ.get(SERVICE) or identity["model_name"]
    return Origin(endpoint.key, role, socket.gethostname(), identity["model_version"], properties)


def main() -> None:
    parser = argparse.ArgumentParser(prog="serving.telemetry")
    parser.add_argument("--bundle", type=Path, required=True, help="folder with the image's content")
    parser.add_argument("--metrics", type=Path, required=True, help="folder with the metrics of the service")
    options = parser.parse_args()
    configure_log()
    os.nice(10)  # the service has priority
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, and this program ends with it
    endpoint = read_connection_string(os.environ[CONNECTION_STRING])
    bundle, folder = options.bundle, options.metrics
    while True:
        with hold_folder(folder, ACTIVE, wait=False) as held:
            if held:
                pipe = PipeReader(create_pipe(folder))
                sender = Sender(Poster(endpoint).post, Tally(folder / TALLY), time.monotonic)
                measure = partial(measure_service, bundle, folder)
                origin, meter = describe_origin(bundle, endpoint), Meter(folder / TOTALS)
                Program(pipe, sender, meter, measure, origin, read_share()).run()
                return
        # another worker of the same container has started a sender
        if wait_for_parent(POLL_SECONDS):
            return


if __name__ == "__main__":
    main()

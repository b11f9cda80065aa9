"""The supervisor of a service: it starts the workers, restarts those that die, and ends them."""

import json
import logging
import os
import selectors
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ..collection.children import ChildProcess
from ..connections.listener import direct_connections
from ..identity import read_identity
from ..log import shorten_log
from ..metrics.processes import measure_memory
from .record import Workers, write_workers
from .restarts import Restarts
from .starting import Channels

WATCH_SECONDS = 1.0
DRAIN_SECONDS = 12.0  # a worker ends after 10 s; the command that replaces a service kills the supervisor after 15 s
SUCCESSOR_BEFORE, SUCCESSOR = 0, 1  # places of the other server on the port; see `direct_connections`


@dataclass
class Process:
    """A worker process.

    Parameters
    ----------
    number : int
        The number of the worker, from 0. No two processes have the same number at the same time.
    failing : bool
        Whether the worker only answers that the service is failing.
    ready : bool
        Whether the worker answers requests.
    leaving : bool
        Whether the worker was told to end.
    """

    number: int
    failing: bool = False
    ready: bool = False
    leaving: bool = False


class Supervisor:
    """The supervisor of a service. It does not read what clients send.

    Parameters
    ----------
    options : Namespace
        The options of ``python -m serving``.
    channels : Channels
        The socket, the pipes and the files that each worker gets.
    reports : int
        The pipe from which the supervisor reads what the workers report.
    limit : int
        The memory that a worker can use before it is replaced, in bytes.
    uploader : ChildProcess, optional
        The process that uploads the collected requests of the service.
    sender : ChildProcess, optional
        The process that reports to Application Insights.
    start : callable
        A function that starts a worker and returns its process id. Its arguments are `number` and `failing`; see
        `Process`.
    """

    def __init__(
        self,
        options: Namespace,
        channels: Channels,
        reports: int,
        limit: int,
        uploader: ChildProcess | None,
        sender: ChildProcess | None,
        start: Callable[[int, bool], int],
    ) -> None:
        self._bundle, self._ready_file = options.bundle, options.ready
        self._wanted = options.workers
        self._limit = limit
        self._channels = channels
        self._reports = reports
        self._uploader = uploader
        self._children = [child for child in (uploader, sender) if child]
        self._start = start
        self._restarts = Restarts(options.restarts, time.monotonic)
        self._processes: dict[int, Process] = {}
        self._successor = SUCCESSOR_BEFORE  # until the starter confirms this service, the previous one stays
        self._announced = self._failed = False
        self._recorded: Workers | None = None
        self._deadline = 0.0  # when the remaining workers are killed

    def run(self) -> int:
        """Run the service until it is told to end, and return the exit code."""
        with selectors.DefaultSelector() as selector:
            wakes, woken = os.pipe()
            os.set_blocking(woken, False)
            signal.set_wakeup_fd(woken)
            for caught in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(caught, lambda number, frame: None)
            selector.register(wakes, selectors.EVENT_READ, self._hear_signals)
            selector.register(self._reports, selectors.EVENT_READ, self._hear_workers)
            selector.register(sys.stdin, selectors.EVENT_READ, self._hear_starter)
            watched = 0.0
            while not self._deadline or self._processes:
                self._start_workers()
                for key, _ in selector.select(WATCH_SECONDS / 4):
                    key.data(key.fd)
                    if key.fileobj is sys.stdin:
                        selector.unregister(sys.stdin)
                self._reap()
                if time.monotonic() - watched >= WATCH_SECONDS:
                    watched = time.monotonic()
                    self._watch()
                self._record()
        for child in self._children:
            child.close()
        return 1 if self._failed else 0

    def _start_workers(self) -> None:
        if self._deadline:
            return
        staying = [process for process in self._processes.values() if not process.leaving]
        if self._restarts.is_failing:
            if not staying:
                self._add(failing=True)
        elif self._restarts.is_due:
            healthy = [process for process in staying if not process.failing]
            for _ in range(self._wanted - len(healthy)):
                self._add()

    def _add(self, *, failing: bool = False) -> None:
        taken = {process.number for process in self._processes.values()}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        self._processes[self._start(number, failing)] = Process(number, failing)

    def _hear_signals(self, descriptor: int) -> None:
        received = os.read(descriptor, 1 << 10)
        if {signal.SIGTERM, signal.SIGINT} & {*received}:
            self._end()

    def _hear_workers(self, descriptor: int) -> None:
        for pid in map(int, os.read(descriptor, 1 << 12).split()):
            if pid in self._processes:
                self._processes[pid].ready = True
                self._check_memory(pid, self._processes[pid])
        ready = [process for process in self._processes.values() if process.ready and not process.failing]
        if len(ready) >= self._wanted:
            for pid, process in self._processes.items():
                if process.failing:
                    self._dismiss(pid, process)
            if not self._announced and not self._deadline:
                self._announce()

    def _check_memory(self, pid: int, process: Process) -> None:
        used = measure_memory(pid)
        if used > self._limit and not self._announced and not self._deadline:
            said = "Worker %d uses %d MB of memory before its first request, but its limit is %d MB. Raise the limit."
            logging.error(said, process.number, used >> 20, self._limit >> 20)
            self._failed = True
            self._end()

    def _announce(self) -> None:
        self._announced = True
        listener = self._channels.listener
        direct_connections(listener, SUCCESSOR)  # to this service, which is the last on the port
        self._record()
        identity = read_identity(self._bundle)
        named = (identity[name] for name in ("image", "digest", "runtime"))
        logging.info("%s is ready (%s, runtime: %s).", *named)
        scratch = self._ready_file.with_suffix(".new")
        scratch.write_text(json.dumps({"pid": os.getpid(), "port": listener.getsockname()[1]}))
        scratch.rename(self._ready_file)

    def _hear_starter(self, descriptor: int) -> None:
        if os.read(descriptor, 1 << 10):
            self._successor = SUCCESSOR
        else:
            logging.warning("The process that started this service ended. Shutting down.")
            self._end()

    def _reap(self) -> None:
        for pid, process in [*self._processes.items()]:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self._processes[pid]
                self._channels.board.forget(process.number)
                if not process.leaving:
                    self._mourn(process.number, os.waitstatus_to_exitcode(status))

    def _mourn(self, number: int, code: int) -> None:
        said = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if not self._announced:
            logging.error("Worker %d ended (%s) before the service was ready. Shutting down.", number, said)
            self._failed = True
            self._end()
            return
        self._restarts.record_death()
        logging.error("Worker %d ended (%s). Restarts so far: %d.", number, said, self._restarts.count)
        if self._restarts.is_failing:
            logging.error("Too many workers ended. The next one is started in a minute.")

    def _watch(self) -> None:
        shorten_log(sys.stderr.fileno())
        if self._deadline:
            if time.monotonic() > self._deadline:
                self._signal(signal.SIGKILL)
            return
        for child in self._children:
            child.check()
        if self._announced and not self._ready_file.exists():
            logging.warning("%s was deleted. Shutting down.", self._ready_file)
            self._end()
        for pid, process in self._processes.items():
            used = 0 if process.leaving or process.failing else measure_memory(pid)
            if used > self._limit:
                said = "Worker %d uses %d MB of memory, but its limit is %d MB. It is replaced."
                logging.warning(said, process.number, used >> 20, self._limit >> 20)
                self._restarts.record_death()
                self._dismiss(pid, process)

    def _dismiss(self, pid: int, process: Process) -> None:
        process.leaving = True
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def _end(self) -> None:
        if self._deadline:
            return
        self._deadline = time.monotonic() + DRAIN_SECONDS
        direct_connections(self._channels.listener, self._successor)
        for pid, process in self._processes.items():
            self._dismiss(pid, process)
        self._channels.listener.close()  # the workers accept what is in its queue

    def _signal(self, number: int) -> None:
        for pid in self._processes:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _record(self) -> None:
        running = sum(
            process.ready and not process.leaving for process in self._processes.values() if not process.failing
        )
        uploads = self._uploader.starts if self._uploader else 0
        found = Workers(running, self._wanted, self._restarts.count, self._restarts.is_failing, uploads)
        if found != self._recorded:
            self._recorded = found
            write_workers(self._ready_file.parent, found)

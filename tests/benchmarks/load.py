"""Clients that send requests to a service from one thread: as fast as it answers, or at a constant rate."""

import re
import select
import socket
import sys
import time
from dataclasses import dataclass
from typing import Self

import psutil

from benchmarks.measure import Sample

CLIENTS = 32  # connections at a time
NONE = 0  # the number of a connection that is opened with its next request
RECEIVED = 1 << 20  # bytes
SECONDS = 20.0  # for an answer
PROCESS_CLOCK = 2  # with the id of a process, the clock of its CPU time; see clock_getcpuclockid(3)
GOOD = b"HTTP/1.1 200"
LENGTH = re.compile(rb"\r\ncontent-length: *", re.IGNORECASE)
END = b"\r\n\r\n"


class AnswerError(Exception):
    """The service refused a request; the message has its answer."""


@dataclass(frozen=True)
class Expected:
    """How a server writes the header that precedes the length of a body, and whether it closes the connection."""

    length: bytes
    closes: bool

    def find_size(self, begin: bytes) -> int:
        """Return the size of an answer in bytes, from its beginning, which contains the whole head."""
        place = begin.index(self.length) + len(self.length)
        return begin.index(END) + len(END) + int(begin[place : begin.index(b"\r\n", place)])


class Load:
    """The connections, each of which sends the same request again and again.

    Parameters
    ----------
    port : int
        The port of the service.
    request : bytes
        The request.
    """

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._expected = _try_request(port, request)
        self._poll = select.epoll()
        self._missing: dict[int, int | None] = {}  # the bytes of the answer that are still to come; None for all
        self._channels: dict[int, socket.socket] = {}
        # A server that closes connections can be blocked by one that sends nothing, so it gets none before a request.
        self.idle = [NONE if self._expected.closes else self._connect() for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for channel in self._channels.values():
            channel.close()
        self._poll.close()

    def send(self) -> int:
        """Send a request, and return the number of its connection."""
        number = self.idle.pop() or self._connect()
        self._missing[number] = None
        self._channels[number].sendall(self._request)
        return number

    def receive(self, seconds: float) -> list[int]:
        """Read what arrives within this time, and return the connections whose answers are complete."""
        return [number for number, _ in self._poll.poll(seconds) if self._read(number)]

    def _read(self, number: int) -> bool:
        found = self._channels[number].recv(RECEIVED)
        missing = self._missing[number]
        if (missing is None and not found.startswith(GOOD)) or not (found or self._expected.closes):
            raise AnswerError(found.decode(errors="replace") or "The server closed the connection.")
        self._missing[number] = (self._expected.find_size(found) if missing is None else missing) - len(found)
        if found if self._expected.closes else self._missing[number]:
            return False
        if self._expected.closes:
            self._channels.pop(number).close()
        self.idle.append(NONE if self._expected.closes else number)
        return True

    def _connect(self) -> int:
        channel = _connect(self._port)
        self._channels[channel.fileno()] = channel
        self._poll.register(channel, select.EPOLLIN)
        return channel.fileno()


def _connect(port: int) -> socket.socket:
    channel = socket.create_connection(("127.0.0.1", port), SECONDS)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return channel


def _try_request(port: int, request: bytes) -> Expected:
    found = b""
    with _connect(port) as channel:
        channel.sendall(request)
        while True:
            found += channel.recv(RECEIVED)
            head, end, body = found.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            lengths = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
            if not found or (end and not (head.startswith(GOOD) and lengths)):
                raise AnswerError(found.decode(errors="replace"))
            if end and len(body) == lengths[0]:
                return Expected(LENGTH.findall(head)[0], b"connection: close" in lines)


def send_many(port: int, request: bytes, times: int) -> float:
    """Send a request many times over all connections, each time that an answer has arrived; return the seconds."""
    with Load(port, request) as load:
        began, answered, sent = time.perf_counter(), 0, 0
        while answered < times:
            while load.idle and sent < times:
                load.send()
                sent += 1
            answered += len(load.receive(SECONDS))
        return time.perf_counter() - began


def send_steadily(port: int, request: bytes, rate: float, seconds: float) -> list[float]:
    """Send requests at a constant rate per second, and return how long each answer took, in seconds.

    The time begins when the request should have been sent. So if a slow answer delays other requests, their times
    contain the delay.
    """
    with Load(port, request) as load:
        due: dict[int, float] = {}
        took: list[float] = []
        sent, total = 0, int(rate * seconds)
        began = time.perf_counter()
        while len(took) < total:
            while load.idle and sent < total and time.perf_counter() >= began + sent / rate:
                due[load.send()] = began + sent / rate
                sent += 1
            took += [time.perf_counter() - due[number] for number in load.receive(0)]
        return took


def measure_load(request: bytes, times: int, port: int, server: psutil.Process) -> Sample:
    """Send a request many times, and return the time, and the CPU time of the server and its workers."""
    spent = _count_cpu(server)
    wall = send_many(port, request, times)
    return Sample(wall, _count_cpu(server) - spent)


def _count_cpu(server: psutil.Process) -> float:
    return sum(map(_read_cpu, (server, *server.children(recursive=True))))


def _read_cpu(process: psutil.Process) -> float:
    if sys.platform == "linux":
        return time.clock_gettime((~process.pid << 3) | PROCESS_CLOCK)  # psutil counts in steps of 10 ms
    return sum(process.cpu_times()[:2])

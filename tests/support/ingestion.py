"""An endpoint on this machine that accepts telemetry as Application Insights does."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from doubles.azure.insights import KEY, find_fault


@dataclass
class Ingestion:
    """The endpoint. `answers` has the statuses and headers of the next answers; then it accepts valid items."""

    url: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    @property
    def connection_string(self) -> str:
        """The connection string of the resource."""
        return f"InstrumentationKey={KEY};IngestionEndpoint={self.url}/;LiveEndpoint=https://live.example.com/"

    def find(self, kind: str, name: str = "") -> list[dict[str, Any]]:
        """Return the accepted items of a kind, such as "RequestData"; or those of a metric by its name."""
        found = [item for item in self.items if item["data"]["baseType"] == kind]
        return [item for item in found if not name or item["data"]["baseData"]["metrics"][0]["name"] == name]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition is true."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.items
            time.sleep(0.02)

    def take(self, body: bytes) -> tuple[int, dict[str, object]]:
        """Accept the valid items of a request, and return the status and the content of the answer."""
        items = json.loads(body)
        faults = {place: fault for place, item in enumerate(items) if (fault := find_fault(item))}
        self.items += [item for place, item in enumerate(items) if place not in faults]
        errors = [{"index": place, "statusCode": 400, "message": fault} for place, fault in faults.items()]
        counts = {"itemsReceived": len(items), "itemsAccepted": len(items) - len(faults), "errors": errors}
        return 206 if faults else 200, counts


@contextmanager
def open_ingestion() -> Iterator[Ingestion]:
    """Start an endpoint, yield it, and stop it."""
    ingestion = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v2.1/track"
            ingestion.bodies.append(body)
            status, headers = ingestion.answers.pop(0) if ingestion.answers else (0, {})
            content: dict[str, object] = {}
            if not status:
                status, content = ingestion.take(body)
            answer = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ingestion.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # seconds until `shutdown` is noticed
        thread.start()
        try:
            yield ingestion
        finally:
            server.shutdown()
            thread.join()

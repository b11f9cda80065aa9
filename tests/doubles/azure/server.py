"""The proxy on loopback that answers for Azure's host names: CONNECT, TLS, then HTTP to a handler."""

import contextlib
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from doubles.azure.routing import Drop, Request, Response, read_url


class AzureServer:
    """The proxy; `answer` is the double of the present test.

    Parameters
    ----------
    folder : Path
        The folder for the certificates.
    """

    def __init__(self, folder: Path) -> None:
        self.answer: Callable[[Request], Response] = _refuse
        self._authority = trustme.CA()
        self._certificates = folder / "authority.pem"
        self._certificates.write_bytes(self._authority.cert_pem.bytes())
        self._make_context = cache(self._make_context_once)
        outer = self

        class Handler(_Handler):
            server_double = outer

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables with which a client reaches the double."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        local = "127.0.0.1,localhost"
        certificates = str(self._certificates)
        return {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), url),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), local),
            **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), certificates),
        }

    def get_context(self, host: str) -> ssl.SSLContext:
        """Return the TLS context of a host."""
        return self._make_context(host)

    def _make_context_once(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        return context

    def close(self) -> None:
        """End the proxy."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about clients that disconnect. Everything else is in the double's own record."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_double: AzureServer
    host = ""

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.host = self.path.split(":")[0]
        self.connection = self.server_double.get_context(self.host).wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", -1)  # sends head and body in one packet, not 40 ms apart
        self.close_connection = False

    def _exchange(self) -> None:
        url = self.path if self.path.startswith("http") else f"https://{self.host}{self.path}"
        request = read_url(self.command, url, self.headers, self._read_body())  # type: ignore[arg-type]
        try:
            response = self.server_double.answer(request)
        except Drop:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.close()
            return
        body = response.encode()
        self.send_response(response.status)
        for name, value in {"Content-Type": "application/json", **response.headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in response.headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _exchange

    def _read_body(self) -> bytes:
        if hasattr(socket, "TCP_QUICKACK"):  # otherwise the client waits 40 ms between the head and the body
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)


def _refuse(request: Request) -> Response:
    logging.getLogger("doubles.azure").error("no test runs, but %s %s was asked for", request.method, request.host)
    return Response(503)


def clear_environ(patch: pytest.MonkeyPatch) -> None:
    """Remove the machine's proxies, identities and settings, which would lead an SDK elsewhere."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(
            ("AZURE", "MSI_", "IDENTITY_", "DEFAULT_IDENTITY_", "MLOPS_AZURE_")
        ):
            patch.delenv(name)

"""Figures over HTTP for a process that serves nothing else: a worker whose `var/` no web process can read."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wisqu.telemetry import metrics

PATH = "/metrics"
# Whoever connects and asks nothing holds a thread no longer.
PATIENCE_S = 10


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    server_version, sys_version = "wisqu", ""
    token = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, b"")
        elif not self._may_read():
            self._answer(HTTPStatus.UNAUTHORIZED, b"")
        else:
            self._answer(HTTPStatus.OK, metrics.as_text())

    def _may_read(self) -> bool:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(value.strip().encode(), self.token.encode())
        return not self.token or (scheme.lower() == "bearer" and is_right)

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Bearer realm="wisqu"')
        self.send_header("Content-Type", metrics.TEXT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Prometheus asks every few seconds: nothing to tell."""


def serve(*, host: str, port: int, token: str) -> Callable[[], None]:
    """Answer `GET /metrics` from a thread; return what ends it. Who asks shows `token` as a bearer, unless it is empty.

    Raises OSError where the port is taken.
    """
    handler = type("Handler", (_Handler,), {"token": token})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="figures", daemon=True).start()

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end

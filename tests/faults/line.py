"""A line to a server that can be cut and mended, as cables and servers are."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Line:
    """Passes everything on to a port of this machine until it is cut; then nobody gets through, not even who was."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones from now on."""
        self._is_cut = True
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        if self._is_cut:
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self._target))
        self._open |= {near, far}
        other = threading.Thread(target=self._pass, args=(far, near), daemon=True)
        other.start()
        self._pass(near, far)
        other.join()
        self._open -= {near, far}
        near.close()
        far.close()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def through(address: str, line: Line) -> str:
    """Return the address with the line's port in the place of its own."""
    parts = urlsplit(address)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{line.port}").geturl()


def line_to(address: str) -> Line:
    """Return a line to the server that the address names."""
    port = urlsplit(address).port
    assert port is not None
    return Line(port)

"""Starts Python programs by forking a process that has imported what they need: importing is most of a start.

Two kinds of process wait to be forked. The bare one knows libraries alone, so that a program which starts from it reads
its own environment, whatever that is. A warm one has imported the product in one environment, and is for the web
servers that want exactly that one. Neither has threads or connections, which two programs could not share.
Elsewhere than on Linux a program is started in the usual way.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tools.processes import Family, die_with_parent

ROOT = Path(__file__).resolve().parent.parent
ORDER_BYTES = 256 * 1024
# None of them reads Django's settings while it is imported.
LIBRARIES = (
    "uvicorn.main", "uvloop", "httptools", "websockets.legacy.server", "structlog", "psycopg", "pydantic.main",
    "django.db.models", "django.forms", "django.template", "django.contrib.postgres.fields", "httpx", "yaml",
    "markdown_it", "limits", "requests", "jsonschema", "msgspec", "prometheus_client", "redis.asyncio", "jwt",
)  # fmt: skip


# --- In the tests ---------------------------------------------------------------------------------


class Forked(subprocess.Popen[bytes]):
    """A process that a nursery has started, for callers who know Popen."""

    _child_created = False  # says to Popen that there is nothing to bury

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid, self._nursery = pid, nursery
        self._status: int | None = None

    @property
    def returncode(self) -> int | None:  # type: ignore[override]
        return self._status

    def poll(self) -> int | None:
        """Return the exit status, as Popen does; None while the process runs."""
        if self._status is None:
            self._status = self._nursery.ask({"poll": self.pid})
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once there is one. Raises TimeoutExpired after `timeout` seconds."""
        began = time.monotonic()
        while (status := self.poll()) is None:
            if timeout is not None and time.monotonic() - began > timeout:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return status


class Nursery:
    """Our end of a process that waits to be forked, and that buries what it has forked."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders, self._lock = orders, threading.Lock()

    def ask(self, order: dict[str, Any], *descriptors: int) -> Any:
        """Send an order and return the answer."""
        with self._lock:
            socket.send_fds(self._orders, [json.dumps(order).encode()], list(descriptors))
            answer = self._orders.recv(ORDER_BYTES)
        assert answer, "the process that others are forked from is gone"
        return json.loads(answer)


_bare: Nursery | None = None
_warm: dict[str, Nursery] = {}


def start(
    arguments: Sequence[str], *, env: Mapping[str, str], log: int, is_usual: bool = False
) -> subprocess.Popen[bytes] | None:
    """Start `python -m` with these arguments in a session of its own; None where that can't be done.

    `is_usual` says that other web servers will want this environment: from here on they find the product imported.
    """
    if sys.platform != "linux":
        return None
    plain = {name: value for name, value in env.items() if name != "PYTEST_CURRENT_TEST"}
    nursery = warm_nursery(plain) if is_usual else bare_nursery()
    return Forked(nursery.ask({"run": list(arguments), "env": plain}, log), nursery)


def bare_nursery() -> Nursery:
    global _bare
    if _bare is None:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        family = Family()
        command = [sys.executable, "-u", "-m", "tests.forking", str(far.fileno())]
        # Without settings, so that nothing can have read any.
        env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        family.start("the nursery", command, cwd=ROOT, env=env, pass_fds=[far.fileno()])
        atexit.register(family.end)
        far.close()
        _bare = Nursery(near)
    return _bare


def warm_nursery(env: dict[str, str]) -> Nursery:
    key = json.dumps(env, sort_keys=True)
    if key not in _warm:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        bare_nursery().ask({"env": env}, 2, far.fileno())
        far.close()
        _warm[key] = Nursery(near)
    return _warm[key]


# --- In the process that is forked ----------------------------------------------------------------


def serve(orders: socket.socket) -> None:
    """Do what is asked until nobody can ask any more."""
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, ORDER_BYTES, 2)
        if not message:
            return
        order = json.loads(message)
        answer = status_of(order["poll"]) if "poll" in order else fork(order, orders, descriptors)
        for each in descriptors:
            os.close(each)
        orders.send(json.dumps(answer).encode())


def status_of(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def fork(order: dict[str, Any], orders: socket.socket, descriptors: list[int]) -> int:
    """Return the process that does what was ordered, once it leads a session of its own."""
    assert threading.active_count() == 1, "the child would lack a thread"
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        die_with_parent()
        for each in (reader, writer, orders.detach()):
            os.close(each)
        become(order, *descriptors)
        raise SystemExit
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    return pid


def become(order: dict[str, Any], log: int, orders: int | None = None) -> None:
    """Run the ordered program in this process, or wait for orders in its environment."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, log, log)):
        os.dup2(source, target)
    for each in (nothing, log):
        os.close(each)
    os.environ.clear()
    os.environ.update(order["env"])
    if orders is not None:
        import_the_product()
        serve(socket.socket(fileno=orders))
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module, *sys.argv[1:] = order["run"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def import_the_product() -> None:
    """Load what a web process loads until it has answered its first requests, except from the database."""
    import_module("wisqu.asgi")
    import_module("chat.jsonschemas")
    import_module("presets.tokens").estimate("vocabulary")
    _ = import_module("django.urls").get_resolver().reverse_dict  # made from every part's addresses
    connections = import_module("django.db").connections
    assert all(each.connection is None for each in connections.all(initialized_only=True))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in LIBRARIES:
        import_module(name)
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()

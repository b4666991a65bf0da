"""`make run`: prepares the database, starts every process in order, says when it is ready, ends them all."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import processes

STARTS_WITHIN_S = 90.0
SANDBOX_KEY = "sk-or-sandbox"
HEALTH = "/api/v1/health/ready"
# What decides whether the database must be looked at again.
PREPARED_BY = (
    "requirements/base.txt",
    "*/migrations/*.py",
    "wisqu/*/migrations/*.py",
    "*/management/commands/*.py",
    "wisqu/*/management/commands/*.py",
    "*/data/*.json",
)

# Open streams must not keep a stopped server alive; a frame may be as large as a request body.
WEB_OPTIONS = (
    "--timeout-graceful-shutdown",
    "5",
    "--ws-max-size",
    str(2 * 1024 * 1024),
    "--no-server-header",
)
WORKER_OPTIONS = ("--pool", "threads", "--concurrency", "4", "--with-clock", "--loglevel", "INFO",
                  "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip

SIGN_INS = """
  demo@wisqu.local    demo-wisqu   Premium
  free@wisqu.local    demo-wisqu   Free
  admin@wisqu.local   demo-wisqu   staff, sees /admin/
"""
SANDBOX_NOTE = """
  Answers come from the built-in sandbox. For real models, put OPENROUTER_API_KEY=… into .env and start again.
"""


class Failed(Exception):
    """The start was given up; the message says why, and what helps."""


@dataclass(frozen=True)
class Place:
    """Where and with what the product runs."""

    python: Path
    root: Path
    host: str
    port: int

    @property
    def near(self) -> str:
        """The address this machine reaches the server by."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def url(self) -> str:
        host = f"[{self.near}]" if ":" in self.near else self.near
        return f"http://{host}:{self.port}"


def address(environ: Mapping[str, str]) -> tuple[str, int]:
    """Return HOST and PORT. Raises Failed when they make no sense or the port is taken."""
    host, port = environ.get("HOST") or "127.0.0.1", environ.get("PORT") or "8000"
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise Failed(f"PORT={port!r} makes no sense: it takes a number from 1 to 65535.")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise Failed(f"HOST={host!r} makes no sense: it takes an address of this machine.") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            raise Failed(
                f"{host}:{port} can't be used: {error.strerror}. "
                f"Choose another port: make run PORT={int(port) % 65535 + 1}"
            ) from None
    return host, int(port)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*, python: Path, root: Path, host: str, port: int) -> int:
    """Run the product until it is stopped (Stopped is raised then) or one of its processes ends (1)."""
    place = Place(python=python, root=root, host=host, port=port)
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if not environ.get("DEBUG") and not says_debug(root / ".env"):
        environ["DEBUG"] = "true"
    facts = check_environment(place, environ)
    with processes.Family() as family:
        if facts["needs_sandbox"]:
            start_sandbox(family, place, environ)
        prepare(place, environ, facts)
        start_web(family, place, environ)
        wait_until_ready(family, place, host_header=facts["host"])
        start_worker(family, place, environ)
        announce(place, facts)
        return watch(family)


def says_debug(file: Path) -> bool:
    return file.is_file() and re.search(r"(?m)^(export )?DEBUG=\S", file.read_text()) is not None


def check_environment(place: Place, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `wisqu.env` says of the environment; what is wrong with it was printed line by line."""
    command = [str(place.python), "-m", "wisqu.env"]
    answer = subprocess.run(command, cwd=place.root, env=environ, stdout=subprocess.PIPE)
    if answer.returncode:
        raise Failed("WisQu was not started: correct the environment or .env.")
    facts: dict[str, Any] = json.loads(answer.stdout)
    return facts


def start_sandbox(family: processes.Family, place: Place, environ: dict[str, str]) -> None:
    """Start the sandbox on a free port, and let all that starts later ask it instead of OpenRouter."""
    port = free_port()
    environ["OPENROUTER_BASE_URL"] = f"http://127.0.0.1:{port}/api/v1"
    environ["OPENROUTER_API_KEY"] = SANDBOX_KEY
    command = [str(place.python), "-m", "wisqu.sandbox", "--port", str(port)]
    family.start(
        "the sandbox", command, env=environ, cwd=place.root, stdout=subprocess.DEVNULL, is_needed=True
    )


def prepare(place: Place, environ: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """Migrate and seed; skipped while nothing that decides it has changed since the last time."""
    database = Path(facts["database"]) if facts["database"] else None
    stamp = database.with_name(f"{database.name}.prepared") if database else None
    wanted = fingerprint(place.root, facts["debug"])
    if database and database.exists() and stamp and stamp.exists() and stamp.read_text() == wanted:
        return
    print("Preparing the database …", flush=True)
    with processes.Family() as family:
        command = [str(place.python), "manage.py", "prepare"]
        if family.start("prepare", command, env=environ, cwd=place.root).wait() != 0:
            raise Failed("The database could not be prepared; the lines above say why.")
    if stamp:
        stamp.write_text(wanted)


def fingerprint(root: Path, *values: object) -> str:
    digest = hashlib.sha256(repr(values).encode())
    for pattern in PREPARED_BY:
        for path in sorted(root.glob(pattern)):
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def start_web(family: processes.Family, place: Place, environ: Mapping[str, str]) -> None:
    command = [str(place.python), "-m", "uvicorn", "wisqu.asgi:application", *WEB_OPTIONS]
    command += ["--host", place.host, "--port", str(place.port)]
    family.start("the web server", command, env=environ, cwd=place.root)


def start_worker(family: processes.Family, place: Place, environ: Mapping[str, str]) -> None:
    command = [str(place.python), "-m", "celery", "-A", "wisqu.celery", "-q", "worker", *WORKER_OPTIONS]
    # Django's checks load every page: the web server has just proved that they pass.
    family.start("the worker", command, env={**environ, "CELERY_SKIP_CHECKS": "1"}, cwd=place.root)


def wait_until_ready(family: processes.Family, place: Place, *, host_header: str) -> None:
    """Return once the web server says that it can serve."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not is_ready(place, host_header=host_header):
        ended(family)
        if time.monotonic() > deadline:
            raise Failed(f"The web server did not become ready within {STARTS_WITHIN_S:.0f} seconds.")
        time.sleep(0.05)


def is_ready(place: Place, *, host_header: str) -> bool:
    connection = http.client.HTTPConnection(place.near, place.port, timeout=5)
    try:
        connection.request("GET", HEALTH, headers={"Host": host_header})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ended(family: processes.Family) -> None:
    """Raise Failed when a process has ended by itself."""
    dead = family.dead()
    if dead:
        raise Failed(f"WisQu stops: {dead[0]} ended by itself (status {dead[1]}).")


def announce(place: Place, facts: Mapping[str, Any]) -> None:
    lines = f"\nWisQu is ready: {place.url}\n"
    lines += SIGN_INS if facts["debug"] else ""
    lines += SANDBOX_NOTE if facts["needs_sandbox"] else ""
    print(f"{lines}\nCtrl-C ends everything.\n", flush=True)


def watch(family: processes.Family) -> int:
    """Look after the processes until one ends."""
    while not (dead := family.dead()):
        time.sleep(0.2)
    # At once: ending the others takes its time.
    print(f"WisQu stops: {dead[0]} ended by itself (status {dead[1]}).", file=sys.stderr, flush=True)
    return 1

"""Processes that tests talk to over real HTTP: the sandbox, and web servers on the test's own database."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from chat.models import Turn
from tests import forking
from tests.servers import free_port
from tools.processes import Family
from tools.supervisor import WEB_OPTIONS

ROOT = Path(__file__).resolve().parent.parent
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
APPLICATION = "wisqu.asgi:application"
STARTS_WITHIN_S = 120
TURNS_END_WITHIN_S = 60


def end_running_turns() -> None:
    """Stop what a test left running on a shared server: it would be written into the next test's tables.

    A turn without a sign of life died with its server, and ends by itself in no time.
    """
    deadline = time.monotonic() + TURNS_END_WITHIN_S
    while time.monotonic() < deadline:
        alive = Turn.objects.filter(
            status=Turn.Status.RUNNING, heartbeat_at__gt=timezone.now() - timedelta(seconds=2)
        )
        if not alive.update(stop_requested_at=timezone.now()):
            return
        time.sleep(0.05)


class Server:
    """A process of ours that serves HTTP on loopback."""

    def __init__(
        self,
        *,
        name: str,
        arguments: list[str],
        port: int,
        ready: str,
        env: dict[str, str],
        is_usual: bool = False,
    ) -> None:
        self.name, self.port = name, port
        self.root = f"http://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._family = Family()
        self.process = self._start(arguments, {**os.environ, **env}, is_usual=is_usual)
        self._wait(self.root + ready)

    def _start(self, arguments: list[str], env: dict[str, str], *, is_usual: bool) -> subprocess.Popen[bytes]:
        forked = forking.start(arguments, env=env, log=self._log.fileno(), is_usual=is_usual)
        if forked:
            self._family.members.append((self.name, forked))
            return forked
        command = [sys.executable, "-m", *arguments]
        return self._family.start(self.name, command, env=env, cwd=ROOT, stdout=self._log, stderr=self._log)

    def _wait(self, address: str) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                HTTP.open(address, timeout=5).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"{self.name} did not start:\n{self.log()}") from None
                time.sleep(0.03)
            else:
                return

    def log(self) -> str:
        """What the process has written so far."""
        return os.pread(self._log.fileno(), 10_000_000, 0).decode(errors="replace")

    def stop(self) -> None:
        """End it the friendly way (SIGTERM), as a deployment does."""
        self._family.end()

    def kill(self) -> None:
        """End it as a power cut does (SIGKILL)."""
        self.process.kill()
        self.process.wait()
        self._family.end()

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


class Sandbox(Server):
    """The OpenRouter of the tests. `url` and `key` are what a client needs."""

    key = "sk-or-sandbox"

    def __init__(self) -> None:
        port = free_port()
        arguments = ["wisqu.sandbox", "--port", str(port)]
        super().__init__(name="the sandbox", arguments=arguments, port=port, ready="/sandbox/ledger", env={})
        self.url = f"{self.root}/api/v1"

    def ledger(self, **filters: str) -> list[dict[str, Any]]:
        """Every request the sandbox was sent, oldest first; filters: user, session."""
        entries: list[dict[str, Any]] = self._call(f"/sandbox/ledger?{urllib.parse.urlencode(filters)}")[
            "entries"
        ]
        return entries

    def reset(self) -> None:
        """Forget ledger, caches and counted faults."""
        self._call("/sandbox/reset", {})

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self._call("/sandbox/clock", {"advance": seconds})

    def _call(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.root + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with HTTP.open(request, timeout=60) as response:
            return json.loads(response.read() or b"null")


class Web(Server):
    """The product's web server, on the database of the running test."""

    def __init__(self, *, sandbox: Sandbox, app: str = APPLICATION, **env: str) -> None:
        port = free_port()
        super().__init__(
            name="the web server",
            arguments=["uvicorn", app, "--port", str(port), *WEB_OPTIONS],
            port=port,
            ready="/api/v1/health/ready",
            env={**child_environment(sandbox), **env},
            is_usual=app == APPLICATION and not env,
        )
        self.url, self.ws_url = self.root, f"ws://127.0.0.1:{port}"


def child_environment(sandbox: Sandbox) -> dict[str, str]:
    """What a process needs to meet the test's database and sandbox."""
    return {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": test_database_url(),
        "OPENROUTER_BASE_URL": sandbox.url,
        "OPENROUTER_API_KEY": sandbox.key,
        "PYTHONUNBUFFERED": "1",
    }


def test_database_url() -> str:
    """The address of the test's database, as another process names it."""
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{config['NAME']}"
    return f"postgres://{config['USER']}@{config['HOST']}:{config['PORT']}/{config['NAME']}"

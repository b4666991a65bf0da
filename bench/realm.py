"""The product as it is deployed, in processes that are killed and started again as a supervisor would do it.

Two web processes, a worker, the clock, Redis and PostgreSQL. A process keeps its port and its files. PostgreSQL writes
what it has committed before it says so, since that is what is asked of it here. Redis keeps its queue or comes back
empty, as whoever kills it wishes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from bench.machine import MEASURED, OTHERS, on_core, start, wait_for
from bench.product import POSTGRES, Product, environment
from tests.servers import FAST, as_nobody, free_port, start_postgres, start_redis
from tools.processes import Family

EVERYWHERE = MEASURED | OTHERS
WEB = ("web 1", "web 2")
WORKER, CLOCK, REDIS, DATABASE = "worker", "beat", "Redis", "PostgreSQL"
KINDS = ("web", WORKER, CLOCK, REDIS, DATABASE)
STARTS_WITHIN_S = 90.0
_DURABLE = tuple(each for each in FAST if not each.startswith("synchronous_commit"))
_KEPT = ("--appendonly", "yes", "--appendfsync", "always")


class Realm:
    """Everything that runs, each part by its name."""

    def __init__(self, family: Family, folder: Path) -> None:
        self.family, self.folder = family, folder
        folder.mkdir(parents=True)
        self._starts: dict[str, Callable[[], subprocess.Popen[bytes]]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._awaited: set[str] = set()
        self.died: list[str] = []
        self.ports: dict[str, int] = {}
        with on_core(EVERYWHERE):
            database = start_postgres(family, folder, _DURABLE)
            self._took(DATABASE, self._postgres)
            redis = start_redis(family, folder, _KEPT)
            self._took(REDIS, self._redis)
        self.sandbox = self._sandbox()
        env = environment(folder, database, self.sandbox)
        self.env = {**env, "REDIS_URL": redis, "CELERY_SKIP_CHECKS": "1"}
        self.product = Product(POSTGRES, 0, 0, self.env)

    def _took(self, name: str, again: Callable[[subprocess.Popen[bytes]], subprocess.Popen[bytes]]) -> None:
        """Look after the process that was started last, and remember how it is started again."""
        process = self.family.members[-1][1]
        self._running[name] = process
        self._starts[name] = lambda: again(process)

    def _postgres(self, first: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        with (self.folder / "postgres.log").open("ab") as log:
            options = as_nobody(self.folder)
            return self.family.start("postgres", first.args, stdout=log, stderr=log, **options)  # type: ignore[arg-type]

    def _redis(self, first: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        return self.family.start("redis", first.args, stdout=subprocess.DEVNULL)  # type: ignore[arg-type]

    def _sandbox(self) -> int:
        port = free_port()
        process = start(
            self.family, "the sandbox", ["-m", "wisqu.sandbox", "--port", str(port)], cores=EVERYWHERE
        )
        wait_for(f"http://127.0.0.1:{port}/sandbox/ledger?limit=1", process)
        return port

    async def serve(self) -> None:
        """Make the tables, start what needs them, and return when all of it answers."""
        self.product.sign_in(0)
        for name in WEB:
            self.ports[name] = free_port()
            env = {**self.env, "PORT": str(self.ports[name])}
            self._starts[name] = self._python(name, ["-m", "wisqu.serve"], env)
        celery = ["-m", "celery", "-A", "wisqu.celery"]
        worker = [*celery, "worker", "--pool", "threads", "--concurrency", "8", "--loglevel", "INFO"]
        clock = [
            *celery,
            "beat",
            "--schedule",
            str(self.folder / "celerybeat-schedule"),
            "--loglevel",
            "INFO",
        ]
        self._starts[WORKER] = self._python(WORKER, worker, self.env)
        self._starts[CLOCK] = self._python(CLOCK, clock, self.env)
        for name in (*WEB, WORKER, CLOCK):
            self.start(name)
        for name in (*WEB, WORKER):
            await self.wait_for(name)

    def _python(
        self, name: str, arguments: list[str], env: dict[str, str]
    ) -> Callable[[], subprocess.Popen[bytes]]:
        return lambda: start(self.family, name, arguments, cores=EVERYWHERE, env=env)

    # --- Killing ----------------------------------------------------------------------------------

    def kill(self, name: str, *, empty: bool = False) -> None:
        """End the process as a power cut does, with all that it has started; `empty` takes what Redis has kept."""
        process = self._running.pop(name)
        self.family.members.remove(next(each for each in self.family.members if each[1] is process))
        for pid in (process.pid, *_children(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        if empty:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def start(self, name: str) -> None:
        """Start it, for the first time or again."""
        self._started[name] = time.time()
        with on_core(EVERYWHERE):
            self._running[name] = self._starts[name]()

    async def supervise(self) -> None:
        """Start again what ends by itself, as long as it is wished; `died` tells what that was."""
        while True:
            for name, process in list(self._running.items()):
                if process.poll() is not None:
                    # PostgreSQL refuses to start as long as a process of the killed one lives.
                    if name not in self._awaited:
                        self.died.append(name)
                    self.family.members.remove(
                        next(each for each in self.family.members if each[1] is process)
                    )
                    self.start(name)
            await asyncio.sleep(0.3)

    async def wait_for(self, name: str) -> float:
        """Return how many seconds it took until it works again. Raises RuntimeError when it never does."""
        began = time.monotonic()
        self._awaited = {name}
        while not await asyncio.to_thread(self._works, name):
            if time.monotonic() - began > STARTS_WITHIN_S:
                raise RuntimeError(f"{name} does not come back")
            await asyncio.sleep(0.1)
        self._awaited = set()
        return time.monotonic() - began

    def _works(self, name: str) -> bool:
        if name in WEB:
            return _answers(f"http://127.0.0.1:{self.ports[name]}/api/v1/health/live")
        if name == REDIS:
            try:
                with Redis.from_url(self.env["REDIS_URL"], socket_timeout=1) as redis:
                    return bool(redis.ping())
            except RedisError:
                return False
        if name == DATABASE:
            try:
                psycopg.connect(self.env["DATABASE_URL"], connect_timeout=2).close()
            except psycopg.OperationalError:
                return False
            return True
        sign = self.folder / "alive" / name  # worker and clock show that they live
        return sign.exists() and sign.stat().st_mtime > self._started[name]

    def address(self, name: str) -> str:
        """Return where a web process is reached."""
        return f"http://127.0.0.1:{self.ports[name]}"


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _answers(address: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True

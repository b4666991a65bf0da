"""Who takes part in a run: the upstream, the opponents and the product, each started once and ended with the run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench import peers, product
from bench.load import Target, Upstream
from bench.machine import MEASURED, OTHERS, start, wait_for
from bench.product import POSTGRES, SQLITE, Product
from tests.servers import free_port
from tools.processes import Family


@dataclass(frozen=True)
class Scale:
    """How long and how often: the figures of one run need quiet minutes, a quick look takes one and a half."""

    runs: int
    tokens: int  # of an answer
    seconds: float  # of a run that counts requests
    many: int  # connections whose memory is counted
    databases: tuple[str, ...]
    crowds: int = 2  # how many sizes of crowd the delays are measured in


FULL = Scale(runs=5, tokens=500, seconds=5.0, many=500, databases=(SQLITE, POSTGRES))
QUICK = Scale(runs=1, tokens=300, seconds=1.0, many=100, databases=(SQLITE,), crowds=1)


class Stage:
    """Starts each participant when it is first asked for."""

    def __init__(self, family: Family, folder: Path) -> None:
        self.family, self.folder = family, folder
        self._products: dict[str, Product] = {}

    @cached_property
    def upstream(self) -> Target:
        """The model's server, asked directly."""
        port = free_port()
        process = start(self.family, "the upstream", ["-m", "bench.upstream", str(port)], cores=OTHERS)
        wait_for(f"http://127.0.0.1:{port}/", process)
        return Upstream("upstream, asked directly", port, "/api/v1/chat/completions", process.pid)

    @cached_property
    def proxy(self) -> Target:
        """A bare proxy that parses."""
        port = free_port()
        arguments = ["-m", "bench.opponents.parsing_proxy", str(port), str(self.upstream.port)]
        process = start(self.family, "the proxy", arguments, cores=MEASURED)
        wait_for(f"http://127.0.0.1:{port}/", process)
        return Upstream("bare proxy that parses", port, "/api/v1/chat/completions", process.pid)

    @cached_property
    def fastapi(self) -> Target:
        """FastAPI with the SDK's chunk objects."""
        port = free_port()
        arguments = ["-m", "uvicorn", "bench.opponents.fastapi_sdk:app", "--port", str(port)]
        env = {"OPENROUTER_BASE_URL": f"http://127.0.0.1:{self.upstream.port}/api/v1"}
        process = start(self.family, "FastAPI", [*arguments, "--no-access-log"], cores=MEASURED, env=env)
        wait_for(f"http://127.0.0.1:{port}/", process)
        return Target("FastAPI + SDK", port, "/chat", process.pid)

    @cached_property
    def litellm(self) -> Target | None:
        """LiteLLM's proxy, where it is installed."""
        return peers.litellm(self.family, self.folder, self.upstream.port)

    @cached_property
    def open_webui(self) -> Target | None:
        """Open WebUI, where it is installed."""
        return peers.open_webui(self.family, self.folder, self.upstream.port)

    def product(self, database: str) -> Product:
        """The product on SQLite, or on PostgreSQL with Redis."""
        if database not in self._products:
            self._products[database] = product.serve(
                self.family, self.folder / database, database=database, upstream_port=self.upstream.port
            )
        return self._products[database]

    @contextmanager
    def another(
        self, database: str, *, door: str = "product", save_s: float | None = None
    ) -> Iterator[Product]:
        """Serve one more `bench.doors` on the product's database, for as long as it is needed."""
        env = {"BENCH_DOOR": door} | ({"BENCH_SAVE_S": str(save_s)} if save_s else {})
        with Family() as family:
            yield product.serve_again(family, self.product(database), app="bench.doors:application", env=env)


@contextmanager
def stage() -> Iterator[Stage]:
    """Set the stage; afterwards every process is ended and every file gone."""
    folder = Path(tempfile.mkdtemp(prefix="wisqu-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as nobody when we are root
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, OTHERS)
    try:
        with Family() as family:
            yield Stage(family, folder)
    finally:
        os.sched_setaffinity(0, before)
        shutil.rmtree(folder, ignore_errors=True)

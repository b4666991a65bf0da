"""The whole product as it is served: uvicorn and `wisqu.asgi` with production settings, on a database of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.load import Target
from bench.machine import MEASURED, OTHERS, found_by, on_core, start, wait_for
from tests.servers import free_port, start_postgres, start_redis
from tools.processes import Family
from tools.supervisor import WEB_OPTIONS

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
APP = "wisqu.asgi:application"


@dataclass(frozen=True)
class Product:
    """One running web server."""

    database: str
    pid: int
    port: int
    env: Mapping[str, str]

    def sign_in(self, count: int) -> list[str]:
        """Return access tokens of so many people; they hold for 15 minutes."""
        tokens: list[str] = found_by("bench.people", str(count), env=self.env, cores=OTHERS)
        return tokens

    def chat(self, people: int) -> Target:
        """Return the chat's door, for so many people at once."""
        return Target(
            f"WisQu on {self.database}",
            self.port,
            "/api/v1/chat",
            self.pid,
            fields={"stream": True},
            tokens=self.sign_in(people),
        )


def environment(folder: Path, database: str, upstream_port: int) -> dict[str, str]:
    """Return the environment of a served site that has `folder` to itself; `database` is an URL."""
    return {
        "DATABASE_URL": database,
        "WISQU_VAR": str(folder),
        "WISQU_ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "wisqu.settings",
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "127.0.0.1",
        "OPENROUTER_API_KEY": "sk-or-bench",
        "OPENROUTER_BASE_URL": f"http://127.0.0.1:{upstream_port}/api/v1",
        "REDIS_URL": "",
    }


def serve(family: Family, folder: Path, *, database: str, upstream_port: int) -> Product:
    """Start the product on a new SQLite file, or on a new PostgreSQL with a Redis."""
    folder.mkdir(parents=True)
    if database == SQLITE:
        env = environment(folder, f"sqlite:///{folder}/bench.sqlite3", upstream_port)
    else:
        with on_core(OTHERS):
            env = environment(folder, start_postgres(family, folder), upstream_port)
            env["REDIS_URL"] = start_redis(family, folder)
    product = Product(database, 0, 0, env)
    product.sign_in(0)  # makes the tables
    return serve_again(family, product)


def serve_again(
    family: Family, product: Product, *, app: str = APP, env: Mapping[str, str] | None = None
) -> Product:
    """Start a web server on the product's database."""
    port = free_port()
    arguments = ["-m", "uvicorn", app, "--port", str(port), *WEB_OPTIONS]
    process = start(family, "the web server", arguments, cores=MEASURED, env={**product.env, **(env or {})})
    wait_for(f"http://127.0.0.1:{port}/api/v1/health/live", process)
    return replace(product, pid=process.pid, port=port)

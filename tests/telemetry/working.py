"""A real worker beside a test's web server."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable

from tests.live import ROOT, Sandbox, child_environment
from tools.processes import Family
from tools.supervisor import WORKER_OPTIONS


class Worker:
    """The product's worker with its clock, on the test's database; `log()` is what it wrote."""

    def __init__(self, *, sandbox: Sandbox, **env: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._family = Family()
        command = [sys.executable, "-m", "celery", "-A", "wisqu.celery", "-q", "worker", *WORKER_OPTIONS]
        environ = {**os.environ, **child_environment(sandbox), "CELERY_SKIP_CHECKS": "1", **env}
        self.process = self._family.start(
            "the worker", command, env=environ, cwd=ROOT, stdout=self._log, stderr=self._log
        )

    def log(self) -> str:
        return os.pread(self._log.fileno(), 10_000_000, 0).decode(errors="replace")

    def stop(self) -> None:
        self._family.end()


def wait_until(
    condition: Callable[[], object], *, within_s: float = 60, why: Callable[[], str] = str
) -> None:
    """Return once the condition holds; `why` tells what to look at when it never does."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)

"""Starts processes that can't outlive us, and ends them with everything they started themselves."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

GRACE_S = 10.0
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def die_with_parent() -> None:
    """Ask Linux to send us SIGTERM when our parent is gone, even by kill -9. Elsewhere: nothing."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def listen_for_stop() -> None:
    """Turn the first SIGINT or SIGTERM into `Stopped`; while ending, later ones are ignored."""

    def stop(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # SIGHUP stays ignored under nohup.
        if signal.getsignal(each) is not signal.SIG_IGN or each != signal.SIGHUP:
            signal.signal(each, stop)
    if os.environ.get("MAKELEVEL"):
        die_with_parent()


class Family:
    """Our children, each in a process group of its own so that its descendants can be ended too."""

    def __init__(self) -> None:
        self.members: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.needed: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Family:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        is_needed: bool = False,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Start `argv`; `name` is what people read when it ends too early. `options` are those of Popen.

        One that `is_needed` by the others is ended after them, so that none of them fails for want of it.
        """
        process: subprocess.Popen[bytes] = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_child, **options
        )
        (self.needed if is_needed else self.members).append((name, process))
        return process

    def dead(self) -> tuple[str, int] | None:
        """Return name and exit status of a child that has ended, if there is one."""
        for name, process in [*self.needed, *self.members]:
            status = process.poll()
            if status is not None:
                return name, status
        return None

    def end(self) -> None:
        """End every group, last started first, and then those that were needed by the others."""
        self._end(self.members)
        self._end(self.needed)

    def _end(self, members: list[tuple[str, subprocess.Popen[bytes]]]) -> None:
        """SIGTERM to every group; SIGKILL to what is still there after the grace."""
        groups = [process.pid for _, process in reversed(members)]
        for group in groups:
            _signal_group(group, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and _any_left(members):
            time.sleep(0.02)
        for group in groups:
            _signal_group(group, signal.SIGKILL)
        for _, process in members:
            process.wait()
        members.clear()


def _any_left(members: Sequence[tuple[str, subprocess.Popen[bytes]]]) -> bool:
    for _, process in members:
        process.poll()  # buries the child: a zombie would keep its group alive
    return any(_signal_group(process.pid, 0) for _, process in members)


def _child() -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True

"""Strangers' files are opened in a process of their own that may die without harm.

`run` starts a fresh Python, gives it the file's bytes and waits. The process has no environment, no network client, no
Django, and three limits: memory, processor time and time on the clock. Whatever happens in there, the caller gets a
result or a `FileRefused`.

What runs in it is a *job*: a function of a module of `wisqu.media`, named "module:function", that takes the bytes and
keyword options and returns a dict. Options and result are plain values (None, bool, int, float, str, bytes, lists,
dicts): they travel as MessagePack, so that nothing a file could have made of the process is ever executed here. A job
refuses a file by raising `FileRefused`; every other exception becomes "the file is damaged".

    from wisqu.media import worker
    facts = worker.run("pdf:inspect", data, max_pages=300)                      # sync code
    facts = await in_thread(worker.run, "pdf:inspect", data, max_pages=300)     # async code

Each call costs a tenth to a third of a second of starting; at most a few run at once in a process of the product.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from wisqu.media.refusals import FileRefused, Why, broken

_ROOT = str(Path(__file__).resolve().parents[2])
_MEBIBYTE = 1024 * 1024
# `-I`: neither the environment nor the folder it is started in can put other code in the way.
_START = f"import sys; sys.path.insert(0, {_ROOT!r}); from wisqu.media.worker import serve; serve()"
_PACKAGE = "wisqu.media."
_AT_ONCE = 2
_QUEUE_S = 20.0
_LOOK_EVERY_S = 0.15
_free = threading.BoundedSemaphore(_AT_ONCE)

_TOO_EXPENSIVE = (
    "The file takes too much time or memory to read. Save it anew in a simpler form, or in parts."
)
_BUSY = "Too many files are being read at this moment. Try again in a moment."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may take: bytes of memory in all, seconds of processor time, seconds on the clock, bytes of result.

    The clock is more patient than the processor: a busy machine must not refuse a file that a free one reads. A process
    that does nothing at all is not waited for: after `still_s` seconds it is ended as soon as it stands still.
    """

    memory: int = 200 * _MEBIBYTE
    cpu_s: float = 1.6
    clock_s: float = 10.0
    still_s: float = 1.7
    result: int = 64 * _MEBIBYTE


LIMITS = Limits()
# FFmpeg's libraries take 120 MB of addresses (not of memory) before the first byte is read.
SOUND_LIMITS = Limits(memory=320 * _MEBIBYTE)


class _Order(msgspec.Struct):
    job: str
    data: bytes
    options: dict[str, Any]


class _Reply(msgspec.Struct):
    result: dict[str, Any] | None = None
    why: str = ""
    detail: str = ""


def run(job: str, data: bytes, *, limits: Limits = LIMITS, **options: Any) -> dict[str, Any]:
    """Have a job done in a process of its own and return its result. Blocks for up to two seconds, rarely longer.

    Raises FileRefused: what the job said, or that the file took too much or broke the process.
    """
    order = msgspec.msgpack.encode(_Order(job, data, options))
    if not _free.acquire(timeout=_QUEUE_S):
        raise FileRefused(Why.BUSY, _BUSY)
    try:
        status, output = _converse(order, limits)
    finally:
        _free.release()
    if status in (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGPROF, -signal.SIGALRM):
        raise FileRefused(Why.TOO_EXPENSIVE, _TOO_EXPENSIVE)
    return _read(output, limits)


def _converse(order: bytes, limits: Limits) -> tuple[int, bytes]:
    """Return how the process ended and what it wrote."""
    command = [sys.executable, "-I", "-c", _START, *(str(each) for each in _as_numbers(limits))]
    with subprocess.Popen(  # noqa: S603 - the command is ours; the file comes in by a pipe
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
        cwd="/",
        start_new_session=True,
    ) as process:
        output = _awaited(process, order, limits)
        if output is None:
            process.kill()
            process.communicate()
            return -signal.SIGKILL, b""
    return process.returncode, output


def _awaited(process: subprocess.Popen[bytes], order: bytes, limits: Limits) -> bytes | None:
    """Return what the process wrote until its end; None where its time is over, or it stands still."""
    until = time.monotonic() + limits.clock_s
    patience, used = limits.still_s, -1
    while True:
        try:
            sent = order if used == -1 else None
            return process.communicate(sent, timeout=min(patience, until - time.monotonic()))[0]
        except subprocess.TimeoutExpired:
            before, used = used, _ticks_of(process.pid)
            if time.monotonic() >= until or used == before:
                return None
            patience = _LOOK_EVERY_S


def _ticks_of(pid: int) -> int:
    """Return the processor time that a process has used, in ticks; one that waits for a free processor moves on too."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # no such place on this system: the clock alone decides
        return time.monotonic_ns()
    is_waiting = facts[0] in "SDTt"
    return int(facts[11]) + int(facts[12]) if is_waiting else time.monotonic_ns()


def _as_numbers(limits: Limits) -> tuple[int, float, float]:
    return limits.memory, limits.cpu_s, limits.clock_s


def _read(output: bytes, limits: Limits) -> dict[str, Any]:
    """Return the result that a process wrote; it is no more to be trusted than the file. Raises FileRefused."""
    if len(output) > limits.result:
        raise FileRefused(Why.TOO_EXPENSIVE, _TOO_EXPENSIVE)
    try:
        reply = msgspec.msgpack.decode(output, type=_Reply)
        if reply.result is None:
            raise FileRefused(Why(reply.why), reply.detail)
    except (ValueError, RecursionError):  # it died, or wrote nonsense
        raise broken() from None
    return reply.result


# --- the other side -------------------------------------------------------------------------------------------


def serve() -> None:
    """Do the one job that comes in by standard input. Runs in the process that may die."""
    _bind(memory=int(sys.argv[1]), cpu_s=float(sys.argv[2]), clock_s=float(sys.argv[3]))
    answer = os.fdopen(os.dup(1), "wb")
    # A library that prints must not write into the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    reply = _done(sys.stdin.buffer)
    with answer:
        answer.write(msgspec.msgpack.encode(reply))
    os._exit(0)  # what a library would still do at the end is not wanted


def _bind(*, memory: int, cpu_s: float, clock_s: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))
    signal.setitimer(signal.ITIMER_PROF, cpu_s)  # finer than the limit above, which knows whole seconds
    signal.setitimer(signal.ITIMER_REAL, clock_s)  # also when the product that waits is gone


def _done(source: BinaryIO) -> _Reply:
    try:
        order = msgspec.msgpack.decode(source.read(), type=_Order)
        module, _, name = order.job.partition(":")
        job = getattr(importlib.import_module(_PACKAGE + module), name)
        data, order.data = order.data, b""
        return _Reply(result=job(data, **order.options))
    except FileRefused as refusal:
        return _Reply(why=refusal.why, detail=refusal.detail)
    except MemoryError:
        return _Reply(why=Why.TOO_EXPENSIVE, detail=_TOO_EXPENSIVE)
    except Exception:  # a parser may raise anything
        return _Reply(why=Why.BROKEN, detail=broken().detail)

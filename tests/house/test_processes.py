"""Processes started by the house end with it, and take their own children along."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.processes import Family

ROOT = Path(__file__).resolve().parents[2]
# Starts a child of its own, writes the child's id down, and waits.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(600)
"""
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("x")
time.sleep(600)
"""
PATIENT = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
SUPERVISOR = """
import sys, time
from tools.processes import Family
family = Family()
family.start("parent", [sys.executable, "-c", sys.argv[1], sys.argv[2]])
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has buried yet is dead too.
    return not Path(f"/proc/{pid}/stat").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def wait_for_text(
    path: Path, text: str = "", *, seconds: float = 10, writer: subprocess.Popen[bytes] | None = None
) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (writer is None or writer.poll() is None):
        if path.exists() and path.read_text() and text in path.read_text():
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} never held {text!r}: {path.read_text() if path.exists() else 'no file'}")


def wait_for_death(pid: int) -> None:
    for _ in range(250):
        if not is_alive(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} lives on")


def test_ending_reaches_grandchildren(tmp_path):
    note = tmp_path / "pid"
    with Family() as family:
        family.start("parent", [sys.executable, "-c", PARENT, str(note)])
        grandchild = int(wait_for_text(note))
    wait_for_death(grandchild)


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.processes.GRACE_S", 0.3)
    note = tmp_path / "ready"
    with Family() as family:
        process = family.start("stubborn", [sys.executable, "-c", STUBBORN, str(note)])
        wait_for_text(note)
    assert process.returncode == -signal.SIGKILL


def test_the_first_to_die_is_named(tmp_path):
    with Family() as family:
        family.start("the good one", ["sleep", "600"])
        family.start("the bad one", [sys.executable, "-c", "raise SystemExit(3)"]).wait()
        assert family.dead() == ("the bad one", 3)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_die_when_the_supervisor_is_killed(tmp_path):
    note = tmp_path / "pid"
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, PATIENT, str(note)], cwd=ROOT)
    child = int(wait_for_text(note))
    supervisor.kill()
    supervisor.wait()
    wait_for_death(child)

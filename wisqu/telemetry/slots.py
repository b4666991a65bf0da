"""A small number for each process of this machine that counts, freed by the operating system when the process ends.

Counters live in one file a number. A later process that gets the same number counts on in that file, so that neither
restarts nor killed processes lose what was counted or leave ever more files behind.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from pathlib import Path


class Slots:
    """The numbers of the processes that count into `folder`, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = 0
        self._number = 0
        self._lock = -1

    def mine(self) -> int:
        """Return this process's number; a fork gets one of its own."""
        if self._process != os.getpid():
            if self._lock >= 0:
                os.close(self._lock)  # inherited: the parent keeps its own
            self._number = self._take()
            self._process = os.getpid()
        return self._number

    def is_taken(self, number: int) -> bool:
        """Tell whether the process of that number lives."""
        lock = _locked(self.folder / f"{number}.lock")
        if lock is None:
            return True
        os.close(lock)
        return False

    def _take(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in itertools.count():
            lock = _locked(self.folder / f"{number}.lock")
            if lock is not None:
                self._lock = lock
                for states in self.folder.glob(f"gauge_live*_{number}.db"):
                    states.unlink(missing_ok=True)  # what the last owner had open died with it
                return number
        raise AssertionError  # numbers don't end


def _locked(path: Path) -> int | None:
    """Return the file locked, or None when another process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file

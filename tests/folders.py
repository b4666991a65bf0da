"""Where tests keep what they may lose: in memory when the machine has room, since databases wait for disks."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 2 * 1024**3  # bytes


def new_folder(*, prefix: str) -> Path:
    """Make an empty folder; whoever asks for it removes it."""
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if has_room else None))

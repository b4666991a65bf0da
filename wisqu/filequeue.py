"""A job queue in a folder: Kombu's channel over files, made so that no message is lost, doubled or read half.

A message is a file. Whoever works on it holds a lock on the file, and deletes it when the work is done. The lock is the
operating system's, so it ends with the process that held it, however that process ended: the next reader finds the
message in its old place in the queue.

Kombu 5.7's own channel creates the file first and fills it afterwards; a worker that polls in between reads nothing and
dies of it (seen with 419 of 3,000 messages). It deletes a message when it reads it, takes it through the machine's
shared temporary folder, and names it by a clock that begins anew with every start of the machine.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import IO, Any

from kombu.transport import filesystem, virtual
from kombu.utils.json import dumps, loads

from wisqu.api.ids import uuid7

# A file that was begun this long ago will not be finished any more.
_GIVEN_UP_AFTER_S = 3600


class _HeldMessages(virtual.QoS):
    """Tells the channel when a message is done with."""

    channel: Channel

    def ack(self, delivery_tag: str) -> None:
        self.channel.finish(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self.channel.finish(delivery_tag)
        super().reject(delivery_tag, requeue=requeue)


class Channel(filesystem.Channel):
    """Reads and writes messages as files of one folder."""

    QoS = _HeldMessages

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._held: dict[str, IO[bytes]] = {}  # by delivery tag

    def finish(self, delivery_tag: str) -> None:
        """Delete the message: its work is done, or will never be."""
        file = self._held.pop(delivery_tag, None)
        if file is not None:
            Path(file.name).unlink(missing_ok=True)
            file.close()

    def _restore(self, message: Any) -> None:
        """Let somebody else have the message: without its lock it is in the queue again."""
        file = self._held.pop(message.delivery_tag, None)
        if file is not None:
            file.close()

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        folder, name = Path(self.data_folder_out), uuid7()
        unfinished = folder / f".{name}.part"  # readers pass over any other ending
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for path in _messages(Path(self.data_folder_in), queue):
            file = _taken(path)
            if file is None:
                continue
            payload = loads(file.read().decode())
            self._held[payload["properties"]["delivery_tag"]] = file
            return payload
        raise Empty


def _messages(folder: Path, queue: str) -> Iterator[Path]:
    """Yield the messages of a queue, the oldest first."""
    ending = f"{queue}.msg"
    yield from (path for path in sorted(folder.iterdir()) if path.name.partition(".")[2] == ending)


def _taken(path: Path) -> IO[bytes] | None:
    """Return the message opened and locked, or None when somebody else has it, or has done it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:  # else it was deleted between opening and locking
            return file
    except BlockingIOError:
        pass
    file.close()
    return None


def options(folder: Path) -> dict[str, Any]:
    """Return Celery's settings for a queue under `folder`, which is made where it is missing."""
    queue, control = folder / "queue", folder / "control"
    for each in (queue, control):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clean(queue)
    filesystem.Transport.Channel = Channel
    return {
        "broker_url": "filesystem://localhost//",
        "broker_transport_options": {
            "data_folder_in": str(queue),
            "data_folder_out": str(queue),
            "control_folder": str(control),
            "polling_interval": 0.02,
        },
        "worker_enable_remote_control": False,
    }


def _clean(queue: Path) -> None:
    """Delete what was begun and never finished: its writer died, and nobody reads such a file."""
    for path in queue.glob(".*"):
        try:
            if time.time() - path.stat().st_mtime > _GIVEN_UP_AFTER_S:
                path.unlink()
        except FileNotFoundError:  # another process cleans too
            continue

"""Jobs over files: every message arrives whole and once, however many write and read."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from kombu.transport import filesystem

from wisqu.celery import WholeFiles, broker


def connect(folder: Path) -> Connection:
    config = broker(address="", folder=folder)
    return Connection(config["broker_url"], transport_options=config["broker_transport_options"])


def channel(folder: Path) -> WholeFiles:
    found = connect(folder).channel()
    assert isinstance(found, WholeFiles)
    return found


def test_a_message_arrives_as_it_was_sent(tmp_path: Path) -> None:
    channel(tmp_path)._put("jobs", {"body": "سلام"})
    assert channel(tmp_path)._get("jobs") == {"body": "سلام"}
    with pytest.raises(Empty):
        channel(tmp_path)._get("jobs")


def test_a_message_is_not_seen_before_it_is_whole(tmp_path: Path, monkeypatch) -> None:
    seen = []

    def rename(path: Path, target: Path) -> Path:
        with pytest.raises(Empty):
            channel(tmp_path)._get("jobs")
        seen.append(path)
        return plain(path, target)

    plain = Path.rename
    monkeypatch.setattr(Path, "rename", rename)
    channel(tmp_path)._put("jobs", {"body": 1})
    assert len(seen) == 1


def test_kombus_own_channel_shows_a_message_before_it_is_whole(tmp_path: Path, monkeypatch) -> None:
    """The reason for ours: the file has its name while it is still empty."""
    own = filesystem.Channel(connect(tmp_path).connection)
    sizes = []
    plain = filesystem.lock
    monkeypatch.setattr(
        filesystem,
        "lock",
        lambda file, flags: (sizes.append(Path(file.name).stat().st_size), plain(file, flags)),
    )
    own._put("jobs", {"body": 1})
    assert sizes == [0]


def test_many_writers_and_readers_lose_and_double_nothing(tmp_path: Path) -> None:
    got: list[int] = []
    writers = [
        threading.Thread(
            target=lambda first=first: [channel(tmp_path)._put("jobs", {"n": first + n}) for n in range(100)]
        )
        for first in (0, 100, 200)
    ]

    def read() -> None:
        mine = channel(tmp_path)
        while any(writer.is_alive() for writer in writers) or mine._size("jobs"):
            try:
                got.append(mine._get("jobs")["n"])
            except Empty:
                continue

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in [*writers, *readers]:
        thread.start()
    for thread in [*writers, *readers]:
        thread.join(timeout=30)
    assert sorted(got) == list(range(300))

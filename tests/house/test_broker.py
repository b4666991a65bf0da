"""Jobs over files: every message arrives whole, is done once, and outlives whoever was at it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection
from kombu.transport import filesystem

from wisqu import filequeue
from wisqu.celery import broker

ROOT = Path(__file__).resolve().parents[2]
# Takes a message, says so, and waits for its end.
READER = """
import sys, time
from pathlib import Path
from tests.house.test_broker import channel
channel(Path(sys.argv[1])).basic_get("jobs")
print("taken", flush=True)
time.sleep(600)
"""


def connect(folder: Path) -> Connection:
    config = broker(address="", folder=folder)
    return Connection(config["broker_url"], transport_options=config["broker_transport_options"])


def channel(folder: Path) -> filequeue.Channel:
    found = connect(folder).channel()
    assert isinstance(found, filequeue.Channel)
    return found


def message(n: int = 0) -> dict:
    return {"body": "سلام", "n": n, "properties": {"delivery_tag": f"tag {n}", "delivery_info": {}}}


def test_a_message_arrives_as_it_was_sent(tmp_path: Path) -> None:
    channel(tmp_path)._put("jobs", message(7))
    reader = channel(tmp_path)
    assert reader._get("jobs") == message(7)
    with pytest.raises(Empty):
        reader._get("jobs")


def test_a_message_is_not_seen_before_it_is_whole(tmp_path: Path, monkeypatch) -> None:
    seen = []

    def rename(path: Path, target: Path) -> Path:
        with pytest.raises(Empty):
            channel(tmp_path)._get("jobs")
        seen.append(path)
        return plain(path, target)

    plain = Path.rename
    monkeypatch.setattr(Path, "rename", rename)
    channel(tmp_path)._put("jobs", message())
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


def test_a_message_that_somebody_works_on_is_nobody_elses(tmp_path: Path) -> None:
    writer, reader, other = channel(tmp_path), channel(tmp_path), channel(tmp_path)
    writer._put("jobs", message())
    taken = reader.basic_get("jobs")
    assert other.basic_get("jobs") is None

    taken.reject(requeue=True)
    assert other.basic_get("jobs").payload == taken.payload


@pytest.mark.parametrize("end", ["ack", "reject"])
def test_what_is_done_or_refused_leaves_no_file(tmp_path: Path, end: str) -> None:
    reader = channel(tmp_path)
    reader._put("jobs", message())
    getattr(reader.basic_get("jobs"), end)()
    reader.close()
    assert list((tmp_path / "queue").iterdir()) == []


def test_a_reader_that_ends_in_order_hands_back_what_it_had_not_done(tmp_path: Path) -> None:
    reader = channel(tmp_path)
    reader._put("jobs", message(3))
    reader.basic_get("jobs")
    reader.close()
    assert channel(tmp_path)._get("jobs") == message(3)


def test_a_reader_that_was_killed_loses_nothing(tmp_path: Path) -> None:
    channel(tmp_path)._put("jobs", message(5))
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", READER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        with pytest.raises(Empty):
            channel(tmp_path)._get("jobs")
        process.kill()
    assert channel(tmp_path)._get("jobs") == message(5)


def test_messages_come_in_the_order_they_were_sent(tmp_path: Path) -> None:
    mine = channel(tmp_path)
    for n in range(50):
        mine._put("jobs", message(n))
    assert [mine._get("jobs")["n"] for _ in range(50)] == list(range(50))


def test_what_a_dead_writer_began_is_cleaned_up(tmp_path: Path) -> None:
    channel(tmp_path)
    old, new = tmp_path / "queue" / ".old.part", tmp_path / "queue" / ".new.part"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (time.time() - 7200,) * 2)
    channel(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


def test_many_writers_and_readers_lose_and_double_nothing(tmp_path: Path) -> None:
    got: list[int] = []
    writers = [
        threading.Thread(
            target=lambda first=first: [
                channel(tmp_path)._put("jobs", message(first + n)) for n in range(100)
            ]
        )
        for first in (0, 100, 200)
    ]

    def read() -> None:
        mine = channel(tmp_path)
        while any(writer.is_alive() for writer in writers) or mine._size("jobs"):
            found = mine.basic_get("jobs")
            if found is not None:
                got.append(int(found.delivery_tag.removeprefix("tag ")))
                found.ack()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in [*writers, *readers]:
        thread.start()
    for thread in [*writers, *readers]:
        thread.join(timeout=30)
    assert sorted(got) == list(range(300))


def test_a_line_to_redis_that_breaks_ends_no_worker(tmp_path: Path) -> None:
    config = broker(address="redis://127.0.0.1:1/0", folder=tmp_path)
    connection = Connection(config["broker_url"])
    line = connection.transport.Channel.__new__(connection.transport.Channel)
    for gone in (connection.transport, None):
        connection.transport.client = None  # as it is once the line was closed
        line.connection = gone
        with pytest.raises(connection.connection_errors, match="closed"):
            line._connparams()

"""A web process that is told to end while people read: nobody loses a word, and nobody meets an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from chat.models import Message
from tests.clients import Api, text_of
from tests.deploy.serving import Served
from tests.live import HTTP, Sandbox, end_running_turns
from tests.people import make_user

pytestmark = pytest.mark.postgres
STREAMS, SOCKETS = 14, 6
# A socket is closed at once and has to have something left to go on with; a stream is read to its end where it is.
SHORT, LONG = 150, 400


def words(number: int) -> str:
    return " ".join(f"w{n}" for n in range(1, number + 1))


RESTARTED = 1012


@pytest.fixture
def pair(transactional_db: None, sandbox: Sandbox) -> Iterator[tuple[Served, Served]]:
    env = {"SHUTDOWN_NOTICE_SECONDS": "1", "SHUTDOWN_GRACE_SECONDS": "20"}
    old, new = Served(sandbox=sandbox, **env), Served(sandbox=sandbox, **env)
    yield old, new
    for server in (old, new):
        server.stop()
    end_running_turns()


def read_stream(api: Api, begun: threading.Barrier) -> str:
    with api.streaming(f"[[words:{SHORT}]] [[pace:20ms]]") as events:
        first = next(events)
        begun.wait(timeout=60)
        return text_of([first, *events])


def read_socket(api: Api, other: Api, begun: threading.Barrier) -> tuple[int, str]:
    """Read until the server goes, then go on at the other one; return the close code and the text."""
    frames: list[dict[str, Any]] = []
    with api.socket() as socket:
        socket.send(type="send", message=f"[[words:{LONG}]] [[pace:20ms]]")
        frames += socket.until("start")
        begun.wait(timeout=60)
        try:
            while True:
                frames.append(socket.receive())
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 0
    last = [frame for frame in frames if "seq" in frame][-1]
    assert last["type"] == "content", "there is something left to go on with"
    with other.socket() as socket:
        socket.send(type="resume", turn_id=last["turn_id"], after=last["seq"])
        frames += socket.until("done", "error")
    return code, text_of(frames)


class Visitors:
    """Whoever comes meanwhile, as a balancer would send them: to a process that says it is ready."""

    def __init__(self, servers: tuple[Served, Served], api: Api) -> None:
        self.servers, self.token = servers, api.token
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()

    def _come(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:
            while not self._stop.is_set():
                for server in self.servers:
                    if is_ready(server):
                        self.statuses.append(client.get(f"{server.url}/api/v1/auth/me").status_code)
                time.sleep(0.05)

    def go(self) -> list[int]:
        self._stop.set()
        self._thread.join()
        return self.statuses


def is_ready(server: Served) -> bool:
    try:
        HTTP.open(f"{server.root}/api/v1/health/ready", timeout=5).close()
    except OSError:
        return False
    return True


def test_a_rolling_restart_loses_no_word_and_gives_no_error(pair: tuple[Served, Served]) -> None:
    old, new = pair
    user = make_user(plan="premium")
    begun = threading.Barrier(STREAMS + SOCKETS + 1)
    visitors = Visitors(pair, Api(new, user))
    with ThreadPoolExecutor(STREAMS + SOCKETS) as pool:
        streams = [pool.submit(read_stream, Api(old, user), begun) for _ in range(STREAMS)]
        sockets = [pool.submit(read_socket, Api(old, user), Api(new, user), begun) for _ in range(SOCKETS)]
        begun.wait(timeout=60)
        old.tell_to_end()
        began = time.monotonic()
        texts = [each.result(timeout=60) for each in streams]
        ends = [each.result(timeout=60) for each in sockets]
    old.process.wait(timeout=30)

    assert time.monotonic() - began < 30
    assert texts == [words(SHORT)] * STREAMS
    assert ends == [(RESTARTED, words(LONG))] * SOCKETS
    statuses = visitors.go()
    assert set(statuses) == {200}
    answers = Message.objects.filter(role="assistant")
    stored = sorted(answers.values_list("status", "content"))
    assert stored == sorted([("done", words(SHORT))] * STREAMS + [("done", words(LONG))] * SOCKETS)
    assert new.is_running


def test_it_says_that_it_is_not_ready_before_it_lets_go_of_its_port(pair: tuple[Served, Served]) -> None:
    old, _ = pair
    old.tell_to_end()
    seen = set()
    deadline = time.monotonic() + 60
    while old.is_running and time.monotonic() < deadline:
        try:
            seen.add(httpx.get(f"{old.root}/api/v1/health/ready", trust_env=False).status_code)
            seen.add(("live", httpx.get(f"{old.root}/api/v1/health/live", trust_env=False).status_code))
        except httpx.TransportError:
            break
    assert {503, ("live", 200)} <= seen
    assert ("live", 503) not in seen


def test_an_answer_that_takes_too_long_is_gone_on_with_by_another_process(
    transactional_db: None, sandbox: Sandbox, no_other_server: None
) -> None:
    env = {"SHUTDOWN_NOTICE_SECONDS": "0", "SHUTDOWN_GRACE_SECONDS": "3"}
    old, new = Served(sandbox=sandbox, **env), Served(sandbox=sandbox, **env)
    user = make_user(plan="premium")
    with Api(old, user).streaming(f"[[words:{LONG}]] [[pace:20ms]]") as stream:
        events = [next(stream)]
        old.tell_to_end()
        events += list(stream)
    old.process.wait(timeout=60)
    assert events[-1]["type"] == "content", "the stream ends with its process, the answer does not"
    events += Api(new, user).join(events[0]["turn_id"], after=events[-1]["seq"])
    assert (events[-1]["type"], text_of(events)) == ("done", words(LONG))
    answer = Message.objects.get(role="assistant")
    assert (answer.status, answer.content, answer.fallback_used) == ("done", words(LONG), False)
    assert Api(new, user).usage()["messages"]["used"] == 1
    new.stop()


def test_where_there_is_no_other_process_it_is_kept_as_interrupted(
    transactional_db: None, sandbox: Sandbox
) -> None:
    server = Served(sandbox=sandbox, SHUTDOWN_GRACE_SECONDS="1", REDIS_URL="")
    api = Api(server, make_user(plan="premium"))
    with api.socket() as socket:
        socket.send(type="send", message="[[words:1000]] [[pace:20ms]]")
        socket.until("content")
        server.tell_to_end()
        server.process.wait(timeout=60)
    answer = Message.objects.get(role="assistant")
    assert (answer.status, answer.error_code) == ("failed", "interrupted")
    assert answer.content.startswith("w1 w2")
    server.stop()

"""PostgreSQL and Redis go away under people who chat, and come back. What lasts longer is asked by `make bench`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from redis import Redis

from tests.clients import Api, text_of
from tests.faults.line import Line, line_to, through
from tests.live import Web
from tests.live import test_database_url as database_url
from tests.people import make_user

pytestmark = pytest.mark.postgres
OUTAGE_S = 3.0
BACK_WITHIN_S = 30.0


@pytest.fixture
def database(transactional_db: None) -> Iterator[Line]:
    line = line_to(database_url())
    yield line
    line.close()


@pytest.fixture
def redis() -> Iterator[Line]:
    line = line_to(settings.REDIS_URL)
    yield line
    line.close()


def seconds_until(condition: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 60
        time.sleep(0.1)
    return time.monotonic() - began


def test_postgres_away_is_a_503_and_answers_that_run_go_on(
    database: Line, start_live: Callable[..., Web], no_other_server: None
) -> None:
    api = Api(start_live(DATABASE_URL=through(database_url(), database)), make_user(plan="premium"))
    with api.streaming("[[words:300]] [[pace:20ms]]") as events:
        begun = [next(events)]
        database.cut()
        statuses = []
        until = time.monotonic() + OUTAGE_S
        while time.monotonic() < until:
            statuses += [api.get("/conversations").status_code, api.get("/health/ready").status_code]
            statuses.append(api.ask("hello [[pace:fast]]").status_code)
            assert api.get("/health/live").status_code == 200
        database.mend()
        assert seconds_until(lambda: api.get("/conversations").status_code == 200) < BACK_WITHIN_S
        whole = [*begun, *events]
    assert set(statuses) == {503}
    assert whole[-1]["type"] == "done"
    assert text_of(whole).split()[-1] == "w300"
    assert api.usage()["messages"]["used"] == 1
    assert api.ask("hello [[pace:fast]]").status_code == 200


def test_without_redis_people_chat_and_nothing_is_granted_or_taken(
    redis: Line, start_live: Callable[..., Web]
) -> None:
    api = Api(start_live(REDIS_URL=through(settings.REDIS_URL, redis)), make_user(plan="premium"))
    assert api.ask("hello [[pace:fast]]").status_code == 200
    redis.cut()
    began = time.monotonic()
    assert [api.ask("hello [[pace:fast]]").status_code for _ in range(3)] == [200] * 3
    assert time.monotonic() - began < 30
    assert api.get("/health/ready").json()["status"] == "degraded"
    assert api.usage()["messages"]["used"] == 4
    redis.mend()
    assert seconds_until(lambda: api.get("/health/ready").json()["status"] == "ok") < BACK_WITHIN_S


def test_an_emptied_redis_changes_no_quota(live: Web) -> None:
    api = Api(live, make_user(plan="free"))
    assert api.ask("hello [[pace:fast]]").status_code == 200
    before = api.usage()
    Redis.from_url(settings.REDIS_URL).flushall()
    assert api.usage() == before
    assert api.ask("hello [[pace:fast]]").status_code == 200
    assert api.usage()["messages"]["used"] == before["messages"]["used"] + 1


def test_an_answer_is_followed_to_its_end_while_redis_is_away(
    redis: Line, start_live: Callable[..., Web]
) -> None:
    address = through(settings.REDIS_URL, redis)
    here, there = start_live(REDIS_URL=address), start_live(REDIS_URL=address)
    user = make_user(plan="premium")
    with Api(here, user).streaming("[[words:150]] [[pace:20ms]]") as events:
        turn_id = next(events)["turn_id"]
        with Api(there, user).joining(turn_id) as elsewhere:
            found = [next(elsewhere) for _ in range(3)]
            redis.cut()
            found += list(elsewhere)
    assert found[-1]["type"] == "done"
    assert text_of(found) == " ".join(f"w{n}" for n in range(1, 151))

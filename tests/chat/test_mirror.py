"""A turn followed from another process: over Redis where there is one, else from the rows."""

from __future__ import annotations

from typing import Any

from tests.clients import Api
from tests.live import Web
from tests.people import make_alice

QUESTION = "Tell me much [[words:120]] [[pace:20ms]]"


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["content"] for event in events if event["type"] == "content")


def test_another_process_tells_the_whole_turn(live_pair: tuple[Web, Web]) -> None:
    here, there = (Api(web, user) for user in [make_alice()] for web in live_pair)
    with here.streaming(QUESTION) as events:
        turn_id = next(events)["turn_id"]
        elsewhere = there.join(turn_id)
        seen = list(events)
    assert text_of(elsewhere) == text_of(seen) == elsewhere[-1]["message"]["content"]


def test_another_process_goes_on_after_any_event(live_pair: tuple[Web, Web]) -> None:
    here, there = (Api(web, user) for user in [make_alice()] for web in live_pair)
    with here.streaming(QUESTION) as events:
        turn_id, *begun = [next(events)["turn_id"], *(next(events) for _ in range(20))]
        rest = there.join(turn_id, after=21)
    assert text_of(begun) + text_of(rest) == rest[-1]["message"]["content"]


def test_two_readers_elsewhere_read_the_same(live_pair: tuple[Web, Web]) -> None:
    here, there = (Api(web, user) for user in [make_alice()] for web in live_pair)
    with here.streaming(QUESTION) as events:
        turn_id = next(events)["turn_id"]
        with there.joining(turn_id) as one, there.joining(turn_id, after=3) as other:
            whole, late = list(one), list(other)
    assert text_of(late)
    assert text_of(whole).endswith(text_of(late))
    assert text_of(whole) == whole[-1]["message"]["content"]


def test_a_turn_that_nobody_follows_elsewhere_leaves_nothing_in_redis(
    live_pair: tuple[Web, Web], settings
) -> None:
    before = streams_in_redis(settings.REDIS_URL)
    Api(live_pair[0], make_alice()).stream("Alone [[words:20]]")
    assert streams_in_redis(settings.REDIS_URL) == before


def streams_in_redis(url: str) -> set[Any]:
    if not url:
        return set()
    from redis import Redis

    with Redis.from_url(url) as redis:
        return set(redis.keys("wisqu:turn:*"))

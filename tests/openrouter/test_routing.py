"""Which providers are asked for: uptimes ranked, the provider that holds the cache kept where it can be."""

from __future__ import annotations

from decimal import Decimal

from tests.openrouter.server import JSON, ScriptedServer
from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.encoding import encode_request
from wisqu.openrouter.routing import preferences
from wisqu.openrouter.types import ChatRequest, Endpoint, MaxPrice, Message

LISTED = (
    Endpoint("anthropic", "Anthropic", 97.0),
    Endpoint("amazon-bedrock", "Amazon Bedrock", 99.9),
    Endpoint("google-vertex", "Google Vertex", 98.4),
    Endpoint("new", "New", None),
)


def order(*, holds_cache: str = "", endpoints: tuple[Endpoint, ...] = LISTED) -> tuple[str, ...]:
    wanted = preferences("uptime", endpoints=endpoints, holds_cache=holds_cache)
    assert wanted is not None
    assert wanted.allow_fallbacks
    return wanted.order


def test_uptime_asks_for_the_best_first() -> None:
    assert order() == ("amazon-bedrock", "google-vertex", "anthropic")


def test_uptime_stays_where_the_cache_is_while_that_is_about_as_good() -> None:
    assert order(holds_cache="Google Vertex") == ("google-vertex", "amazon-bedrock", "anthropic")


def test_uptime_leaves_a_provider_that_is_down_although_it_holds_the_cache() -> None:
    assert order(holds_cache="Anthropic")[0] == "amazon-bedrock"


def test_uptimes_that_hardly_differ_leave_the_order_of_the_listing() -> None:
    close = (Endpoint("a", "A", 99.90), Endpoint("b", "B", 99.95))
    assert order(endpoints=close) == ("a", "b")


def test_without_a_choice_openrouters_own_balancing_stays_on() -> None:
    assert order(endpoints=()) == order(endpoints=LISTED[:1]) == order(endpoints=LISTED[3:]) == ()


def test_a_ceiling_goes_with_every_strategy_as_exact_text() -> None:
    most = MaxPrice(prompt=Decimal("3.75"), completion=Decimal("1E+1"))
    for strategy in ("auto", "price", "latency", "uptime"):
        wanted = preferences(strategy, max_price=most)
        body = encode_request(ChatRequest("m", (Message.text("user", "a"),), provider=wanted))
        assert b'"max_price":{"prompt":"3.75","completion":"10"}' in body


async def test_providers_are_listed_with_their_uptime(client: OpenRouter, server: ScriptedServer) -> None:
    server.answers(
        b'{"data":{"endpoints":[{"tag":"a","provider_name":"A","uptime_last_30m":null,"uptime_last_5m":98.5},'
        b'{"tag":"a","provider_name":"A","uptime_last_30m":1},{"tag":7},'
        b'{"tag":"b/fp8","provider_name":"B","uptime_last_30m":-1}]}}',
        headers=JSON,
    )
    assert await client.endpoints("x/y:free") == [Endpoint("a", "A", 98.5), Endpoint("b/fp8", "B", None)]
    assert server.requests[0].path == "/api/v1/models/x/y%3Afree/endpoints"


async def test_a_server_without_such_a_listing_has_none(client: OpenRouter, server: ScriptedServer) -> None:
    server.replies.clear()
    server.answers(b'{"error":{"message":"no","code":404}}', status=404, headers=JSON)
    assert await client.endpoints("x/y") == []

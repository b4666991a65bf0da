"""Alive, ready, and what stands in the way."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.people import make_user
from tests.servers import free_port
from wisqu.accounts.tokens import open_family
from wisqu.api.cache import ForgivingRedisCache

NOBODY = f"redis://127.0.0.1:{free_port()}/0"


def test_live_touches_nothing() -> None:
    assert Client().get("/api/v1/health/live").json() == {"status": "ok"}


def test_a_balancer_may_ask_by_head() -> None:
    assert Client().head("/api/v1/health/live").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_ready_asks_the_database(settings) -> None:
    response = Client().get("/api/v1/health/ready")
    assert response.status_code == 200
    assert response.json()["checks"]["database"] == "ok"


@pytest.mark.django_db(transaction=True)
def test_without_redis_it_is_degraded_and_serves(settings) -> None:
    settings.REDIS_URL = NOBODY
    response = Client().get("/api/v1/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["redis"] == "unavailable"


def test_without_the_database_it_is_not_ready(monkeypatch) -> None:
    def fail() -> None:
        raise OSError

    monkeypatch.setattr("wisqu.api.health._touch_database", fail)
    assert Client().get("/api/v1/health/ready").status_code == 503


def test_a_cache_without_redis_knows_nothing_and_complains_to_nobody() -> None:
    cache = ForgivingRedisCache(NOBODY, {})
    assert cache.add("a", 1) is True
    assert cache.get("a", "nothing") == "nothing"
    assert cache.get_many(["a"]) == {}
    cache.set("a", 1)
    cache.delete("a")


@pytest.mark.parametrize("body", ["{", '{"message": NaN}', "[" * 100_000])
@pytest.mark.django_db(transaction=True)
def test_a_body_that_is_no_json_says_so_by_its_code(body: str) -> None:

    headers = {"Authorization": f"Bearer {open_family(make_user()).access}"}
    for path in ("/api/v1/chat", "/api/v1/conversations"):
        response = Client().post(path, data=body, content_type="application/json", headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_json")

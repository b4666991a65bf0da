"""Health in detail and metrics: who may look, what they find, in which form."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from chat import outpost
from tests.people import make_user, signed_in
from tests.servers import free_port
from wisqu.api import checks, draining, health, pulses
from wisqu.api.models import Pulse

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a-token-of-some-length"
DETAILED, METRICS = "/api/v1/health/detailed", "/api/v1/health/metrics"


@pytest.fixture(autouse=True)
def fresh() -> None:
    health._details.forget()
    outpost.forget()


@pytest.fixture
def token(settings) -> dict[str, str]:
    settings.MONITORING_TOKEN = TOKEN
    return {"Authorization": f"Bearer {TOKEN}"}


def details(headers: dict[str, str]) -> dict[str, Any]:
    return Client().get(DETAILED, headers=headers).json()


def test_details_are_for_staff() -> None:
    person, staff = make_user(), make_user("staff@example.org", is_staff=True)
    assert Client().get(DETAILED).status_code == 401
    assert signed_in(person).get(DETAILED).status_code == 403
    assert signed_in(staff).get(DETAILED).status_code == 200


def test_the_token_opens_details_and_another_one_does_not(token) -> None:
    assert Client().get(DETAILED, headers=token).status_code == 200
    assert (
        Client().get(DETAILED, headers={"Authorization": "Bearer another-token-of-some-length"}).status_code
        == 401
    )


def test_without_a_token_an_empty_one_opens_nothing(settings) -> None:
    settings.MONITORING_TOKEN = ""
    assert Client().get(DETAILED, headers={"Authorization": "Bearer "}).status_code == 401


def test_details_name_every_dependency_with_figures(token) -> None:
    found = details(token)
    expected = {
        "database",
        "migrations",
        "redis",
        "channel_layer",
        "workers",
        "queue",
        "beat",
        "openrouter",
        "disk",
    }
    assert expected <= set(found["checks"])
    assert found["checks"]["database"]["status"] == "ok"
    assert found["checks"]["migrations"] == {**found["checks"]["migrations"], "status": "ok", "missing": 0}
    assert found["checks"]["openrouter"]["remaining_usd"] > 0
    assert found["checks"]["disk"]["free_bytes"] > 0
    assert {"wisqu", "python", "django"} <= set(found["versions"])
    assert all(facts["ms"] < 5_000 for facts in found["checks"].values())


def test_a_worker_and_a_clock_that_went_silent_are_told(token) -> None:
    pulses.show(kind=pulses.WORKER, name="a@host")
    pulses.show(kind=pulses.CLOCK, name="clock")
    assert {details(token)["checks"][name]["status"] for name in ("workers", "beat")} == {"ok"}

    Pulse.objects.update(at=timezone.now() - timedelta(minutes=5))
    health._details.forget()
    found = details(token)
    assert found["status"] == "degraded"
    assert (found["checks"]["workers"]["living"], found["checks"]["beat"]["age_s"]) == (
        0,
        pytest.approx(300, abs=5),
    )


def test_a_worker_that_ends_in_order_is_forgotten() -> None:
    pulses.show(kind=pulses.WORKER, name="a@host")
    pulses.show(kind=pulses.WORKER, name="a@host")
    assert pulses.living_workers() == 1
    pulses.forget(kind=pulses.WORKER, name="a@host")
    assert pulses.living_workers() == 0


def test_a_model_server_that_is_away_is_told_without_its_words(token, settings) -> None:
    settings.OPENROUTER_BASE_URL = f"http://127.0.0.1:{free_port()}/api/v1"
    found = details(token)
    assert found["status"] == "degraded"
    assert found["checks"]["openrouter"]["error"] == "upstream_unavailable"


def test_the_model_server_is_asked_once_a_minute(token, settings) -> None:
    assert details(token)["checks"]["openrouter"]["status"] == "ok"
    settings.OPENROUTER_BASE_URL = f"http://127.0.0.1:{free_port()}/api/v1"
    health._details.forget()
    assert details(token)["checks"]["openrouter"]["status"] == "ok"


async def test_a_check_that_hangs_is_cut_off(monkeypatch) -> None:
    async def hang() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    monkeypatch.setattr(checks, "TAKES_AT_MOST_S", 0.05)
    facts = await checks._answer("hanging", hang)
    assert (facts["status"], facts["error"]) == ("unavailable", "TimeoutError")


def test_no_address_or_key_stands_in_the_details(token, settings) -> None:
    settings.REDIS_URL = f"redis://user:hunter2@127.0.0.1:{free_port()}/0"
    body = Client().get(DETAILED, headers=token).content.decode()
    assert '"redis":{"status":"unavailable"' in body
    assert "hunter2" not in body
    assert settings.OPENROUTER_API_KEY not in body


def test_metrics_are_prometheus_text_and_json_for_whoever_asks_for_it() -> None:
    text = Client().get(METRICS)
    assert text["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "\nwisqu_http_requests_total{" in Client().get(METRICS).content.decode()
    body = Client().get(METRICS, headers={"Accept": "application/json"}).json()
    names = {metric["name"] for metric in body["metrics"]}
    assert {"wisqu_turns", "wisqu_queue_depth", "wisqu_build_info", "wisqu_http_requests"} <= names


def test_metrics_ask_for_the_token_where_there_is_one(token) -> None:
    assert Client().get(METRICS).status_code == 401
    assert Client().get(METRICS, headers=token).status_code == 200


def test_a_process_that_is_to_end_is_alive_and_not_ready() -> None:
    draining.begin(within_s=60)
    try:
        answer = Client().get("/api/v1/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "ending")
        assert Client().get("/api/v1/health/live").status_code == 200
        assert answer["Connection"] == "close"
    finally:
        draining.forget()


def test_routes_are_counted_as_they_are_declared() -> None:
    Client().get("/api/v1/conversations/0190a0a0-0000-7000-8000-00000000abcd")
    text = Client().get(METRICS).content.decode()
    assert 'route="/api/v1/conversations/<uuid:' in text
    assert "00000000abcd" not in text

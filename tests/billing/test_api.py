"""Plans, subscription and usage over HTTP."""

from decimal import Decimal

import pytest
from django.test import Client

from billing.quota import Amounts
from tests.billing.held import hold, settle
from tests.people import make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice@example.org", "premium")


def test_usage_is_as_the_contract_says(alice: User) -> None:
    settle(hold(alice), Amounts(messages=1, tokens=120), cost_usd=Decimal("0.000015"), cost_source="upstream")
    usage = signed_in(alice).get("/api/v1/subscriptions/usage").json()

    measures = {"messages", "tokens", "images", "documents", "audio_minutes"}
    money = {"total_cost_usd", "cache_savings_usd"}
    assert set(usage) == measures | money | {"period_start", "period_end"}
    assert usage["tokens"] == {"used": 120, "limit": 5_000_000, "remaining": 4_999_880}
    assert (usage["total_cost_usd"], usage["cache_savings_usd"]) == (0.000015, 0)
    assert usage["period_start"].endswith("Z")


def test_me_shows_plan_and_period(alice: User) -> None:
    me = signed_in(alice).get("/api/v1/subscriptions/me").json()

    assert (me["plan"]["slug"], me["status"]) == ("premium", "active")
    assert me["plan"]["price_usd"] == 19.99
    assert me["plan"]["features"]["advanced_models"] is True
    assert me["started_at"] == me["period_start"] < me["period_end"]


def test_plans_are_open_to_everybody_and_ordered() -> None:
    plans = Client().get("/api/v1/subscriptions/plans").json()

    assert [plan["slug"] for plan in plans["results"]] == ["free", "premium", "unlimited", "enterprise"]
    assert plans["results"][0]["limits"]["messages"] == 100
    assert (plans["next"], plans["previous"]) == (None, None)


@pytest.mark.parametrize("path", ["me", "usage"])
def test_a_stranger_is_asked_to_sign_in(path: str) -> None:
    answer = Client().get(f"/api/v1/subscriptions/{path}")

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_charlie_sees_nothing_of_it(alice: User) -> None:
    settle(hold(alice), Amounts(messages=1, tokens=120), cost_usd=Decimal(1), cost_source="upstream")
    charlie = signed_in(make_user("charlie@example.org", "free"))

    assert charlie.get("/api/v1/subscriptions/usage").json()["messages"]["used"] == 0
    assert charlie.get("/api/v1/subscriptions/me").json()["plan"]["slug"] == "free"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["me", "usage", "plans"])
def test_nobody_changes_a_plan_by_asking(alice: User, method: str, path: str) -> None:
    forged = {"plan": "enterprise", "status": "active", "messages": 10**9}
    answer = getattr(signed_in(alice), method)(
        f"/api/v1/subscriptions/{path}", forged, content_type="application/json"
    )

    assert answer.status_code == 405
    alice.subscription.refresh_from_db()
    assert alice.subscription.plan_id == "premium"


@pytest.mark.parametrize(("path", "queries"), [("me", 1), ("usage", 2), ("plans", 1)])
def test_each_takes_few_queries(alice: User, path: str, queries: int, django_assert_num_queries) -> None:
    settle(hold(alice))
    client = signed_in(alice)
    sign_in = 0 if path == "plans" else 1

    with django_assert_num_queries(queries + sign_in):
        client.get(f"/api/v1/subscriptions/{path}")

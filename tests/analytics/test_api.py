"""The reports over HTTP: for staff, in ranges, as JSON and as CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from analytics.days import today
from tests.analytics.making import book, end_turn, pay
from tests.people import make_alice, make_charlie, make_user, signed_in
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
REPORTS = {
    "system-stats": 12,
    "plan-distribution": 8,
    "usage-trends": 10,
    "top-users": 8,
    "model-usage": 6,
    "cache-performance": 7,
}


@pytest.fixture
def staff() -> Client:
    return signed_in(make_user("root@example.org", "premium", is_staff=True, is_superuser=True))


@pytest.fixture
def alice() -> User:
    user = make_alice(name="Alice")
    book(user.pk, messages=1, cost_usd=Decimal("0.25"), savings_usd=Decimal("0.05"), prompt_tokens=9)
    book(user.pk, ago=3, messages=2, cost_usd=Decimal("0.5"))
    end_turn(user.pk, first_token_ms=431, total_ms=2_000)
    pay(user.pk, "19.00", ago=1)
    return user


def address(report: str, query: str = "") -> str:
    return f"/api/v1/analytics/{report}?{query}"


def table(response) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("report", REPORTS)
def test_only_staff_get_in(alice: User, report: str) -> None:
    assert Client().get(address(report)).status_code == 401
    refused = signed_in(make_charlie()).get(address(report))
    assert (refused.status_code, refused.json()["code"]) == (403, "staff_required")


def test_the_figures_are_told_as_numbers(staff: Client, alice: User) -> None:
    body = staff.get(address("system-stats", "days=7")).json()

    assert (body["from"], body["to"]) == (str(today() - timedelta(days=6)), str(today()))
    figures = ("messages", "cost_usd", "savings_usd", "revenue_usd", "margin_usd", "error_rate")
    assert [body[name] for name in figures] == [3, 0.75, 0.05, 19, 18.25, 0]
    assert (body["first_token_p95_ms"], body["active_day"], body["revenue_elsewhere"]) == (440, 1, {})


def test_the_other_reports_tell_the_same(staff: Client, alice: User) -> None:
    plans = {each["plan"]: each for each in staff.get(address("plan-distribution")).json()["results"]}
    assert (plans["premium"]["cost_usd"], plans["premium"]["users"]) == (0.75, 2)
    [top] = staff.get(address("top-users", "by=messages&limit=1")).json()["results"]
    assert (top["email"], top["messages"], top["plan"]) == (alice.email, 3, "premium")
    [model] = staff.get(address("model-usage")).json()["results"]
    assert (model["calls"], model["attempts"], model["failure_rate"]) == (2, 1, 0)
    cache = staff.get(address("cache-performance", "granularity=month")).json()
    assert cache["total"]["savings_usd"] == sum(step["savings_usd"] for step in cache["series"]) == 0.05


def test_a_series_has_a_point_for_each_step(staff: Client, alice: User) -> None:
    body = staff.get(address("usage-trends", "days=5&measures=messages,cost_usd")).json()

    assert (body["granularity"], body["measures"]) == ("day", ["messages", "cost_usd"])
    assert [point["values"]["messages"] for point in body["points"]] == [0, 2, 0, 0, 1]


@pytest.mark.parametrize("report", ["system-stats", "plan-distribution", "top-users", "model-usage"])
def test_a_granularity_adds_the_steps(staff: Client, alice: User, report: str) -> None:
    plain = staff.get(address(report, "days=5")).json()
    stepped = staff.get(address(report, "days=5&granularity=day")).json()
    series = stepped.pop("series")

    assert stepped == plain
    costs = [each.get("values", each)["cost_usd"] for each in series]
    assert [cost for cost in costs if cost] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("days=0", "days"),
        ("days=many", "days"),
        ("days=99999999999999999999", "days"),
        ("days=7&from=2026-01-01", "days"),
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("from=2026-02-02&to=2026-02-01", "to"),
        ("from=0001-01-01", "to"),
        ("to=0001-01-01", "to"),
        ("granularity=second", "granularity"),
        ("format=xls", "format"),
        ("colour=red", "colour"),
    ],
)
def test_what_makes_no_sense_is_named(staff: Client, query: str, field: str) -> None:
    for report in REPORTS:
        answer = staff.get(address(report, query))
        assert answer.status_code == 422, report
        assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("query", ["by=luck", "limit=0", "limit=101", "measures=x"])
def test_what_one_report_alone_takes_is_checked_too(staff: Client, query: str) -> None:
    name = query.partition("=")[0]
    report = "usage-trends" if name == "measures" else "top-users"

    assert staff.get(address(report, query)).json()["errors"][0]["field"] == name
    assert staff.get(address("model-usage", query)).json()["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("granularity", ["", "&granularity=week"])
def test_every_report_is_a_table_too(staff: Client, alice: User, report: str, granularity: str) -> None:
    answer = staff.get(address(report, f"days=7&format=csv{granularity}"))
    rows = table(answer)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    name = f"{report}-{today() - timedelta(days=6)}-{today()}.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == Decimal("0.75")


def test_no_cell_is_a_formula(staff: Client) -> None:
    user = make_user("=cmd|calc!a0@example.org", "premium")
    book(user.pk, model="@SUM(A1)", cost_usd=Decimal(1), savings_usd=Decimal("-0.5"))

    [top] = table(staff.get(address("top-users", "format=csv")))
    [model] = table(staff.get(address("model-usage", "format=csv")))
    assert (top["email"], model["model"]) == ("'=cmd|calc!a0@example.org", "'@SUM(A1)")
    assert Decimal(model["savings_usd"]) == Decimal("-0.5")


def test_small_amounts_are_written_out(staff: Client) -> None:
    book(make_user().pk, cost_usd=Decimal("0.000000000123"))

    [row] = table(staff.get(address("system-stats", "format=csv")))
    assert row["cost_usd"] == "0.000000000123"


def test_an_empty_table_is_no_error(staff: Client) -> None:
    assert table(staff.get(address("top-users", "format=csv"))) == []


@pytest.mark.parametrize("report", REPORTS)
def test_whoever_may_not_see_money_is_told_of_none(alice: User, report: str) -> None:
    client = signed_in(make_user("helper@example.org", "free", is_staff=True))
    body = client.get(address(report, "granularity=week")).content.decode()

    for amount in ("0.25", "0.75", "19", "18.25", "0.05"):
        assert f":{amount}" not in body
    assert '"cost_usd":null' in body


def test_addresses_are_for_those_who_may_see_users(alice: User) -> None:
    helper = make_user("helper@example.org", "free", is_staff=True)
    [top] = signed_in(helper).get(address("top-users", "by=messages")).json()["results"]
    assert (top["user_id"], top["email"], top["messages"]) == (str(alice.pk), None, 3)

    helper.user_permissions.add(Permission.objects.get(codename="view_user"))
    [top] = signed_in(helper).get(address("top-users", "by=messages")).json()["results"]
    assert top["email"] == alice.email


@pytest.mark.parametrize(("report", "queries"), REPORTS.items())
def test_the_number_of_queries_does_not_grow(
    staff: Client, alice: User, report: str, queries: int, django_assert_num_queries
) -> None:
    for number in range(8):
        other = make_user(f"user{number}@example.org", "free")
        book(
            other.pk, ago=number, model=f"model/{number}", cost_usd=Decimal(number + 1), plan=f"plan{number}"
        )
        end_turn(other.pk, ago=number, model=f"model/{number}")

    staff.get(address(report))
    with django_assert_num_queries(queries):
        assert staff.get(address(report, "days=90")).status_code == 200

"""Lists of the console: they count nothing, ask nothing for each row, and leave as files."""

from __future__ import annotations

import csv
import io

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.amounts import Amounts
from billing.models import LedgerEntry
from console import lists
from console.models import AuditEntry
from tests.billing.held import hold, record, settle
from tests.console.staff import answered, boss, member, shown
from tests.people import make_alice, make_user
from wisqu.api.csvs import harmless

pytestmark = pytest.mark.django_db
LEDGER = "/admin/billing/ledgerentry/"


def tables() -> list[str]:
    return [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]


def rows_of(answer) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))


def used(email: str) -> None:
    user = make_user(email, "premium")
    settle(
        hold(user), Amounts(messages=1, tokens=70), model="openai/gpt-4o-mini", generation_id=f"gen-{email}"
    )
    answered(user)


@pytest.fixture
def fill():
    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            used(f"person{number}@example.org")

    return fill


def asked_for(desk, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        assert desk.get(address).status_code == 200
    return [each["sql"] for each in asked]


def test_no_list_counts_its_table_or_asks_for_each_row(fill) -> None:
    desk = boss()
    fill(0, 2)
    few = {address: asked_for(desk, address) for address in tables()}
    assert [sql for asked in few.values() for sql in asked if "COUNT(" in sql] == []
    fill(2, 6)
    many = {address: len(asked_for(desk, address)) for address in tables()}
    assert [address for address in many if many[address] > len(few[address])] == []


def test_pages_are_walked_one_by_one(fill, monkeypatch) -> None:
    monkeypatch.setattr("console.desk.Desk.list_per_page", 2)
    fill(0, 3)
    desk = boss()
    first, second = desk.get(LEDGER), desk.get(f"{LEDGER}?p=2")
    assert [first.context["cl"].has_next, second.context["cl"].has_next] == [True, False]
    assert len(second.context["cl"].result_list) == 1
    assert 'rel="prev"' in shown(second)
    assert 'rel="next"' not in shown(second)


def test_nobody_walks_to_the_end_of_ten_million_rows() -> None:
    assert boss().get(f"{LEDGER}?p={lists.MOST_PAGES + 1}").status_code == 302


@pytest.mark.parametrize("search", ["person1@", "gen-person1@example.org"])
def test_the_ledger_is_searched_by_what_has_an_index(fill, search) -> None:
    fill(0, 3)
    found = boss().get(LEDGER, {"q": search}).context["cl"].result_list
    assert [entry.generation_id for entry in found] == ["gen-person1@example.org"]


def test_people_are_found_by_number_and_by_a_part_of_the_address() -> None:
    alice, desk = make_alice(), boss()
    for search in (str(alice.pk), "lice@ex"):
        found = desk.get("/admin/accounts/user/", {"q": search}).context["cl"].result_list
        assert [user.pk for user in found] == [alice.pk]


def test_filters_offer_what_the_newest_rows_have(fill) -> None:
    fill(0, 1)
    page = shown(boss().get(LEDGER))
    assert "plan=premium" in page
    assert "created_at__gte" in page


def test_an_export_holds_the_list_as_it_is_filtered(fill) -> None:
    fill(0, 3)
    head, *rows = rows_of(boss().get(f"{LEDGER}export.csv", {"q": "person2@"}))
    assert head[:3] == ["Created at", "User", "Kind"]
    assert [row[1] for row in rows] == ["person2@example.org"]


def test_an_export_reads_in_pieces(fill, monkeypatch) -> None:
    monkeypatch.setattr("wisqu.api.csvs.CHUNK", 2)
    fill(0, 5)
    _head, *rows = rows_of(boss().get(f"{LEDGER}export.csv"))
    assert len({row[1] for row in rows}) == LedgerEntry.objects.count() == 5


def test_an_export_is_noted() -> None:
    rows_of(boss().get(f"{LEDGER}export.csv", {"kind__exact": "chat"}))
    entry = AuditEntry.objects.get(verb="exported")
    assert (entry.kind, entry.facts) == ("billing.ledgerentry", {"query": "kind__exact=chat"})


def test_who_may_not_see_a_list_may_not_export_it() -> None:
    assert member("support").get(f"{LEDGER}export.csv").status_code == 403


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "-", "–5", '=HYPERLINK("x")']
)
def test_no_cell_begins_a_formula(text) -> None:
    assert harmless(text)[0] not in "=+-@\t\r"


@pytest.mark.parametrize("text", ["-0.25", "+3", "12", "alice@example.org", ""])
def test_numbers_and_plain_texts_stay_as_they_are(text) -> None:
    assert harmless(text) == text


def test_a_hostile_name_leaves_an_export_harmless() -> None:
    user = make_user("eve@example.org", name="=cmd|' /C calc'!A0")
    record(user, Amounts())
    _head, *rows = rows_of(boss().get("/admin/accounts/user/export.csv", {"q": "eve@"}))
    assert rows[0][1].startswith("'=cmd")


def test_a_huge_table_is_sorted_by_what_has_an_index_alone(fill) -> None:
    fill(0, 1)
    desk = boss()
    answer = desk.get(LEDGER)
    columns = list(answer.context["cl"].list_display)
    moment, tokens = columns.index("created_at"), columns.index("tokens")
    assert f"?o={moment}" in shown(answer)
    assert f"?o={tokens}" not in shown(answer)
    assert not [sql for sql in asked_for(desk, f"{LEDGER}?o={tokens}") if '."tokens" ASC' in sql]

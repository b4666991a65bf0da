"""The counters are a cache: proved against the ledger, repaired with a note."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from billing import reconcile
from billing.models import LedgerEntry, MonthlyUsageQuota, UsageRepair
from billing.notes import RepairsAreKept
from billing.quota import Amounts
from tests.billing.held import counters, hold, record, release, settle
from tests.people import make_user
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    """One settled answer, one title, one open hold, one released."""
    user = make_user("alice@example.org", "premium")
    paid = {"cost_usd": Decimal("0.25"), "cost_source": "upstream", "savings_usd": Decimal("0.5")}
    settle(hold(user), Amounts(messages=1, tokens=120), **paid)
    record(user, Amounts(tokens=30), cost_usd=Decimal("0.125"), cost_source="computed")
    hold(user, Amounts(messages=1, tokens=50))
    release(hold(user))
    return user


def run(*options: str) -> str:
    said = StringIO()
    call_command("reconcile_usage", *options, stdout=said)
    return said.getvalue()


def spoil(**columns: object) -> None:
    MonthlyUsageQuota.objects.update(**columns)


def test_it_proves_that_the_counters_are_the_ledger(alice: User) -> None:
    make_user("idle@example.org")

    assert run() == "Usage periods compared: 1. Every counter is what the ledger says.\n"
    assert not UsageRepair.objects.exists()


def test_it_repairs_what_differs_and_keeps_a_note(alice: User) -> None:
    spoil(used_messages=7, held_tokens=0, cost_usd=Decimal(9))

    assert "1 of 1 usage periods were repaired" in run("--by", "Olga", "--reason", "After the crash")
    now, note = counters(alice), UsageRepair.objects.get()
    assert (now.used_messages, now.held_tokens, now.cost_usd) == (1, 50, Decimal("0.375"))
    assert (now.used_tokens, now.cache_savings_usd) == (150, Decimal("0.5"))
    assert (note.user_id, note.made_by, note.reason) == (alice.pk, "Olga", "After the crash")
    assert set(note.found) == set(note.repaired) == {"used_messages", "held_tokens", "cost_usd"}
    assert (note.found["used_messages"], note.repaired["used_messages"]) == ("7", "1")
    assert "Every counter" in run()


def test_a_check_repairs_nothing_and_fails(alice: User) -> None:
    spoil(used_tokens=1)
    with pytest.raises(CommandError, match="1 of 1 usage periods differ"):
        run("--check")

    assert counters(alice).used_tokens == 1
    assert not UsageRepair.objects.exists()


def test_a_lost_period_is_made_anew(alice: User) -> None:
    before = counters(alice)
    MonthlyUsageQuota.objects.all().delete()
    run()

    now = counters(alice)
    assert (now.period_start, now.period_end) == (before.period_start, before.period_end)
    assert (now.used_tokens, now.held_messages, now.cost_usd) == (150, 1, Decimal("0.375"))


def test_corrections_count_and_nothing_falls_below_zero(alice: User) -> None:
    facts = {"user": alice, "period_start": counters(alice).period_start, "cost_source": "unknown"}
    LedgerEntry(kind="correction", messages=-5, tokens=-50, **facts).save()
    run()

    assert (counters(alice).used_messages, counters(alice).used_tokens) == (0, 100)


def test_one_user_alone_can_be_looked_at(alice: User) -> None:
    bob = make_user("bob@example.org")
    settle(hold(bob))
    spoil(used_messages=9)

    assert "1 of 1" in run("--user", "Bob@example.org")
    assert (counters(bob).used_messages, counters(alice).used_messages) == (1, 9)
    with pytest.raises(CommandError, match="no user with the address"):
        run("--user", "nobody@example.org")


def test_people_are_taken_a_few_hundred_at_a_time(
    alice: User, monkeypatch, django_assert_num_queries
) -> None:
    for name in ("b", "c", "d"):
        settle(hold(make_user(f"{name}@example.org")))
    with django_assert_num_queries(5):
        assert reconcile.reconcile(repairs=True, made_by="").periods == 4
    monkeypatch.setattr(reconcile, "CHUNK", 2)

    assert reconcile.reconcile(repairs=True, made_by="").periods == 4


def test_an_erased_account_is_no_difference(alice: User) -> None:
    alice.delete()

    assert "compared: 0" in run()


def test_a_note_can_neither_be_changed_nor_deleted(alice: User) -> None:
    spoil(used_tokens=1)
    run()
    note = UsageRepair.objects.get()

    for forbidden in (note.save, note.delete):
        with pytest.raises(RepairsAreKept):
            forbidden()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        QuerySet(UsageRepair).update(reason="")

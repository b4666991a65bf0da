"""The ledger: added to, never changed."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import QuerySet

from billing.models import AppendOnly, LedgerEntry
from billing.quota import Amounts
from tests.billing.held import hold, record, settle
from tests.people import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return make_user("alice@example.org", "free")


@pytest.fixture
def entry(alice) -> LedgerEntry:
    return settle(hold(alice), model="openai/gpt-4o-mini", cost_usd=Decimal("0.1"), cost_source="upstream")


def test_an_entry_keeps_what_the_generation_was(alice) -> None:
    facts = {
        "model": "openai/gpt-4o-mini",
        "provider": "Azure",
        "generation_id": "gen-7",
        "prompt_tokens": 90,
        "completion_tokens": 10,
        "reasoning_tokens": 4,
        "cached_tokens_read": 0,
        "cost_usd": Decimal("0.000123456789"),
        "cost_source": "upstream",
    }
    stored = LedgerEntry.objects.get(pk=settle(hold(alice), Amounts(messages=1, tokens=100), **facts).pk)

    assert {name: getattr(stored, name) for name in facts} == facts
    assert (stored.cached_tokens_written, stored.plan, stored.tokens) == (None, "free", 100)


def test_the_model_refuses_to_change_it(entry: LedgerEntry) -> None:
    entry.messages = 0

    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()


def test_the_query_set_refuses_to_change_it(entry: LedgerEntry) -> None:
    with pytest.raises(AppendOnly):
        LedgerEntry.objects.update(messages=0)
    with pytest.raises(AppendOnly):
        LedgerEntry.objects.all().delete()


def test_the_database_refuses_a_change_that_goes_around_the_model(entry: LedgerEntry) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        QuerySet(LedgerEntry).update(messages=0)

    assert LedgerEntry.objects.get().messages == 1


def test_the_database_refuses_a_deletion_in_plain_sql(entry: LedgerEntry) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute("DELETE FROM billing_ledgerentry")

    assert LedgerEntry.objects.count() == 1


def test_it_outlives_the_account(entry: LedgerEntry, alice) -> None:
    number = alice.pk
    alice.delete()

    left = LedgerEntry.objects.select_related("user").get()
    assert (left.user_id, left.user, left.cost_usd) == (number, None, Decimal("0.1"))


def test_openrouter_generation_ids_are_unique_in_the_database(entry: LedgerEntry, alice) -> None:
    stored = record(alice, Amounts(tokens=1), generation_id="gen-1")
    copy = {f.attname: getattr(stored, f.attname) for f in LedgerEntry._meta.fields if f.name != "id"}

    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry(**copy).save()


def test_only_a_correction_may_take_back(entry: LedgerEntry) -> None:
    facts = {"user_id": entry.user_id, "period_start": entry.period_start, "cost_source": "unknown"}
    LedgerEntry(kind="correction", messages=-1, **facts).save()

    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry(kind="chat", messages=-1, **facts).save()

"""Extra quota: what staff give on top of the plan, in one period, and nothing beyond it."""

from __future__ import annotations

import pytest

from billing import reconcile
from billing.errors import QuotaExceeded
from billing.grants import BadGrant, grant_extra
from billing.models import MonthlyUsageQuota, QuotaGrant, UsageWarning
from billing.notes import RepairsAreKept
from billing.plans import usage
from billing.quota import Amounts
from tests.billing.held import counters, hold, limit_to, settle
from tests.people import make_alice
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    limit_to("free", messages=2, tokens=None)
    return make_alice("free")


def give(user: User, amount: int, measure: str = "messages", why: str = "Lost a day to an outage") -> None:
    grant_extra(user_id=user.pk, measure=measure, amount=amount, staff_id=None, why=why)


def test_what_is_granted_can_be_used_and_no_more(alice: User) -> None:
    give(alice, 1)
    for _ in range(3):
        settle(hold(alice))
    with pytest.raises(QuotaExceeded) as refused:
        hold(alice)
    assert refused.value.detail == "Monthly message limit reached (3)"


def test_a_grant_helps_whom_the_limit_has_stopped(alice: User) -> None:
    settle(hold(alice, Amounts(messages=2)), Amounts(messages=2))
    with pytest.raises(QuotaExceeded):
        hold(alice)
    give(alice, 5)
    hold(alice)
    assert usage(alice.pk)["messages"] == {"used": 2, "limit": 7, "remaining": 4}


def test_a_warning_counts_the_grant_in(alice: User) -> None:
    give(alice, 8)
    settle(hold(alice, Amounts(messages=2)), Amounts(messages=2))
    assert not UsageWarning.objects.exists()


def test_taking_back_stops_at_what_was_given(alice: User) -> None:
    give(alice, 5)
    give(alice, -5)
    with pytest.raises(BadGrant):
        give(alice, -1)
    assert counters(alice).extra_messages == 0


@pytest.mark.parametrize(
    ("measure", "amount", "why"), [("wishes", 1, "x"), ("messages", 0, "x"), ("images", 1, " ")]
)
def test_a_grant_needs_a_measure_an_amount_and_a_reason(alice: User, measure, amount, why) -> None:
    with pytest.raises(BadGrant):
        give(alice, amount, measure, why)


def test_a_grant_is_never_changed(alice: User) -> None:
    give(alice, 5)
    note = QuotaGrant.objects.get()
    for act in (note.save, note.delete):
        with pytest.raises(RepairsAreKept):
            act()


def test_a_period_that_lost_its_row_gets_its_grants_back(alice: User) -> None:
    give(alice, 5)
    settle(hold(alice))
    MonthlyUsageQuota.objects.all().delete()
    reconcile.reconcile(repairs=True, made_by="test")
    assert (counters(alice).extra_messages, counters(alice).used_messages) == (5, 1)

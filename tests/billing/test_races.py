"""Many at once: exactly as many get through as the plan holds."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from billing import plans
from billing.models import LedgerEntry, MonthlyUsageQuota, Subscription, UsageWarning
from billing.quota import Amounts, QuotaExceeded
from billing.reconcile import reconcile
from billing.tasks import release_expired_reservations
from tests.billing.held import counters, hold, limit_to, release, settle
from tests.people import make_user
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 12
CASES = [(1, 2), (1, 50), (7, 64), (20, 200)]


@pytest.fixture
def alice() -> User:
    return make_user("alice@example.org", "free")


def at_once(work: Callable[[], Any], times: int) -> list[Any]:
    """Run the work that many times on threads of their own; return what each gave or raised."""

    def run(_: int) -> Any:
        try:
            return work()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(times)))


def held(results: list[Any]) -> list[UUID]:
    """Return the keys of those who got through; all others must have been refused, nothing else."""
    keys = [result for result in results if isinstance(result, UUID)]
    assert all(isinstance(result, QuotaExceeded) for result in results if result not in keys)
    return keys


@pytest.mark.postgres
def test_read_then_write_would_admit_more_than_the_limit(alice: User) -> None:
    settle(hold(alice))
    everybody_has_read = threading.Barrier(THREADS)

    def unguarded() -> bool:
        with transaction.atomic():
            period = MonthlyUsageQuota.objects.get(user=alice)
            everybody_has_read.wait()
            if period.used_messages + period.held_messages + 1 > 2:
                return False
            period.held_messages += 1
            period.save()
            return True

    assert sum(at_once(unguarded, THREADS)) == THREADS  # the plan had room for one


@pytest.mark.parametrize(("limit", "senders"), CASES)
def test_exactly_as_many_get_through_as_the_plan_holds(alice: User, limit: int, senders: int) -> None:
    limit_to("free", messages=limit)
    keys = held(at_once(lambda: hold(alice), senders))

    assert len(keys) == min(limit, senders)
    assert counters(alice).held_messages == len(keys)


@pytest.mark.parametrize(("limit", "senders"), CASES)
def test_it_stays_exact_while_others_settle(alice: User, limit: int, senders: int) -> None:
    limit_to("free", messages=limit)

    def send() -> UUID:
        key = hold(alice)
        settle(key)
        return key

    assert len(held(at_once(send, senders))) == min(limit, senders)
    assert (counters(alice).used_messages, counters(alice).held_messages) == (min(limit, senders), 0)


def test_a_first_message_sent_many_times_opens_one_period_and_one_subscription(alice: User) -> None:
    Subscription.objects.all().delete()
    held(at_once(lambda: hold(alice), THREADS))

    assert MonthlyUsageQuota.objects.get().held_messages == THREADS
    assert Subscription.objects.count() == 1


def test_a_new_month_met_by_many_at_once_opens_one_period_and_touches_no_other(alice: User) -> None:
    settle(hold(alice))
    old = counters(alice)
    Subscription.objects.update(started_at=old.period_start - timedelta(days=40))
    held(at_once(lambda: hold(alice), THREADS))

    assert MonthlyUsageQuota.objects.count() == 2
    assert MonthlyUsageQuota.objects.exclude(pk=old.pk).get().held_messages == THREADS
    assert MonthlyUsageQuota.objects.get(pk=old.pk).used_messages == 1


def test_answers_at_once_pass_the_token_limit_by_the_last_one_only(alice: User) -> None:
    limit_to("free", tokens=1_000)
    most, least = Amounts(messages=1, tokens=300), Amounts(messages=1, tokens=10)

    def answer() -> UUID:
        key = hold(alice, most, at_least=least)
        settle(key, most)
        return key

    answered = held(at_once(answer, 40))
    assert len(answered) == 4
    assert counters(alice).used_tokens == 1_200


def test_many_answers_that_reach_a_share_at_once_give_one_warning(alice: User) -> None:
    limit_to("free", tokens=100)
    keys = [hold(alice) for _ in range(THREADS)]
    at_once(lambda: settle(keys.pop(), Amounts(tokens=7)), THREADS)

    assert list(UsageWarning.objects.values_list("measure", "percent")) == [("tokens", 80)]


def test_counters_are_repaired_rightly_while_others_charge(alice: User) -> None:
    for _ in range(3):
        MonthlyUsageQuota.objects.update(used_messages=77)
        work = [lambda: settle(hold(alice)), lambda: reconcile(repairs=True, made_by="a test")] * 6
        at_once(lambda work=work: work.pop()(), len(work))
    reconcile(repairs=True, made_by="a test")

    assert (counters(alice).used_messages, LedgerEntry.objects.count()) == (18, 18)
    assert reconcile(repairs=False, made_by="").differences == []


def test_many_who_settle_one_hold_charge_it_once(alice: User) -> None:
    key = hold(alice)
    entries = at_once(lambda: settle(key).pk, THREADS)

    assert len(set(entries)) == LedgerEntry.objects.count() == 1
    assert (counters(alice).used_messages, counters(alice).held_messages) == (1, 0)


def test_settling_against_releasing_ends_settled_and_frees_once(alice: User) -> None:
    for _ in range(10):
        key = hold(alice)
        at_once(lambda key=key: (release(key), settle(key)), 4)

    assert (counters(alice).used_messages, counters(alice).held_messages) == (10, 0)


def test_two_sweepers_free_each_hold_once(alice: User) -> None:
    for _ in range(8):
        hold(alice, Amounts(messages=1, tokens=5), minutes=0)

    assert sum(at_once(release_expired_reservations, 4)) == 8
    assert (counters(alice).held_messages, counters(alice).held_tokens) == (0, 0)


def test_many_first_looks_make_one_subscription() -> None:
    dave = User.objects.create_user("dave@example.org")
    found = at_once(lambda: plans.subscription_for(dave.pk).pk, THREADS)

    assert set(found) == {Subscription.objects.get(user=dave).pk}

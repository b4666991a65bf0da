"""Holding, charging and letting go."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.db.transaction import TransactionManagementError

from billing import quota
from billing.models import LedgerEntry, MonthlyUsageQuota, Reservation, Subscription
from billing.quota import Amounts, EntryFacts, QuotaExceeded
from tests.billing.held import counters, hold, limit_to, record, release, settle, state
from tests.people import make_user
from wisqu.api import throttling

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return make_user("alice@example.org", "free")


def test_a_hold_counts_at_once(alice) -> None:
    hold(alice, Amounts(messages=1, tokens=70))

    assert (counters(alice).held_messages, counters(alice).held_tokens) == (1, 70)
    assert counters(alice).used_messages == 0


def test_settling_replaces_the_hold_by_the_truth(alice) -> None:
    key = hold(alice, Amounts(messages=1, tokens=70))
    settle(key, Amounts(messages=1, tokens=133), cost_usd=Decimal("0.002"), cost_source="upstream")

    now = counters(alice)
    assert (now.held_messages, now.held_tokens) == (0, 0)
    assert (now.used_messages, now.used_tokens, now.cost_usd) == (1, 133, Decimal("0.002"))


def test_releasing_gives_everything_back(alice) -> None:
    key = hold(alice, Amounts(messages=1, tokens=70, images=2, documents=1, audio_seconds=30))

    assert release(key)
    now = counters(alice)
    assert [now.held(m) + now.used(m) for m in quota.MEASURES] == [0] * 5


def test_it_refuses_when_the_messages_are_spent(alice) -> None:
    limit_to("free", messages=2)
    settle(hold(alice))
    hold(alice)

    with pytest.raises(QuotaExceeded) as refused:
        hold(alice)
    assert refused.value.detail == "Monthly message limit reached (2)"


def test_the_refusal_says_what_is_spent_what_is_left_and_when_it_resets(alice) -> None:
    limit_to("free", tokens=100)
    settle(hold(alice), Amounts(messages=1, tokens=40))

    with pytest.raises(QuotaExceeded) as refused:
        hold(alice, Amounts(messages=1, tokens=61))
    body = refused.value.body()
    assert (body["status"], body["code"]) == (400, "quota_exceeded")
    assert (body["measure"], body["limit"], body["remaining"]) == ("tokens", 100, 60)
    assert body["resets_at"] == counters(alice).period_end
    assert "starts again on" in body["advice"]


def test_a_refusal_changes_nothing(alice) -> None:
    limit_to("free", messages=5, tokens=10)
    hold(alice)

    with pytest.raises(QuotaExceeded):
        hold(alice, Amounts(messages=1, tokens=11))
    assert counters(alice).held_messages == 1
    assert Reservation.objects.count() == 1


def test_audio_is_refused_in_minutes(alice) -> None:
    with pytest.raises(QuotaExceeded) as refused:
        hold(alice, Amounts(audio_seconds=301))

    assert refused.value.detail == "Monthly audio minute limit reached (5)"
    assert refused.value.extra["measure"] == "audio_minutes"


def test_a_limit_of_zero_lets_nothing_through(alice) -> None:
    limit_to("free", images=0)

    with pytest.raises(QuotaExceeded):
        hold(alice, Amounts(images=1))


def test_no_limit_lets_everything_through(alice) -> None:
    limit_to("free", messages=None, tokens=None)
    hold(alice, Amounts(messages=1000, tokens=10**11))

    assert counters(alice).held_messages == 1000


def test_a_spent_measure_does_not_stop_work_that_needs_none_of_it(alice) -> None:
    limit_to("free", images=0)
    hold(alice, Amounts(messages=1, images=0))

    assert counters(alice).held_messages == 1


def test_the_last_answer_may_pass_the_token_limit_and_the_next_is_refused(alice) -> None:
    limit_to("free", tokens=100)
    settle(hold(alice, Amounts(messages=1, tokens=60)), Amounts(messages=1, tokens=500))

    assert counters(alice).used_tokens == 500
    with pytest.raises(QuotaExceeded):
        hold(alice, Amounts(messages=1, tokens=1))


def test_a_cheap_call_passes_while_anything_is_left(alice) -> None:
    limit_to("free", tokens=100)
    settle(hold(alice), Amounts(messages=1, tokens=99))

    hold(alice, Amounts(messages=1, tokens=1))
    assert counters(alice).held_tokens == 1


def test_a_second_settle_changes_nothing_and_returns_the_first_entry(alice) -> None:
    key = hold(alice)
    first = settle(key, generation_id="gen-1")
    second = settle(key, Amounts(messages=9), generation_id="gen-2")

    assert first == second
    assert counters(alice).used_messages == 1


def test_settling_after_the_sweep_charges_once_and_frees_nothing_twice(alice) -> None:
    key = hold(alice)
    release(key)
    settle(key)
    settle(key)

    now = counters(alice)
    assert (now.used_messages, now.held_messages, state(key)) == (1, 0, "settled")
    assert LedgerEntry.objects.count() == 1


def test_releasing_what_is_settled_or_released_or_unknown_does_nothing(alice) -> None:
    settled, released = hold(alice), hold(alice)
    settle(settled)
    release(released)

    assert [release(settled), release(released), release(uuid4())] == [False, False, False]
    assert counters(alice).used_messages == 1


def test_one_generation_is_charged_once_whoever_settles_it(alice) -> None:
    first = settle(hold(alice), generation_id="gen-1")
    key = hold(alice)
    second = settle(key, generation_id="gen-1")

    assert first == second == settle(key, generation_id="gen-1")
    now = counters(alice)
    assert (now.used_messages, now.held_messages) == (1, 0)


def test_servers_that_repeat_their_ids_are_charged_for_each_answer(alice) -> None:
    settle(hold(alice), generation_id="chatcmpl-7")
    settle(hold(alice), generation_id="chatcmpl-7")

    assert counters(alice).used_messages == 2


def test_a_failed_answer_can_cost_us_money_and_the_user_nothing(alice) -> None:
    settle(hold(alice), quota.NOTHING, cost_usd=Decimal("0.5"), cost_source="lookup")

    now = counters(alice)
    assert (now.used_messages, now.held_messages, now.cost_usd) == (0, 0, Decimal("0.5"))


def test_work_without_a_hold_is_charged_even_above_the_limit(alice) -> None:
    limit_to("free", tokens=10)
    record(alice, Amounts(tokens=40), generation_id="gen-1")
    record(alice, Amounts(tokens=40), generation_id="gen-1")

    assert counters(alice).used_tokens == 40


def test_a_key_holds_once(alice) -> None:
    key = hold(alice)

    with pytest.raises(IntegrityError), transaction.atomic():
        quota.reserve(user_id=alice.pk, amounts=Amounts(messages=1), key=key, lifetime=timedelta(minutes=1))
    assert counters(alice).held_messages == 1


def test_each_send_at_the_edge_counts_in_one_period_and_is_settled_where_it_was_held(alice) -> None:
    Subscription.objects.update(started_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    with time_machine.travel(datetime(2026, 2, 28, 11, 59, 59, tzinfo=UTC), tick=False):
        before = hold(alice)
    with time_machine.travel(datetime(2026, 2, 28, 12, tzinfo=UTC), tick=False):
        settle(before)
        settle(hold(alice))

    periods = MonthlyUsageQuota.objects.order_by("period_start")
    assert [period.period_start.day for period in periods] == [31, 28]
    assert [(period.used_messages, period.held_messages) for period in periods] == [(1, 0), (1, 0)]


def test_a_new_period_starts_empty(alice) -> None:
    limit_to("free", messages=1)
    hold(alice)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=32)):
        hold(alice)

    assert MonthlyUsageQuota.objects.count() == 2


def test_a_larger_plan_makes_room_at_once_and_keeps_what_is_used(alice) -> None:
    limit_to("free", messages=1)
    settle(hold(alice))
    Subscription.objects.update(plan_id="premium")
    settle(hold(alice))

    assert counters(alice).used_messages == 2


def test_an_ended_subscription_has_the_limits_of_free(alice) -> None:
    Subscription.objects.update(plan_id="enterprise", status=Subscription.Status.EXPIRED)

    with pytest.raises(QuotaExceeded) as refused:
        hold(alice, Amounts(messages=101))
    assert refused.value.extra["limit"] == 100


def test_charlie_is_not_touched(alice) -> None:
    charlie = make_user("charlie@example.org", "free")
    limit_to("free", messages=1)
    hold(alice)
    hold(charlie)

    assert counters(charlie).held_messages == 1


@pytest.mark.django_db(transaction=True)
def test_it_needs_a_transaction() -> None:
    with pytest.raises(TransactionManagementError):
        quota.release(key=uuid4())


@pytest.mark.parametrize("amount", [-1, 1.5, 10**12 + 1, "1"])
def test_amounts_are_whole_and_not_negative(amount: object) -> None:
    with pytest.raises(ValueError, match="tokens"):
        Amounts(tokens=amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("cost", [Decimal(-1), Decimal("NaN"), Decimal("Infinity"), Decimal(10**9)])
def test_a_cost_that_cannot_be_is_unknown_and_never_lifts_a_balance(alice, cost: Decimal) -> None:
    settle(hold(alice), cost_usd=Decimal(1), cost_source="upstream")
    entry = settle(hold(alice), cost_usd=cost, cost_source="upstream", savings_usd=cost)

    assert (entry.cost_usd, entry.cost_source) == (None, "unknown")
    assert counters(alice).cost_usd == 1


def test_savings_add_up_and_say_what_it_would_have_cost(alice) -> None:
    facts = {"cost_usd": Decimal("0.004"), "cost_source": "upstream"}
    entry = settle(hold(alice), savings_usd=Decimal("0.006"), **facts)
    settle(hold(alice), savings_usd=Decimal("-0.001"), **facts)

    assert entry.cost_without_cache_usd == Decimal("0.010")
    assert counters(alice).cache_savings_usd == Decimal("0.005")


def test_a_first_hold_takes_six_statements_and_every_other_three(alice, django_assert_num_queries) -> None:
    with transaction.atomic(), django_assert_num_queries(6):
        quota.reserve(user_id=alice.pk, amounts=Amounts(messages=1), key=uuid4(), lifetime=timedelta(1))
    with transaction.atomic(), django_assert_num_queries(3):
        quota.reserve(user_id=alice.pk, amounts=Amounts(messages=1), key=uuid4(), lifetime=timedelta(1))


def test_settling_takes_five_statements_and_releasing_three(alice, django_assert_num_queries) -> None:
    first, second = hold(alice), hold(alice)
    facts = EntryFacts(kind=LedgerEntry.Kind.CHAT, generation_id="gen-1")
    with transaction.atomic(), django_assert_num_queries(5):
        quota.settle(key=first, charge=Amounts(messages=1), entry=facts)
    with transaction.atomic(), django_assert_num_queries(3):
        quota.release(key=second)


def test_work_is_held_at_its_most_but_only_the_least_of_it_must_fit(alice) -> None:
    limit_to("free", tokens=1_000)
    most, least = Amounts(messages=1, tokens=900), Amounts(messages=1, tokens=50)
    first, second = hold(alice, most, at_least=least), hold(alice, most, at_least=least)

    assert counters(alice).held_tokens == 1_800
    with pytest.raises(QuotaExceeded) as refused:
        hold(alice, most, at_least=least)
    assert "held by work that still runs" in refused.value.extra["advice"]
    settle(first, Amounts(messages=1, tokens=60))
    settle(second, Amounts(messages=1, tokens=60))
    hold(alice, most, at_least=least)


def test_answers_that_run_at_once_pass_the_limit_by_the_last_one_only(alice) -> None:
    limit_to("free", tokens=1_000)
    most, least = Amounts(tokens=400), Amounts(tokens=10)
    keys = [hold(alice, most, at_least=least) for _ in range(3)]
    with pytest.raises(QuotaExceeded):
        hold(alice, most, at_least=least)
    for key in keys:
        settle(key, most)

    assert counters(alice).used_tokens - 400 < 1_000 <= counters(alice).used_tokens


def test_headers_tell_what_is_left_of_the_month(alice) -> None:
    limit_to("free", messages=10, tokens=1_000, audio_minutes=5)
    told = throttling.begin()
    key = hold(alice, Amounts(messages=1, tokens=300, audio_seconds=61))
    at_first = {name: each.left for name, each in told.items()}
    settle(key, Amounts(messages=1, tokens=40, audio_seconds=30))

    assert at_first == {"messages": 9, "tokens": 700, "audio-minutes": 3}
    assert {name: each.left for name, each in told.items()} == {
        "messages": 9,
        "tokens": 960,
        "audio-minutes": 4,
    }
    assert 28 * 86_400 <= told["messages"].window_s <= 31 * 86_400
    assert 0 < told["messages"].resets_in_s <= told["messages"].window_s


def test_a_refusal_tells_that_nothing_is_left(alice) -> None:
    limit_to("free", messages=0)
    told = throttling.begin()
    with pytest.raises(QuotaExceeded):
        hold(alice)

    assert (told["messages"].quota, told["messages"].left) == (0, 0)

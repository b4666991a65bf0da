"""The life of a subscription: states, verbs, the clock, the audit, the usage periods beside it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing import mails, plans, renewals, subscriptions
from billing.amounts import Amounts
from billing.models import (
    BillingMail,
    MonthlyUsageQuota,
    PlanLimit,
    Subscription,
    SubscriptionChange,
)
from billing.papers import AuditIsAppendOnly
from billing.periods import Period, following
from billing.subscriptions import Reason, StillBilled, Terms
from tests.billing.held import hold, settle
from tests.people import make_user
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 31, 10, tzinfo=UTC)
END = datetime(2026, 2, 28, 10, tzinfo=UTC)
MONTH = Period(START, END)
NEXT = Period(END, datetime(2026, 3, 31, 10, tzinfo=UTC))
PAID = Reason.provider("sandbox", "Paid")


def plan(slug: str) -> PlanLimit:
    return PlanLimit.objects.get(slug=slug)


def of(user: User) -> Subscription:
    return Subscription.objects.select_related("plan").get(user=user)


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def begin(user: User, slug: str = "premium", **terms: Any) -> Subscription:
    asked = Terms(plan=plan(slug), **({"period": MONTH, "provider": "sandbox"} | terms))
    return subscriptions.subscribe(user_id=user.pk, terms=asked, reason=PAID)


def changes(user: User) -> list[str]:
    found = SubscriptionChange.objects.filter(user=user).order_by("created_at", "id")
    return list(found.values_list("verb", flat=True))


@pytest.fixture
def alice() -> User:
    return make_user("alice@example.org", "free")


@pytest.fixture
def paying() -> Any:
    """Alice, on Premium for a month that began on 31 January."""
    with at(START):
        alice = make_user("alice@example.org", "free")
        begin(alice)
        yield alice


def test_subscribing_begins_plan_and_usage_period_together(paying: User) -> None:
    subscription = plans.subscription_for(paying.pk)

    assert (subscription.plan.slug, subscription.status) == ("premium", "active")
    assert subscription.present_period == MONTH


def test_the_usage_period_of_before_ends_where_the_new_one_begins(alice: User) -> None:
    settle(hold(alice))
    now = timezone.now() + timedelta(days=5)
    with at(now):
        begin(alice, period=Period(now, now + timedelta(days=30)))
        settle(hold(alice))

    new, old = MonthlyUsageQuota.objects.filter(user=alice)
    assert old.period_end == new.period_start == now
    assert (old.used_messages, new.used_messages) == (1, 1)


def test_a_hold_over_the_change_settles_where_it_was_taken(alice: User) -> None:
    key, now = hold(alice), timezone.now() + timedelta(days=5)
    with at(now):
        begin(alice, period=Period(now, now + timedelta(days=30)))
        settle(key, Amounts(messages=1, tokens=7))

    assert [row.used_tokens for row in MonthlyUsageQuota.objects.filter(user=alice)] == [7]
    assert plans.usage(alice.pk, now=now)["tokens"]["used"] == 0


def test_an_upgrade_keeps_what_is_used(paying: User) -> None:
    settle(hold(paying))
    subscriptions.upgrade(user_id=paying.pk, plan=plan("unlimited"), reason=PAID)

    assert plans.usage(paying.pk)["messages"] == {"used": 1, "limit": 10_000, "remaining": 9_999}
    assert of(paying).started_at == START


def test_a_smaller_plan_begins_when_the_paid_time_ends_by_the_clock(paying: User) -> None:
    begin(paying, "unlimited")
    subscriptions.downgrade(user_id=paying.pk, plan=plan("premium"), reason=PAID)
    with at(END - timedelta(microseconds=1)):
        assert plans.plan_for(paying.pk).slug == "unlimited"
    with at(END):
        assert plans.plan_for(paying.pk).slug == "premium"


def test_a_cancelled_plan_ends_by_the_clock_and_not_by_a_job(paying: User) -> None:
    subscriptions.cancel(user_id=paying.pk, now=False, reason=PAID)
    with at(END - timedelta(microseconds=1)):
        assert plans.plan_for(paying.pk).slug == "premium"
    with at(END):
        assert (plans.plan_for(paying.pk).slug, of(paying).status_at(END)) == ("free", "canceled")
        assert of(paying).status == "active"  # no job has run


def test_cancelling_now_ends_now_and_deletes_nothing(paying: User) -> None:
    settle(hold(paying))
    subscriptions.cancel(user_id=paying.pk, now=True, reason=PAID)

    assert (of(paying).plan_id, of(paying).status) == ("free", "canceled")
    assert plans.usage(paying.pk)["messages"]["used"] == 1


def test_resuming_takes_back_a_cancellation(paying: User) -> None:
    subscriptions.cancel(user_id=paying.pk, now=False, reason=PAID)
    subscriptions.resume(user_id=paying.pk, reason=PAID)
    with at(END + timedelta(hours=1)):
        assert plans.plan_for(paying.pk).slug == "premium"


def test_what_has_ended_can_not_be_resumed(paying: User) -> None:
    subscriptions.cancel(user_id=paying.pk, now=True, reason=PAID)
    subscriptions.resume(user_id=paying.pk, reason=PAID)

    assert of(paying).plan_id == "free"


def test_a_failed_payment_leaves_seven_days_and_then_free(paying: User) -> None:
    with at(END):
        subscriptions.payment_failed(user_id=paying.pk, due_at=END, reason=PAID)
    for days, plan_then in ((0, "premium"), (6.99, "premium"), (7, "free")):
        with at(END + timedelta(days=days)):
            assert plans.plan_for(paying.pk).slug == plan_then
    with at(END + timedelta(days=8)):
        renewals.pass_time()
        assert (of(paying).status, of(paying).plan_id) == ("expired", "free")


def test_a_payment_that_never_comes_ends_the_plan_as_well(paying: User) -> None:
    Subscription.objects.update(provider="stripe")
    for days, status in ((0.5, "active"), (2, "past_due"), (6.9, "past_due"), (7, "expired")):
        assert of(paying).status_at(END + timedelta(days=days)) == status


def test_a_late_report_of_a_failure_after_the_renewal_changes_nothing(paying: User) -> None:
    with at(END + timedelta(hours=2)):
        subscriptions.renewed(user_id=paying.pk, period=NEXT, reason=PAID)
        subscriptions.payment_failed(user_id=paying.pk, due_at=END, reason=PAID)

    assert (of(paying).status, changes(paying)) == ("active", ["subscribed", "renewed"])


def test_a_renewal_twice_or_of_an_older_time_changes_nothing(paying: User) -> None:
    with at(END):
        for period in (NEXT, NEXT, MONTH):
            subscriptions.renewed(user_id=paying.pk, period=period, reason=PAID)

    assert (of(paying).paid_until, changes(paying)) == (NEXT.end, ["subscribed", "renewed"])


def test_paying_during_the_grace_makes_it_active_again(paying: User) -> None:
    with at(END + timedelta(days=3)):
        subscriptions.payment_failed(user_id=paying.pk, due_at=END, reason=PAID)
        subscriptions.renewed(user_id=paying.pk, period=NEXT, reason=PAID)
        assert (of(paying).status, of(paying).grace_until) == ("active", None)


def test_a_renewal_begins_the_smaller_plan_that_was_chosen(paying: User) -> None:
    begin(paying, "unlimited")
    subscriptions.downgrade(user_id=paying.pk, plan=plan("premium"), reason=PAID)
    with at(END):
        subscriptions.renewed(user_id=paying.pk, period=NEXT, reason=PAID)

    assert (of(paying).plan_id, of(paying).pending_plan_id) == ("premium", None)


def test_one_cause_has_one_effect(alice: User) -> None:
    reason = Reason.provider("sandbox", "Paid", cause="order-1")
    for _ in range(3):
        subscriptions.subscribe(
            user_id=alice.pk, terms=Terms(plan=plan("premium"), period=MONTH), reason=reason
        )

    assert changes(alice) == ["subscribed"]


def test_a_trial_of_staff_ends_by_itself(alice: User) -> None:
    with at(START):
        reason = Reason.staff(alice.pk, "To look at it")
        subscriptions.start_trial(user_id=alice.pk, plan=plan("premium"), days=14, reason=reason)
    for days, found in ((13, ("trialing", "premium")), (14, ("expired", "free"))):
        with at(START + timedelta(days=days)):
            now = plans.subscription_for(alice.pk)
            assert (now.status, now.plan.slug) == found


def test_staff_can_not_grant_over_what_stripe_charges(paying: User) -> None:
    Subscription.objects.update(subscription_ref="sub_1")

    with pytest.raises(StillBilled):
        plans.put_on(user_id=paying.pk, plan=plan("enterprise"))
    assert of(paying).plan_id == "premium"


def test_every_change_is_in_the_audit_with_who_and_why(paying: User) -> None:
    staff = make_user("root@example.org", is_staff=True)
    subscriptions.cancel(user_id=paying.pk, now=True, reason=Reason.staff(staff.pk, "Asked by telephone"))

    entry = SubscriptionChange.objects.get(user=paying, verb="canceled")
    assert (entry.by, entry.actor) == ("staff", str(staff.pk))
    assert (entry.why, entry.plan_before, entry.plan_after) == ("Asked by telephone", "premium", "free")


def test_the_audit_can_not_be_changed(paying: User) -> None:
    entry = SubscriptionChange.objects.get()
    for attempt in (entry.save, entry.delete, SubscriptionChange.objects.all().delete):
        with pytest.raises(AuditIsAppendOnly):
            attempt()
    for verb in ("UPDATE billing_subscriptionchange SET why = ''", "DELETE FROM billing_subscriptionchange"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(verb)


def test_the_audit_outlives_the_account(paying: User) -> None:
    number = paying.pk
    paying.delete()

    assert SubscriptionChange.objects.get().user_id == number


def test_the_last_day_of_a_short_month_is_not_kept() -> None:
    assert following(START, END, months=1) == datetime(2026, 3, 31, 10, tzinfo=UTC)
    assert following(START, START, months=12) == datetime(2027, 1, 31, 10, tzinfo=UTC)


def test_the_grace_is_told_three_times_and_its_end_once(paying: User) -> None:
    with at(END):
        subscriptions.payment_failed(user_id=paying.pk, due_at=END, reason=PAID)
    for hours in range(0, 24 * 9, 6):
        with at(END + timedelta(hours=hours)):
            renewals.pass_time()
            mails.send_owed()

    kinds = list(BillingMail.objects.order_by("created_at").values_list("kind", flat=True))
    assert kinds == ["subscribed", "payment_failed", "grace_half", "grace_last", "ended"]
    assert [one.to for one in mail.outbox] == [["alice@example.org"]] * 5


def test_a_mail_server_that_is_down_loses_no_mail(alice: User, monkeypatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    begin(alice)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", refuse)
        assert mails.send_owed() == 0

    assert (mails.send_owed(), mails.send_owed()) == (1, 0)


def test_mails_are_in_the_readers_language_and_nothing_in_them_is_missing(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(name="A & <b>")
    values = {"plan": "Premium", "until": END, "number": "WQ-1", "total": "19.99 USD", "status": "expired"}
    for kind in mails._subjects():
        mails.owe(alice.pk, kind, about="x", **values)
    mails.send_owed()

    assert len(mail.outbox) == len(mails._subjects())
    assert all("A & <b>" in one.body and "{" not in one.body for one in mail.outbox)

"""The edges of the clock: months that end early, hours that come twice or never, clocks that are put right.

What is used counts once, in one period; what ends does not live longer because a clock was wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.test import Client
from django.utils import timezone

from billing.models import LedgerEntry, MonthlyUsageQuota, Reservation, Subscription
from billing.periods import Period
from billing.quota import Amounts
from billing.spending import spending
from billing.tasks import pass_time_of_subscriptions, release_expired_reservations
from tests.billing.held import hold, settle
from tests.people import make_user, signed_in
from wisqu.accounts import signinlinks, tokens
from wisqu.accounts.models import User
from wisqu.api import counting

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
NOON = datetime(2027, 6, 15, 12, tzinfo=UTC)


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


@pytest.fixture
def alice() -> User:
    return make_user("alice@example.org", "premium", last_login=NOON)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- what is used ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "edges"),
    [
        ("2027-01-31T09:30", ["2027-02-28T09:30", "2027-03-31T09:30", "2027-04-30T09:30"]),
        ("2028-01-31T09:30", ["2028-02-29T09:30", "2028-03-31T09:30"]),
        ("2028-02-29T23:59:59", ["2028-03-29T23:59:59", "2029-02-28T23:59:59", "2029-03-29T23:59:59"]),
        ("2027-02-28T01:30", ["2027-03-28T01:30", "2027-10-28T01:30"]),
        ("2026-12-31T00:00", ["2027-01-31T00:00", "2027-02-28T00:00"]),
    ],
    ids=["31 January", "31 January of a leap year", "leap day", "the hour that clocks skip", "31 December"],
)
def test_sends_around_an_edge_count_once_each_on_their_side_of_it(
    alice: User, anchor: str, edges: list[str]
) -> None:
    Subscription.objects.update(started_at=day(anchor))
    for edge in map(day, edges):
        with at(edge - MOMENT):
            before = hold(alice)
        with at(edge):
            first, second = settle(before), settle(hold(alice))
        assert (second.period_start, first.period_start < edge) == (edge, True)
    periods = list(MonthlyUsageQuota.objects.order_by("period_start"))
    assert sum(period.used_messages for period in periods) == 2 * len(edges)
    assert all(a.period_end <= b.period_start for a, b in pairwise(periods))
    assert {period.held_messages for period in periods} == {0}


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
@pytest.mark.parametrize("begun", [timedelta(minutes=-20), timedelta(minutes=20)], ids=["before", "after"])
def test_a_clock_that_is_put_right_under_an_answer_changes_no_count(
    alice: User, step: timedelta, begun: timedelta
) -> None:
    Subscription.objects.update(started_at=day("2027-01-31T12:00"))
    edge = day("2027-02-28T12:00")
    with at(edge + begun):
        key = hold(alice, Amounts(messages=1, tokens=500))
    with at(edge + begun + step):
        release_expired_reservations()
        settle(key, Amounts(messages=1, tokens=300))
        settle(hold(alice))
    entries = LedgerEntry.objects.all()
    periods = MonthlyUsageQuota.objects.all()
    assert sum(period.used_messages for period in periods) == len(entries) == 2
    assert sum(period.used_tokens for period in periods) == 300
    assert {(period.held_messages, period.held_tokens) for period in periods} == {(0, 0)}
    for entry in entries:
        period = periods.get(period_start=entry.period_start)
        assert period.used_messages == entries.filter(period_start=period.period_start).count()
    assert set(Reservation.objects.values_list("state", flat=True)) == {"settled"}


def test_two_schedulers_on_clocks_an_hour_apart_change_a_period_once(alice: User) -> None:
    Subscription.objects.update(started_at=day("2027-01-31T12:00"))
    edge = day("2027-02-28T12:00")
    for now in (edge + HOUR / 2, edge - HOUR / 2, edge + HOUR / 2, edge - HOUR / 2):
        with at(now):
            pass_time_of_subscriptions()
            settle(hold(alice))
    counted = MonthlyUsageQuota.objects.order_by("period_start").values_list("used_messages", flat=True)
    assert list(counted) == [2, 2]


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Europe/Berlin", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-10-31T01:00"),
        ("America/New_York", "2027-11-07T06:00"),
        ("Africa/Cairo", "2027-10-28T21:00"),
        ("Pacific/Apia", "2027-04-03T14:00"),
    ],
)
def test_a_day_of_23_or_25_hours_holds_each_entry_once(alice: User, zone: str, around: str) -> None:
    start = day(around) - timedelta(days=2)
    Subscription.objects.update(started_at=start)
    for half_hours in range(-52, 52, 3):
        with at(day(around) + half_hours * HOUR / 2):
            settle(hold(alice), cost_usd=Decimal("0.01"), cost_source=LedgerEntry.CostSource.UPSTREAM)
    with timezone.override(ZoneInfo(zone)):
        found = spending(alice.pk, Period(start, day(around) + timedelta(days=29)))
    dates = [each.date for each in found.days]
    assert dates == sorted(set(dates))
    assert sum(each.messages for each in found.days) == 35
    assert found.cost("messages") == Decimal("0.35")


# --- what ends ------------------------------------------------------------------------------------


@pytest.fixture
def made_at_noon() -> Iterator[None]:
    with at(NOON):
        yield


@pytest.mark.usefixtures("made_at_noon")
def test_an_access_token_does_not_live_longer_when_the_clock_goes_back(alice: User) -> None:
    access = tokens.open_family(alice).access
    assert tokens.read_access(access)
    with at(NOON - HOUR):
        assert tokens.read_access(access) is None  # from the future; the refresh token brings another
    with at(NOON + HOUR):
        assert tokens.read_access(access) is None


@pytest.mark.usefixtures("made_at_noon")
def test_a_refresh_token_outlives_its_month_by_what_the_clock_went_back_and_no_more(alice: User) -> None:
    refresh = tokens.open_family(alice).refresh
    end = NOON + tokens.REFRESH_LIFETIME
    with at(end), pytest.raises(tokens.InvalidRefreshToken):
        tokens.refresh_pair(refresh)
    with at(NOON - HOUR):
        pair = tokens.refresh_pair(refresh)
        assert tokens.read_access(pair.access)
    with at(end - HOUR), pytest.raises(tokens.InvalidRefreshToken):
        tokens.refresh_pair(pair.refresh)


@pytest.mark.usefixtures("made_at_noon")
def test_a_used_refresh_token_is_not_unused_again_by_another_clock(alice: User) -> None:
    refresh = tokens.open_family(alice).refresh
    tokens.refresh_pair(refresh)
    with at(NOON - HOUR), pytest.raises(tokens.InvalidRefreshToken):
        tokens.refresh_pair(refresh)


@pytest.mark.usefixtures("made_at_noon")
def test_a_mailed_sign_in_link_does_not_live_longer_when_the_clock_goes_back(alice: User) -> None:
    link = signinlinks.make(alice)
    assert signinlinks.read(link) == alice
    for wrong in (NOON - HOUR, NOON - timedelta(minutes=2), NOON + HOUR + timedelta(seconds=1)):
        with at(wrong):
            assert signinlinks.read(link) is None
    with at(NOON - timedelta(seconds=30)):  # two machines may differ by so much
        assert signinlinks.read(link) == alice


@pytest.mark.usefixtures("made_at_noon")
def test_links_to_an_address_and_a_new_password_end_at_most_an_hour_late(alice: User, settings: Any) -> None:
    address = EmailAddress.objects.create(user=alice, email=alice.email)
    confirm = EmailConfirmationHMAC(address).key
    reset = EmailAwarePasswordResetTokenGenerator().make_token(alice)
    generator = EmailAwarePasswordResetTokenGenerator()
    with at(NOON - HOUR):
        assert EmailConfirmationHMAC.from_key(confirm)
        assert generator.check_token(alice, reset)
    with at(NOON + timedelta(days=3, seconds=1)):
        assert EmailConfirmationHMAC.from_key(confirm) is None
        assert not generator.check_token(alice, reset)


@pytest.mark.usefixtures("made_at_noon")
def test_a_browser_is_signed_out_by_the_clock_and_not_kept_by_a_clock_that_went_back(alice: User) -> None:
    browser: Client = signed_in(alice)
    me = "/api/v1/auth/me"
    with at(NOON - HOUR):
        assert browser.get(me).status_code == 200
    with at(NOON + timedelta(weeks=2, seconds=1)):
        assert browser.get(me).status_code == 401
    browser.logout()
    with at(NOON - HOUR):
        assert browser.get(me).status_code == 401


def test_a_clock_that_goes_back_closes_no_window_for_an_hour(settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL, settings.VAR_DIR = "", tmp_path
    with at(NOON):
        assert [counting.count("k", window_s=60).number for _ in range(3)] == [1, 2, 3]
    with at(NOON - HOUR):
        assert counting.count("k", window_s=60) == (1, 60.0)
        assert counting.count("k", window_s=60).number == 2

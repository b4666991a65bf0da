"""Every number of the reports, against the same counted slowly and plainly, and what the numbers mean."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from analytics import reports, rollups
from analytics.days import Days, Granularity, step_of, today
from billing.models import PlanLimit, Subscription
from billing.plans import subscription_for
from chat.models import Conversation
from tests.analytics import slow
from tests.analytics.making import MODELS, book, book_anything, days_ago, end_any_turn, end_turn, pay
from tests.people import make_user
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db
RANGES = [Days.lately(30), Days.lately(1), Days.lately(9, until=today() - timedelta(days=3)), Days.lately(60)]


@pytest.fixture
def people() -> list[UUID]:
    return [make_user(f"{name}@example.org", plan).pk for name, plan in
            (("ann", "free"), ("ben", "premium"), ("eve", "premium"), ("tom", "enterprise"))]  # fmt: skip


@pytest.fixture
def busy(people: list[UUID]) -> list[UUID]:
    """A random past, some of it in the sums and some not."""
    chance = random.Random(7)
    for number in range(90):
        book_anything(chance, people)
        end_any_turn(chance, people)
        if number % 40 == 30:
            rollups.roll_up(settling=timedelta(0))
    for ago, amount in ((0, "9.99"), (1, "19.00"), (12, "99.00"), (45, "5.00")):
        pay(
            chance.choice(people),
            amount,
            ago=ago,
            tax=Decimal("1.50"),
            plan=chance.choice(["free", "premium"]),
        )
    pay(people[0], "30", ago=2, currency="EUR")
    pay(people[0], "70", ago=2, state="open")
    return people


@pytest.mark.parametrize("days", RANGES, ids=str)
def test_the_figures_of_the_whole_business(busy: list[UUID], days: Days) -> None:
    stats, entries, turns = reports.system_stats(days), slow.entries(days), slow.last_attempts(days)

    for name in ("messages", "tokens", "images", "documents", "prompt_tokens", "completion_tokens",
                 "reasoning_tokens", "cached_tokens_read", "cached_tokens_written"):  # fmt: skip
        assert getattr(stats, name) == slow.total(entries, name), name
    assert stats.calls == slow.calls(entries)
    assert stats.audio_minutes == slow.total(entries, "audio_seconds") / 60
    assert stats.cost_usd == slow.money(entries, "cost_usd")
    assert stats.savings_usd == slow.money(entries, "savings_usd")
    assert stats.unknown_costs == sum(e.cost_usd is None and e.kind != "correction" for e in entries)
    assert stats.turns == len(turns)
    assert stats.failed_turns == sum(turn.status == "failed" for turn in turns)
    assert stats.fallbacks == sum(map(slow.is_fallback, turns))
    assert stats.revenue_usd == slow.revenue(slow.receipts(days))
    assert stats.margin_usd == stats.revenue_usd - stats.cost_usd
    assert {name: getattr(stats, name) for name in slow.latencies(turns)} == slow.latencies(turns)
    active = (stats.active_day, stats.active_7_days, stats.active_30_days)
    assert active == tuple(slow.active(days.last, count) for count in (1, 7, 30))


@pytest.mark.parametrize("days", RANGES, ids=str)
def test_what_each_plan_brought_and_cost(busy: list[UUID], days: Days) -> None:
    found = {each.plan: each for each in reports.plan_distribution(days)}
    paid = slow.grouped(slow.receipts(days), lambda each: each.plan)
    used = slow.grouped(slow.entries(days), lambda entry: entry.plan)

    assert set(used) | set(paid) <= set(found)
    for plan, each in found.items():
        assert each.cost_usd == slow.money(used[plan], "cost_usd"), plan
        assert each.revenue_usd == slow.revenue(paid[plan]), plan
        assert (each.calls, each.messages) == (slow.calls(used[plan]), slow.total(used[plan], "messages"))
        assert (each.tokens, each.images) == (
            slow.total(used[plan], "tokens"),
            slow.total(used[plan], "images"),
        )


@pytest.mark.parametrize("days", RANGES, ids=str)
def test_who_used_most(busy: list[UUID], days: Days) -> None:
    slowly = slow.user_days(days)
    for by, column in {
        "cost": "cost_usd",
        "messages": "messages",
        "tokens": "tokens",
        "savings": "savings_usd",
    }.items():
        found = reports.top_users(days, by=by, limit=3)
        best = sorted((row[column] for row in slowly.values() if row[column] > 0), reverse=True)[:3]
        assert [getattr(each, column) for each in found] == best
    for each in reports.top_users(days, limit=10):
        row = slowly[each.user_id]
        for column in (
            "cost_usd",
            "savings_usd",
            "messages",
            "tokens",
            "images",
            "calls",
            "turns",
            "failed_turns",
        ):
            assert getattr(each, column) == row[column], column


@pytest.mark.parametrize("days", RANGES, ids=str)
def test_what_each_model_did(busy: list[UUID], days: Days) -> None:
    report = reports.model_usage(days)
    used = slow.grouped(slow.entries(days), lambda entry: entry.model)
    tried = slow.grouped(slow.attempts(days), lambda each: each.model)
    moves = slow.moves(days)

    assert {each.model for each in report.models} == set(used) | set(tried) | {asked for asked, _ in moves}
    assert Counter({(move.asked, move.answered_by): move.turns for move in report.moves}) == moves
    for each in report.models:
        mine, turns = used[each.model], [turn for turn in tried[each.model] if turn.is_last]
        assert each.cost_usd == slow.money(mine, "cost_usd")
        assert each.savings_usd == slow.money(mine, "savings_usd")
        assert (each.calls, each.tokens) == (slow.calls(mine), slow.total(mine, "tokens"))
        assert each.attempts == len(tried[each.model])
        assert each.failed_attempts == sum(turn.status == "failed" for turn in tried[each.model])
        assert each.fallbacks_to == sum(n for (_, to), n in moves.items() if to == each.model)
        assert each.fallbacks_from == sum(n for (asked, _), n in moves.items() if asked == each.model)
        assert {name: getattr(each, name) for name in slow.latencies(turns)} == slow.latencies(turns)


@pytest.mark.parametrize("days", RANGES, ids=str)
def test_what_caching_did(busy: list[UUID], days: Days) -> None:
    report = reports.cache_performance(days)
    entries = [entry for entry in slow.entries(days) if entry.kind in slow.WORDS]
    turns = slow.attempts(days)

    def check(figures: reports.CacheFigures, entries: list, turns: list) -> None:
        asked = [entry for entry in entries if entry.prompt_tokens > 0]
        assert (figures.requests, figures.hits) == (
            len(asked),
            sum(bool(e.cached_tokens_read) for e in asked),
        )
        for column in ("prompt_tokens", "cached_tokens_read", "cached_tokens_written"):
            assert getattr(figures, column) == slow.total(entries, column)
        assert figures.savings_usd == slow.money(entries, "savings_usd")
        assert figures.cost_without_cache_usd == slow.money(entries, "cost_usd") + figures.savings_usd
        assert figures.missed_savings_usd == slow.money(turns, "missed_savings_usd")
        assert figures.uncached_turns == sum(turn.missed_savings_usd is not None for turn in turns)

    check(report.total, entries, turns)
    for each in report.models:
        check(
            each, [e for e in entries if e.model == each.model], [t for t in turns if t.model == each.model]
        )
    for each in report.days:
        check(
            each,
            *([row for row in rows if slow.day_of(row.created_at) == each.day] for rows in (entries, turns)),
        )
    assert [each.day for each in report.days] == list(days)


@pytest.mark.parametrize("granularity", list(Granularity))
@pytest.mark.parametrize("days", RANGES[2:], ids=str)
def test_every_series(busy: list[UUID], days: Days, granularity: Granularity) -> None:
    trend = reports.usage_trends(days, granularity=granularity)

    def step(moment) -> date:
        return step_of(slow.day_of(moment), granularity)

    entries = slow.grouped(slow.entries(days), lambda entry: step(entry.created_at))
    turns = slow.grouped(slow.last_attempts(days), lambda turn: step(turn.created_at))
    paid = slow.grouped(slow.receipts(days), lambda each: step(each.paid_at))
    assert [point.start for point in trend.points] == days.steps(granularity)
    for point in trend.points:
        values, mine, ended = point.values, entries[point.start], turns[point.start]
        for name in ("messages", "tokens", "prompt_tokens", "completion_tokens", "reasoning_tokens", "images",
                     "cached_tokens_read", "cached_tokens_written", "documents"):  # fmt: skip
            assert values[name] == slow.total(mine, name), name
        assert values["cost_usd"] == slow.money(mine, "cost_usd")
        assert values["savings_usd"] == slow.money(mine, "savings_usd")
        assert values["revenue_usd"] == slow.revenue(paid[point.start])
        assert values["margin_usd"] == values["revenue_usd"] - values["cost_usd"]
        assert (values["calls"], values["turns"]) == (slow.calls(mine), len(ended))
        assert values["failed_turns"] == sum(turn.status == "failed" for turn in ended)
        assert values["fallbacks"] == sum(map(slow.is_fallback, ended))
        did = {e.user_id for e in mine if e.kind != "correction"} | {turn.owner_id for turn in ended}
        assert values["active_users"] == len(did - {None})


@pytest.mark.parametrize("granularity", list(Granularity))
def test_the_steps_of_plans_models_and_users_add_up_to_their_reports(
    busy: list[UUID], granularity: Granularity
) -> None:
    days = Days.lately(40)
    of_plans, of_models = Counter(), Counter()
    for step in reports.plan_series(days, granularity):
        of_plans[step.plan] += step.cost_usd - step.revenue_usd
    for step in reports.model_series(days, granularity):
        of_models[step.model] += step.cost_usd + step.attempts
    top = reports.top_users(days)
    of_users = Counter()
    for step in reports.user_series([each.user_id for each in top], days, granularity):
        of_users[step.user_id] += step.cost_usd + step.turns

    for each in reports.plan_distribution(days):
        assert of_plans[each.plan] == -each.margin_usd
    for each in reports.model_usage(days).models:
        assert of_models[each.model] == each.cost_usd + each.attempts
    assert of_users == {each.user_id: each.cost_usd + each.turns for each in top}


def test_nothing_at_all_is_zero_and_what_cannot_be_divided_is_unknown() -> None:
    stats = reports.system_stats(Days.lately(30))

    assert (stats.calls, stats.cost_usd, stats.active_30_days) == (0, 0, 0)
    assert (stats.error_rate, stats.margin_rate, stats.savings_rate, stats.first_token_p95_ms) == (None,) * 4
    assert reports.top_users(Days.lately(30)) == []
    assert reports.model_usage(Days.lately(30)) == reports.ModelReport(models=[], moves=[])


def test_people_are_counted_on_the_plan_that_holds_by_the_clock(people: list[UUID]) -> None:
    now = timezone.now()
    changes = [
        {"plan_id": "premium", "status": "canceled"},
        {"plan_id": "premium", "paid_until": now - timedelta(days=1), "cancel_at_period_end": True},
        {"plan_id": "premium", "paid_until": now - timedelta(days=3), "provider": "stripe"},
        {"plan_id": "premium", "paid_until": now - timedelta(days=30), "provider": "stripe"},
        {"plan_id": "premium", "paid_until": now - timedelta(days=30), "grace_until": now + timedelta(days=1),
         "status": "past_due", "provider": "manual"},
        {"plan_id": "enterprise", "paid_until": now - timedelta(hours=1), "pending_plan_id": "premium",
         "provider": "stripe"},
        {"plan_id": "premium", "status": "trialing", "paid_until": now + timedelta(days=1)},
        {"plan_id": "premium", "status": "trialing", "paid_until": now - timedelta(seconds=1)},
        {"plan_id": "premium", "status": "trialing", "paid_until": now - timedelta(seconds=1), "provider": "stripe"},
    ]  # fmt: skip
    for number, change in enumerate(changes):
        user = make_user(f"number{number}@example.org")
        Subscription.objects.filter(user=user).update(**change)
    User.objects.create_user("new@example.org", "x")  # has no subscription yet

    found = {each.plan: each.users for each in reports.plan_distribution(Days.lately(1))}
    slowly = Counter(subscription_for(user.pk).plan.slug for user in User.objects.all())
    assert {plan: users for plan, users in found.items() if users} == slowly
    shares = [each.user_share for each in reports.plan_distribution(Days.lately(1))]
    assert sum(shares) == pytest.approx(1)


def test_a_price_list_that_changed_still_shows_the_plans_of_old(people: list[UUID]) -> None:
    book(people[0], plan="gold", cost_usd=Decimal(3))

    gold = next(each for each in reports.plan_distribution(Days.lately(1)) if each.plan == "gold")
    assert (gold.name, gold.users, gold.cost_usd) == ("gold", 0, 3)
    assert [each.plan for each in reports.plan_distribution(Days.lately(1))][:-1] == list(
        PlanLimit.objects.values_list("slug", flat=True)
    )


def test_a_dated_name_counts_as_the_model_that_it_is_of(people: list[UUID]) -> None:
    from presets.models import CatalogueModel

    known = CatalogueModel.objects.exclude(canonical_slug="").exclude(canonical_slug__in=MODELS).first()
    book(people[0], model=known.slug, cost_usd=Decimal(1))
    book(people[0], model=known.canonical_slug, cost_usd=Decimal(2))

    [only] = reports.model_usage(Days.lately(1)).models
    assert (only.model, only.cost_usd, only.calls) == (known.slug, 3, 2)


def test_an_erased_account_leaves_a_number_without_a_name() -> None:
    user = make_user("gone@example.org", "premium")
    book(user.pk, cost_usd=Decimal(4))
    number = user.pk
    user.delete()

    [top] = reports.top_users(Days.lately(1))
    assert (top.user_id, top.email, top.plan, top.cost_usd) == (number, "", "", 4)


def test_conversations_and_new_people_are_those_of_the_days(people: list[UUID]) -> None:
    Conversation.objects.create(owner_id=people[0])
    User.objects.filter(pk=people[1]).update(joined_at=days_ago(5))

    stats, before = reports.system_stats(Days.lately(2)), reports.system_stats(Days.lately(2).before)
    assert (stats.conversations, stats.users, stats.new_users) == (1, 4, 3)
    assert (before.conversations, before.users, before.new_users) == (0, 4, 0)


def test_what_some_users_did_is_found_by_their_numbers(people: list[UUID]) -> None:
    book(people[0], ago=2, messages=4)
    end_turn(people[0], ago=1, status="failed")
    book(people[1], messages=9)

    found = reports.user_usage([people[0], people[2]], Days.lately(7))
    assert list(found) == [people[0]]
    only = found[people[0]]
    assert (only.messages, only.turns, only.failed_turns) == (4, 1, 1)
    assert only.last_day == today() - timedelta(days=1)


def test_the_range_before_is_as_long_and_ends_where_this_begins() -> None:
    days = Days(date(2026, 3, 1), date(2026, 3, 31))

    assert days.before == Days(date(2026, 1, 29), date(2026, 2, 28))
    with pytest.raises(ValueError, match="days"):
        Days(date(2026, 3, 2), date(2026, 3, 1))


def test_a_report_reads_again_when_the_sums_moved_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    book(people_id := make_user().pk, messages=5)
    from analytics import books

    read = books.Books.sums
    moved = []

    def sums_while_the_job_runs(self, *args, **options):
        found = read(self, *args, **options)
        if not moved:
            moved.append(rollups.roll_up(settling=timedelta(0)))
        return found

    monkeypatch.setattr(books.Books, "sums", sums_while_the_job_runs)
    stats = reports.system_stats(Days.lately(1))
    assert (stats.messages, stats.active_day, moved, bool(people_id)) == (5, 1, [True], True)

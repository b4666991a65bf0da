"""The daily sums are what the ledger says, whatever comes late and however often they are built."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from analytics import reports, rollups, tasks
from analytics.days import Days, today
from analytics.models import (
    DailyActive,
    DailyQuotations,
    DailyUsage,
    MonthlyLatency,
    RollupState,
    UserDay,
    UserMonth,
)
from tests.analytics.making import book, book_anything, end_any_turn, end_turn
from wisqu.api.ids import uuid7

pytestmark = pytest.mark.django_db
AT_ONCE = timedelta(0)
LATELY = Days.lately


def roll_up() -> bool:
    return rollups.roll_up(settling=AT_ONCE)


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_are_the_ledgers_after_any_mix_of_entries_and_jobs(seed: int) -> None:
    chance, people = random.Random(seed), [uuid4() for _ in range(4)]
    for _ in range(60):
        step = chance.random()
        if step < 0.6:
            book_anything(chance, people)
        elif step < 0.9:
            end_any_turn(chance, people)
        elif step < 0.97:
            roll_up()
        else:
            rollups.rebuild([today() - timedelta(days=chance.randrange(3))])
    roll_up()

    assert rollups.wrong_days() == []
    tables = (DailyUsage, DailyQuotations, UserDay, UserMonth, MonthlyLatency, DailyActive)
    before = [row for table in tables for row in sums_of(table)]
    rollups.rebuild(settling=AT_ONCE)
    assert [row for table in tables for row in sums_of(table)] == before


def sums_of(table: type) -> list[tuple]:
    columns = [field.name for field in table._meta.fields if field.name != "id"]
    return sorted(table.objects.values_list(*columns), key=str)


def test_what_the_job_has_not_seen_is_read_live() -> None:
    book(uuid4(), messages=3)
    book(uuid4(), ago=9, messages=4)

    assert DailyUsage.objects.count() == 0
    assert reports.system_stats(LATELY(30)).messages == 7


def test_a_job_that_runs_twice_adds_nothing_twice() -> None:
    book(uuid4(), messages=3)
    roll_up()
    version = RollupState.objects.get().version
    rollups.roll_up(settling=timedelta(minutes=5))  # an older job, come late

    assert RollupState.objects.get().version == version
    assert DailyUsage.objects.get().messages == 3
    assert reports.system_stats(LATELY(1)).messages == 3


def test_entries_wait_until_every_transaction_that_could_hold_earlier_ones_is_over() -> None:
    book(uuid4(), messages=3)
    rollups.roll_up()

    assert DailyUsage.objects.count() == 0
    assert reports.system_stats(LATELY(1)).messages == 3


def test_an_entry_that_comes_late_for_a_day_long_past_is_counted_on_that_day() -> None:
    user = uuid4()
    book(user, ago=5, messages=1)
    roll_up()
    book(user, ago=5, messages=10)
    assert reports.system_stats(Days.lately(1, until=today() - timedelta(days=5))).messages == 11
    roll_up()

    assert DailyUsage.objects.get().messages == 11
    assert UserDay.objects.get().messages == 11


def test_a_correction_takes_back_and_is_no_call() -> None:
    user = uuid4()
    book(user, messages=2, tokens=50)
    roll_up()
    book(user, kind="correction", messages=-2, tokens=-50)
    roll_up()

    stats = reports.system_stats(LATELY(1))
    assert (stats.messages, stats.tokens, stats.calls) == (0, 0, 1)


def test_a_job_that_dies_has_done_nothing() -> None:
    book(uuid4(), messages=3)
    with transaction.atomic():
        roll_up()
        transaction.set_rollback(True)

    assert (DailyUsage.objects.count(), RollupState.objects.count()) == (0, 0)
    roll_up()
    assert DailyUsage.objects.get().messages == 3


def test_what_is_brought_in_with_an_old_id_is_found_by_the_daily_proof() -> None:
    old = uuid7()
    book(uuid4(), ago=2, messages=1)
    roll_up()
    book(uuid4(), id=old, ago=2, messages=7)
    two_days_ago = today() - timedelta(days=2)
    assert rollups.wrong_days() == [two_days_ago]

    assert tasks.prove_rollups() == 1
    assert (rollups.wrong_days(), DailyUsage.objects.get().messages) == ([], 8)


def test_a_month_or_a_count_of_people_that_went_wrong_is_found_and_made_anew() -> None:
    book(uuid4(), ago=2, messages=3)
    end_turn(uuid4(), ago=2, total_ms=70)
    roll_up()
    two_days_ago = today() - timedelta(days=2)
    month = two_days_ago.replace(day=1)
    UserMonth.objects.filter(messages=3).update(messages=4)
    MonthlyLatency.objects.all().delete()
    DailyActive.objects.filter(day=two_days_ago).update(of_7_days=9)

    assert rollups.wrong_days(LATELY(3)) == sorted({month, two_days_ago})
    rollups.rebuild([month, two_days_ago])
    assert (rollups.wrong_days(), MonthlyLatency.objects.get().totals) == ([], 1)
    assert DailyActive.objects.get(day=today()).of_7_days == 2


def test_the_regular_job_moves_the_mark() -> None:
    assert tasks.roll_up()
    assert rollups.settled_until() > rollups.settled_until() - timedelta(minutes=1)


def test_the_command_rebuilds_some_days_or_all_of_them(capsys) -> None:
    book(uuid4(), ago=3, messages=5)
    end_turn(uuid4(), ago=3)
    roll_up()
    DailyUsage.objects.update(messages=6)
    with pytest.raises(CommandError, match=str(today() - timedelta(days=3))):
        call_command("rebuild_rollups", "--check")

    call_command("rebuild_rollups", "--from", str(today() - timedelta(days=4)))
    call_command("rebuild_rollups", "--check")
    assert "is what the ledger says" in capsys.readouterr().out
    DailyUsage.objects.update(messages=6)
    call_command("rebuild_rollups")
    call_command("rebuild_rollups", "--check")
    assert reports.system_stats(LATELY(30)).messages == 5


def test_the_command_refuses_a_range_without_a_beginning() -> None:
    with pytest.raises(CommandError, match="--from"):
        call_command("rebuild_rollups", "--to", "2026-01-01")

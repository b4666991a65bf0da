"""How many people are active in any range is what looking at every visit says, kept or not."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import reports, rollups
from analytics.days import Days, Granularity, step_of, today
from analytics.models import DailyActive
from tests.analytics import slow
from tests.analytics.making import book, end_turn

pytestmark = pytest.mark.django_db
AT_ONCE = timedelta(0)


def come(chance: random.Random, people: list, count: int) -> None:
    for _ in range(count):
        user, ago = chance.choice(people), int(70 * chance.random() ** 2)
        if chance.random() < 0.5:
            end_turn(user, ago=ago)
        else:
            book(user, ago=ago, kind=chance.choice(["chat", "correction"]))


@pytest.mark.parametrize("seed", range(2))
def test_people_are_counted_once_in_whatever_range(seed: int) -> None:
    chance, people = random.Random(seed), [uuid4() for _ in range(9)]
    for _ in range(3):
        come(chance, people, 25)
        rollups.roll_up(settling=AT_ONCE)
    come(chance, people, 8)

    for ago in (0, 1, 13, 40):
        last = today() - timedelta(days=ago)
        stats = reports.system_stats(Days.lately(5, until=last))
        counts = (stats.active_day, stats.active_7_days, stats.active_30_days)
        assert counts == tuple(slow.active(last, count) for count in (1, 7, 30))
    for granularity in Granularity:
        days = Days.lately(64, until=today() - timedelta(days=chance.randrange(3)))
        trend = reports.usage_trends(days, measures_wanted=["active_users"], granularity=granularity)
        for point in trend.points:
            inside = [day for day in days if step_of(day, granularity) == point.start]
            expected = slow.active(inside[-1], len(inside))
            assert point.values["active_users"] == expected, (granularity, point.start)


def test_a_year_of_days_is_read_and_not_counted() -> None:
    book(uuid4(), ago=300)
    book(uuid4(), ago=2)
    rollups.roll_up(settling=AT_ONCE)

    with CaptureQueriesContext(connection) as asked:
        trend = reports.usage_trends(Days.lately(365), measures_wanted=["active_users"])
    assert sum(trend.series("active_users")) == 2
    assert len(asked) <= 5
    assert DailyActive.objects.count() == 301

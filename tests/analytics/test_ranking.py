"""Who used most is found without adding everybody up, and is the same as if everybody had been."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import ranking, reports, rollups
from analytics.days import Days, today
from tests.analytics import slow
from tests.analytics.making import book

pytestmark = pytest.mark.django_db
QUARTER = Days.lately(92)


def use(people: list[UUID], chance: random.Random, count: int) -> None:
    for _ in range(count):
        # A few use much, most of them little, and some get everything back.
        user = people[int(len(people) * chance.random() ** 3)]
        kind, sign = chance.choice([("chat", 1)] * 9 + [("correction", -1)])
        book(user, kind=kind, ago=chance.randrange(92), tokens=sign * chance.randrange(1, 50),
             cost_usd=sign * Decimal(chance.randrange(1, 10**6)).scaleb(-6))  # fmt: skip


def slowly(days: Days, column: str, limit: int) -> list[UUID]:
    rows = [(-row[column], str(user)) for user, row in slow.user_days(days).items() if row[column] > 0]
    return [UUID(user) for _, user in sorted(rows)[:limit]]


@pytest.mark.parametrize("width", [2, 5, 40])
def test_the_first_are_the_first_of_everybody_however_short_the_lists(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, people = random.Random(width), [uuid4() for _ in range(30)]
    use(people, chance, 130)
    rollups.roll_up(settling=timedelta(0))
    use(people, chance, 20)
    monkeypatch.setattr(ranking, "WIDTH", width)

    for days in (QUARTER, Days(QUARTER.first, today() - timedelta(days=20)), Days.lately(40)):
        for by, column in (("cost", "cost_usd"), ("tokens", "tokens")):
            for limit in (1, 3):
                found = [each.user_id for each in reports.top_users(days, by=by, limit=limit)]
                assert found == slowly(days, column, limit), (days, by, limit)


def test_where_few_use_much_nobody_else_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = [uuid4() for _ in range(3)], [uuid4() for _ in range(30)]
    for ago in range(0, 92, 4):
        for user in (*few, many[ago % 30]):
            book(user, ago=ago, tokens=1000 if user in few else 1)
    rollups.roll_up(settling=timedelta(0))
    monkeypatch.setattr(ranking, "WIDTH", 5)

    with CaptureQueriesContext(connection) as asked:
        found = [each.user_id for each in reports.top_users(QUARTER, by="tokens", limit=2)]
    assert found == sorted(few)[:2]
    ranked = [each["sql"] for each in asked if "ORDER BY 2 DESC" in each["sql"]]
    assert len(ranked) == 1
    assert "user_id IN" in ranked[0]

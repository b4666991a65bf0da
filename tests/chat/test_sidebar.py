"""The list of conversations: its days, its pages."""

import uuid
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote

import pytest

from chat.models import Conversation
from chat.sidebar import grouped, shelf
from tests.people import make_alice, make_charlie
from wisqu.accounts.models import User

TODAY = date(2026, 11, 20)


def talked(days_ago: int) -> Conversation:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC) - timedelta(days=days_ago)
    return Conversation(title=str(days_ago), last_message_at=at)


def test_days_are_named_as_people_name_them() -> None:
    groups = grouped([talked(days) for days in (0, 1, 3, 10, 40, 400)], today=TODAY)

    assert [group.name for group in groups] == [
        "Today", "Yesterday", "This week", "Earlier this month", "October", "October 2025",
    ]  # fmt: skip


def test_a_reader_far_away_has_another_day(settings) -> None:
    from django.utils import timezone

    late = Conversation(last_message_at=datetime(2026, 11, 19, 22, tzinfo=UTC))
    with timezone.override("Asia/Jakarta"):
        assert grouped([late], today=TODAY)[0].key == "today"


def make_many(owner: User, count: int) -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    Conversation.objects.bulk_create(
        Conversation(owner=owner, title=str(n), last_message_at=at - timedelta(minutes=n // 2))
        for n in range(count)
    )


@pytest.mark.django_db
def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    alice = make_alice()
    make_many(alice, 25)
    titles, older = [], ""
    while True:
        page = shelf(alice.id, older=unquote(older), limit=10)
        titles += [each.title for group in page.groups for each in group.conversations]
        older = page.older
        if not older:
            break

    assert sorted(titles, key=int) == [str(n) for n in range(25)]


@pytest.mark.django_db
def test_nobody_sees_the_conversations_of_others() -> None:
    make_many(make_alice(), 3)

    assert shelf(make_charlie().id).groups == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "mark", ["x", "2026-99-99~x", f"2026-11-20~{uuid.uuid4()}", "2026-11-20T10:00:00Z~y"]
)
def test_a_mark_that_makes_no_sense_begins_at_the_top(mark: str) -> None:
    alice = make_alice()
    make_many(alice, 2)

    assert len(shelf(alice.id, older=mark).groups[0].conversations) == 2

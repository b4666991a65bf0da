"""Rows written and read without the compiler are the rows that the ORM writes and reads."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.forms.models import model_to_dict

from billing.models import MonthlyUsageQuota, Subscription
from chat.models import Conversation, Message
from tests.people import make_user
from wisqu.api import rows

pytestmark = pytest.mark.django_db

MONTH = {"period_start": datetime(2026, 11, 1, tzinfo=UTC), "period_end": datetime(2026, 12, 1, tzinfo=UTC)}


def values_of(row) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def make_messages() -> list[Message]:
    conversation = Conversation(owner=make_user(), title="سلام %s")
    rows.insert(conversation)
    facts = {
        "citations": [{"url": "https://a"}],
        "cost_usd": Decimal("0.000000000001"),
        "stream_ends": b"\x00\xff",
    }
    question = Message(conversation=conversation, role="user", content="100 % 'quoted'")
    answer = Message(
        conversation=conversation, parent=question, role="assistant", status="streaming", **facts
    )
    rows.insert(question, answer)
    return [question, answer]


def test_what_is_inserted_reads_back_the_same() -> None:
    for written in make_messages():
        assert values_of(Message.objects.get(id=written.id)) == values_of(written)
        assert not written._state.adding


def test_an_inserted_row_can_be_saved_again() -> None:
    question, _ = make_messages()
    question.content = "Changed"
    question.save()
    assert Message.objects.get(id=question.id).content == "Changed"


def test_inserting_twice_is_refused() -> None:
    question, _ = make_messages()
    with pytest.raises(IntegrityError):
        rows.insert(question)


def test_change_writes_the_named_fields_alone() -> None:
    _, answer = make_messages()
    values = {"content": "Text", "models_attempted": ["a", "b"]}
    assert rows.change(Message, values, where={"id": answer.id, "status": "streaming"})
    stored = Message.objects.get(id=answer.id)
    assert (stored.content, stored.models_attempted, stored.cost_usd) == ("Text", ["a", "b"], answer.cost_usd)


def test_put_writes_what_change_writes_and_what_is_empty_too() -> None:
    _, answer = make_messages()
    values = {"content": "", "citations": [], "cost_usd": None, "fallback_used": True, "total_tokens": 0}
    rows.put(Message, values, where={"id": answer.id})
    stored = Message.objects.get(id=answer.id)
    assert {name: getattr(stored, name) for name in values} == values


def test_what_is_there_already_is_left_as_it_is_where_that_is_wished() -> None:
    question, _ = make_messages()
    question.content = "Changed"
    rows.insert(question, unless_there=True)
    assert Message.objects.get(id=question.id).content == "100 % 'quoted'"


def test_change_leaves_a_row_that_is_no_longer_so() -> None:
    _, answer = make_messages()
    assert not rows.change(Message, {"content": "Late"}, where={"id": answer.id, "status": "done"})
    assert Message.objects.get(id=answer.id).content == ""


def test_find_returns_what_the_orm_returns_and_the_related_row_without_a_query(
    django_assert_num_queries,
) -> None:
    user = make_user(plan="premium")
    expected = Subscription.objects.select_related("plan").get(user=user)
    with django_assert_num_queries(1):
        found = rows.find(Subscription, related="plan", user_id=user.pk)
        plan = found.plan
    assert values_of(found) == values_of(expected)
    assert values_of(plan) == values_of(expected.plan)
    assert model_to_dict(found) == model_to_dict(expected)


def test_find_finds_nothing_for_others() -> None:
    make_user()
    assert (
        rows.find(Subscription, related="plan", user_id=make_user("b@example.org").pk, status="none") is None
    )


def test_add_stops_where_the_sum_would_pass_the_limit() -> None:
    user = make_user()
    MonthlyUsageQuota.objects.create(user=user, used_messages=3, held_messages=1, **MONTH)
    where = {"user_id": user.pk, "period_start": MONTH["period_start"]}
    up_to = {("used_messages", "held_messages"): 6}
    results = [rows.add(MonthlyUsageQuota, {"held_messages": 1}, where=where, up_to=up_to) for _ in range(3)]
    assert results == [True, True, False]
    assert MonthlyUsageQuota.objects.get().held_messages == 3


def test_add_takes_money_too() -> None:
    user = make_user()
    MonthlyUsageQuota.objects.create(user=user, **MONTH)
    assert rows.add(MonthlyUsageQuota, {"cost_usd": Decimal("0.25")}, where={"user_id": user.pk})
    assert MonthlyUsageQuota.objects.get().cost_usd == Decimal("0.25")


@pytest.mark.parametrize(
    ("citations", "content", "fallback_used", "prompt_tokens"),
    [([], "", False, 0), ([{}], "[]", True, 1), ([], "%s", False, None), ([0], "NULL", True, 0)],
)
def test_what_is_empty_and_what_only_looks_so_reads_back_the_same(
    citations: list[object], content: str, fallback_used: bool, prompt_tokens: int | None
) -> None:
    question, _ = make_messages()
    written = Message(
        conversation=question.conversation,
        parent=question,
        role="assistant",
        citations=citations,
        content=content,
        fallback_used=fallback_used,
        prompt_tokens=prompt_tokens,
        cost_usd=Decimal(0),
    )
    rows.insert(written)
    assert values_of(Message.objects.get(id=written.id)) == values_of(written)

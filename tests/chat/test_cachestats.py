"""The sums of caching without a server, and what the product learns of how conversations go on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from chat import habits
from chat.cachestats import cache_stats
from chat.models import Conversation, ConversationHabit, Message
from chat.outlook import Habit, key_of
from chat.tasks import learn_habits
from tests.people import make_alice

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_learned():
    habits.forget()
    yield
    habits.forget()


@pytest.fixture
def conversation() -> Conversation:
    return Conversation.objects.create(owner=make_alice())


def answer(conversation: Conversation, *, turn: int = 1, **facts) -> Message:
    facts = {"generation_id": "gen-1", "model": "openai/gpt-4o", **facts}
    return Message.objects.create(conversation=conversation, role="assistant", depth=2 * turn - 1, **facts)


def stats(conversation: Conversation) -> dict:
    return cache_stats(owner_id=conversation.owner_id, conversation_id=conversation.id)


def test_sums_are_exact(conversation: Conversation) -> None:
    for _ in range(10):
        answer(conversation, cost_usd=Decimal("0.1"), cache_discount_usd=Decimal("0.000000000001"))
    found = stats(conversation)
    assert (found["cost_usd"], found["savings_usd"]) == (Decimal("1.0"), Decimal("0.00000000001"))


def test_a_loss_is_shown_as_one(conversation: Conversation) -> None:
    answer(conversation, cost_usd=Decimal("0.5"), cache_discount_usd=Decimal("-0.1"))
    found = stats(conversation)
    assert found["cost_without_cache_usd"] == Decimal("0.4")
    assert found["savings_rate"] == -0.25


def test_an_unknown_cost_is_in_no_sum_of_money(conversation: Conversation) -> None:
    answer(conversation, cost_usd=None, cache_discount_usd=Decimal(1), cached_tokens_read=5)
    found = stats(conversation)
    assert (found["requests"], found["hits"], found["savings_usd"]) == (1, 1, 0)


def test_what_never_reached_a_model_is_no_request(conversation: Conversation) -> None:
    answer(conversation, generation_id="")
    assert stats(conversation)["requests"] == 0
    assert stats(conversation)["hit_rate"] == 0.0


def test_it_takes_two_queries_however_long_the_conversation_is(
    conversation: Conversation, django_assert_num_queries
) -> None:
    for _ in range(30):
        answer(conversation, cost_usd=Decimal(1))
    stats(conversation)
    with django_assert_num_queries(2):
        stats(conversation)


def answers_at(conversation: Conversation, *minutes: float, prompt_tokens: int = 500) -> None:
    start = timezone.now() - timedelta(days=3)
    for turn, minute in enumerate(minutes, 1):
        moment = start + timedelta(minutes=minute)
        answer(conversation, turn=turn, prompt_tokens=prompt_tokens, created_at=moment)


def test_habits_count_ends_and_pauses(conversation: Conversation) -> None:
    answers_at(conversation, 0, 3, 23, 200)
    assert learn_habits() == 4
    found = habits.current()
    assert found[key_of(prefix_tokens=500, turn=1)] == Habit(short=1)
    assert found[key_of(prefix_tokens=500, turn=2)] == Habit(long=1)
    assert found[key_of(prefix_tokens=500, turn=3)] == Habit(ended=1, longer=1)


@pytest.mark.parametrize(("is_public", "counted_as"), [(True, "translator"), (False, "")])
def test_published_presets_have_habits_of_their_own(
    conversation: Conversation, is_public: bool, counted_as: str
) -> None:
    moment = timezone.now() - timedelta(days=3)
    used = {"slug": "translator", "is_public": is_public}
    answer(conversation, prompt_tokens=500, created_at=moment, preset=used)
    learn_habits()
    assert habits.current()[key_of(preset=counted_as, prefix_tokens=500, turn=1)] == Habit(ended=1)


def test_a_conversation_of_today_may_go_on_yet(conversation: Conversation) -> None:
    answer(conversation, prompt_tokens=500)
    assert learn_habits() == 0


def test_learning_again_counts_nothing_twice(conversation: Conversation) -> None:
    answers_at(conversation, 0, 3)
    assert learn_habits() == learn_habits() == 2
    assert ConversationHabit.objects.count() == 2


def test_habits_are_read_once_for_many_questions(django_assert_num_queries) -> None:
    habits.current()
    with django_assert_num_queries(0):
        habits.current()

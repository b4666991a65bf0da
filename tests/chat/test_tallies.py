"""What is written down of a turn when it ends: who was asked, who answered, how long it took, what caching missed."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from chat.closing import Outcome, close_turn
from chat.inputs import ChatInput
from chat.models import Message, Turn, TurnAttempt
from chat.turns import OpenTurn, open_turn
from presets import catalogue
from tests.people import make_alice, make_user
from wisqu.accounts.models import User
from wisqu.openrouter.types import Usage

pytestmark = pytest.mark.django_db
GPT, CLAUDE = "openai/gpt-4o-mini", "anthropic/claude-sonnet-4.6"
DONE = Outcome(status=Turn.Status.DONE, content="Yes.")


@pytest.fixture
def alice() -> User:
    return make_alice()


def ask(user: User, **wishes: object) -> OpenTurn:
    return open_turn(owner_id=user.pk, chat=ChatInput(message="Why?", **wishes))


def end(opened: OpenTurn, outcome: Outcome = DONE, **facts: object) -> None:
    close_turn(turn_id=opened.turn_id, answer=opened.answer, outcome=replace(outcome, **facts))


def rows(*fields: str) -> list[tuple]:
    return list(TurnAttempt.objects.order_by("id").values_list(*fields))


def test_a_turn_that_went_well_is_one_attempt(alice: User) -> None:
    opened = ask(alice, model=GPT)
    end(opened, model=GPT, models_attempted=(GPT,), first_token_ms=300, total_ms=900)

    assert rows("turn_id", "owner_id", "plan", "asked", "model", "is_last", "status", "first_token_ms") == [
        (opened.turn_id, alice.pk, "premium", GPT, GPT, True, "done", 300)
    ]


def test_who_broke_off_and_who_helped_out_are_told_apart(alice: User) -> None:
    end(ask(alice, model=CLAUDE), model=GPT, models_attempted=(CLAUDE, GPT), first_token_ms=300)

    assert rows("asked", "model", "is_last", "status", "first_token_ms") == [
        (CLAUDE, CLAUDE, False, "failed", None),
        (CLAUDE, GPT, True, "done", 300),
    ]


def test_a_turn_that_nobody_answered_fails_with_the_last_who_was_asked(alice: User) -> None:
    end(
        ask(alice, model=CLAUDE),
        status="failed",
        content="",
        models_attempted=(CLAUDE, GPT),
        error_code="gone",
    )

    assert rows("model", "is_last", "status", "error_code", "plan") == [
        (CLAUDE, False, "failed", "", "premium"),
        (GPT, True, "failed", "gone", "premium"),
    ]


def test_a_dated_name_is_the_model_that_was_asked(alice: User) -> None:
    dated = next(model for model in catalogue.all_models() if model.canonical_slug and model.chats)
    end(ask(alice, model=dated.id), model=dated.canonical_slug, models_attempted=(dated.id,))

    assert rows("asked", "model", "is_last") == [(dated.id, dated.id, True)]


def test_closing_twice_writes_once(alice: User) -> None:
    opened = ask(alice)
    end(opened)
    end(opened)

    assert TurnAttempt.objects.count() == 1


def test_it_outlives_the_conversation_and_the_account(alice: User) -> None:
    opened = ask(alice)
    end(opened)
    opened.answer.conversation.delete()
    alice.delete()

    assert rows("turn_id") == [(opened.turn_id,)]


def missed(user: User, *, prompt: int, conversation: uuid.UUID | None = None, **wishes: object) -> Message:
    opened = ask(user, conversation_id=conversation, model=wishes.pop("model", CLAUDE), **wishes)
    usage = Usage(prompt_tokens=prompt, completion_tokens=5, reasoning_tokens=0, total_tokens=prompt + 5,
                  cost_usd=Decimal("0.01"))  # fmt: skip
    end(opened, model=opened.answer.model, generation_id=f"gen-{uuid.uuid4()}", usage=usage)
    return opened.answer


def last_missed() -> Decimal | None:
    return TurnAttempt.objects.latest("id").missed_savings_usd


def test_a_second_prompt_that_could_have_been_read_back_is_a_saving_missed(alice: User) -> None:
    first = missed(alice, prompt=5_000, enable_caching=False)
    written = last_missed()
    missed(alice, prompt=6_000, enable_caching=False, conversation=first.conversation_id)
    prices = catalogue.get(CLAUDE).prices

    assert written == 5_000 * (prices.prompt - prices.input_cache_write)  # a loss, alone
    read, more = prices.prompt - prices.input_cache_read, prices.prompt - prices.input_cache_write
    assert last_missed() == 5_000 * read + 1_000 * more


def test_after_a_pause_there_was_nothing_to_read_back(alice: User) -> None:
    first = missed(alice, prompt=5_000, enable_caching=False)
    Message.objects.filter(id=first.id).update(created_at=first.created_at - timedelta(minutes=6))
    missed(alice, prompt=6_000, enable_caching=False, conversation=first.conversation_id)

    assert last_missed() < 0


def test_a_plan_without_caching_misses_it_too() -> None:
    from billing.models import PlanLimit

    PlanLimit.objects.filter(slug="premium").update(prompt_caching=False)
    missed(make_user(plan="premium"), prompt=5_000)

    assert last_missed() is not None


@pytest.mark.parametrize(
    "wishes",
    [
        {"prompt": 5_000},  # caching was on, used or not
        {"prompt": 5_000, "enable_caching": False, "model": GPT},  # caches unasked
        {"prompt": 100, "enable_caching": False},  # too short for any cache
    ],
    ids=["on", "automatic", "short"],
)
def test_nothing_is_missed_where_caching_was_on_or_could_not_be(alice: User, wishes: dict) -> None:
    missed(alice, **wishes)

    assert last_missed() is None

"""An answer that goes from one process to another: whole, told once, charged once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from billing.models import LedgerEntry, MonthlyUsageQuota
from chat import handing, running, upstream
from chat.checkpoints import count_events
from chat.handing import Handed
from chat.inputs import ChatInput
from chat.models import Message, OwedGeneration, Turn
from chat.relaying import RelayedTurn
from chat.turns import OpenTurn, open_turn
from tests.live import Sandbox
from tests.people import make_user
from wisqu.api.threads import close_all, in_thread

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = 60
WHOLE = " ".join(f"w{number}" for number in range(1, WORDS + 1))
STOPPED = ("interrupted", "The server stopped.")


@pytest.fixture
async def given(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Handed]]:
    """What was handed on, as it arrives elsewhere."""
    found: list[Handed] = []

    async def give(handed: Handed) -> bool:
        found.append(handing._decode(handing._encode(handed)))
        return True

    monkeypatch.setattr(handing, "is_possible", lambda: True)
    monkeypatch.setattr(handing, "give", give)
    await upstream.client().connect()
    yield found
    await upstream.close()
    close_all()


async def begun(sandbox: Sandbox, message: str, **fields: Any) -> Any:
    """Start a turn and wait until its reader has some words of it."""
    user = await in_thread(make_user, plan="premium")
    opened = await in_thread(open_turn, owner_id=user.pk, chat=ChatInput(message=message, **fields))
    assert isinstance(opened, OpenTurn)
    turn = running.start(opened)
    while turn.turn_log.last_seq < 12:
        await asyncio.sleep(0.01)
    return turn


async def gone_on_with(handed: Handed) -> RelayedTurn:
    opened = await in_thread(handing.claim, handed)
    assert opened is not None
    turn = running._run(RelayedTurn(opened, handed))
    await turn.task
    return turn


# The first goes on from its own words, the second has to be told to.
@pytest.mark.parametrize("model", ["deepseek/deepseek-v3.2", "openai/gpt-4o-mini"])
async def test_another_process_goes_on_to_the_last_word(
    sandbox: Sandbox, given: list[Handed], model: str
) -> None:
    first = await begun(sandbox, f"Hand [[words:{WORDS}]] [[pace:20ms]]", model=model, fallback_models=[])
    seen = first.turn_log.last_seq
    first.hand_on(otherwise=STOPPED)
    await first.task
    assert first.is_handed_on
    assert await in_thread(lambda: Turn.objects.get().status) == "running"

    second = await gone_on_with(given[0])
    answer = await in_thread(Message.objects.get, role="assistant")
    assert (answer.status, answer.content, answer.fallback_used) == ("done", WHOLE, False)
    assert count_events(answer.stream_ends) == second.turn_log.last_seq > seen
    assert first.turn_log.since(0) == second.turn_log.since(0)[: first.turn_log.last_seq]
    charged = await in_thread(MonthlyUsageQuota.objects.get)
    assert (charged.used_messages, charged.held_messages, charged.held_tokens) == (1, 0, 0)
    # What the first generation cost stands there too, or is still to be asked: never twice, never not at all.
    booked = await in_thread(list, LedgerEntry.objects.values_list("generation_id", flat=True))
    booked += await in_thread(list, OwedGeneration.objects.values_list("generation_id", flat=True))
    sent = await in_thread(lambda: sandbox.ledger(session=str(answer.conversation_id)))
    assert sorted(booked) == sorted(entry["id"] for entry in sent)
    assert len(booked) == 2


async def test_what_ended_meanwhile_is_taken_up_by_nobody(sandbox: Sandbox, given: list[Handed]) -> None:
    turn = await begun(sandbox, f"End [[words:{WORDS}]] [[pace:20ms]]")
    turn.hand_on(otherwise=STOPPED)
    await turn.task
    await in_thread(Turn.objects.update, status="failed")
    assert await in_thread(handing.claim, given[0]) is None


async def test_where_nobody_can_be_told_the_answer_ends_as_interrupted(
    sandbox: Sandbox, given: list[Handed], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(handed: Handed) -> bool:
        return False

    monkeypatch.setattr(handing, "give", nobody)
    turn = await begun(sandbox, f"Alone [[words:{WORDS}]] [[pace:20ms]]")
    turn.hand_on(otherwise=STOPPED)
    await turn.task
    answer = await in_thread(Message.objects.get, role="assistant")
    assert (answer.status, answer.error_code) == ("failed", "interrupted")
    assert answer.content
    assert WHOLE.startswith(answer.content)
    assert (await in_thread(MonthlyUsageQuota.objects.get)).used_messages == 0


async def test_a_person_who_stops_is_heard_first(sandbox: Sandbox, given: list[Handed]) -> None:
    turn = await begun(sandbox, f"Stop [[words:{WORDS}]] [[pace:20ms]]")
    turn.stop()
    turn.hand_on(otherwise=STOPPED)
    await turn.task
    assert not given
    assert await in_thread(lambda: Message.objects.get(role="assistant").status) == "stopped"

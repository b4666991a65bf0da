"""The producer by itself, in the process of the test."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from billing.models import MonthlyUsageQuota
from chat import api, checkpoints, producing, running, upstream
from chat.closing import Outcome, close_turn
from chat.inputs import ChatInput, RegenerateInput
from chat.models import Message, OwedGeneration, Turn
from chat.producing import RunningTurn
from chat.turns import OpenTurn, open_turn
from tests.chat.test_checking import ALTERED
from tests.people import make_user
from wisqu.api import threads
from wisqu.api.threads import close_all, in_thread
from wisqu.openrouter.types import Usage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _clean_threads():
    yield
    close_all()


async def open_one(message: str) -> OpenTurn:
    user = await in_thread(make_user, plan="premium")
    opened = await in_thread(open_turn, owner_id=user.pk, chat=ChatInput(message=message))
    assert isinstance(opened, OpenTurn)
    return opened


async def state_of(opened: OpenTurn) -> tuple[str, int]:
    turn = await in_thread(Turn.objects.get, id=opened.turn_id)
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    return turn.status, quota.held_messages


async def test_a_turn_stopped_before_its_first_step_is_closed_and_free() -> None:
    opened = await open_one("Never [[words:100]]")
    turn = running.start(opened)
    turn.stop()
    await turn.task
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    assert await state_of(opened) == ("stopped", 0)
    assert quota.used_messages == 0
    await upstream.close()


async def test_shutting_down_closes_every_turn_that_nobody_can_take_up(settings) -> None:
    opened = await open_one("Long [[words:1000]] [[pace:10ms]]")
    turn = running.start(opened)
    await asyncio.sleep(0.5)
    settings.REDIS_URL = ""
    await running.shut_down()
    assert await state_of(opened) == ("failed", 0)
    assert turn.message.error_code == "interrupted"
    await upstream.close()


async def test_a_reader_that_leaves_costs_the_others_nothing() -> None:
    opened = await open_one("Readers [[words:60]] [[pace:5ms]]")
    turn = running.start(opened)

    async def read(limit: int) -> int:
        seen = 0
        async for batch in turn.turn_log.follow(0):
            seen += len(batch)
            if seen >= limit:
                break
        return seen

    leaver, *stayers = await asyncio.gather(read(3), read(10_000), read(10_000))
    assert leaver < stayers[0] == stayers[1] == turn.turn_log.last_seq
    await upstream.close()


@pytest.mark.parametrize(("failures", "status"), [(2, "done"), (9, "failed")])
async def test_a_database_that_is_away_for_a_moment_loses_no_end(
    monkeypatch, failures: int, status: str
) -> None:
    tries = []

    def away(**facts):
        tries.append(1)
        if len(tries) <= failures:
            raise OperationalError
        return close_turn(**facts)

    monkeypatch.setattr(threads, "AGAIN_AFTER_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr(producing, "close_turn", away)
    turn = running.start(await open_one("Away [[words:3]] [[pace:fast]]"))
    assert turn.task
    await turn.task
    assert (turn.message.status, turn.message.content) == (status, "w1 w2 w3")
    await upstream.close()


async def test_a_text_that_could_not_be_stored_is_stored_the_next_time(monkeypatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError

    turn = RunningTurn(await open_one("Kept"))
    turn._write("The words.")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_save", away)
        with pytest.raises(OperationalError):
            await checkpoints.save([turn])
    await checkpoints.save([turn])
    assert (await in_thread(Message.objects.get, id=turn.opened.answer.id)).content == "The words."


async def test_a_generation_is_noted_before_its_first_word(monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "INTERVAL", 60)
    turn = running.start(await open_one("Late [[first:60000ms]]"))
    until = time.monotonic() + 30
    while not (noted := (await in_thread(Message.objects.get, id=turn.opened.answer.id)).generation_id):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    assert (noted, turn.text()) == (turn.stream.generation_id, "")
    turn.stop()
    await turn.task
    await upstream.close()


async def test_a_process_that_dies_over_a_repair_leaves_its_cost_to_be_asked() -> None:
    turn = running.start(await open_one(f"[[pace:fast]] [[reply:{ALTERED}]]"))
    until = time.monotonic() + 30
    while (owed := await in_thread(OwedGeneration.objects.first)) is None:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    turn.task.cancel()  # as a death: nothing is closed
    await asyncio.gather(turn.task, return_exceptions=True)
    assert (owed.kind, owed.message_id, owed.turn_id) == ("repair", turn.opened.answer.id, None)
    await upstream.close()


async def test_a_client_that_leaves_while_its_question_is_stored_is_answered_all_the_same() -> None:
    user = await in_thread(make_user, plan="premium")
    is_opening = threading.Event()

    def opening(**options) -> OpenTurn:
        is_opening.set()
        time.sleep(0.1)
        return open_turn(
            owner_id=user.pk, chat=ChatInput(message="Gone [[words:3]] [[pace:fast]]"), **options
        )

    request = RequestFactory().post("/api/v1/chat")
    asking = asyncio.create_task(api._open(request, opening, RegenerateInput(stream=True), None))
    await asyncio.to_thread(is_opening.wait)
    asking.cancel()
    until = time.monotonic() + 30
    while not await in_thread(Turn.objects.filter(status="done").exists):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    await upstream.close()


async def test_a_usage_that_cannot_be_is_not_believed() -> None:
    opened = await open_one("Absurd")
    usage = Usage(prompt_tokens=10**15, completion_tokens=-3, reasoning_tokens=0, total_tokens=10**15)
    outcome = Outcome(status="done", content="Some words.", generation_id="gen-1" * 100, usage=usage)
    message = await in_thread(close_turn, turn_id=opened.turn_id, answer=opened.answer, outcome=outcome)
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    assert message.total_tokens is None
    assert 0 < quota.used_tokens < 1000


async def test_what_caching_saved_is_booked() -> None:
    opened = await open_one("Saved")
    usage = Usage(prompt_tokens=2000, completion_tokens=10, reasoning_tokens=0, total_tokens=2010,
                  cached_tokens_read=1500, cached_tokens_written=0, cost_usd=Decimal("0.0021"))  # fmt: skip
    outcome = Outcome(
        status="done", content="x", model="anthropic/claude-sonnet-4.5", generation_id="gen-2", usage=usage
    )
    await in_thread(close_turn, turn_id=opened.turn_id, answer=opened.answer, outcome=outcome)
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    assert quota.cache_savings_usd == 1500 * (Decimal("0.000003") - Decimal("0.0000003"))

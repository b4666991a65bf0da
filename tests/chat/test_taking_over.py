"""Turns whose models fail: the next one answers, or goes on; nothing is doubled, lost, or paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from billing.models import LedgerEntry, MonthlyUsageQuota
from chat import checkpoints, fallback, handing, owed, providers, running, sweeping, upstream
from chat.following import follow
from chat.inputs import ChatInput
from chat.models import Conversation, Message, OwedGeneration, Turn
from chat.producing import RunningTurn
from chat.sweeping import DEAD_AFTER, close_abandoned_turns
from chat.turns import OpenTurn, open_turn
from tests.live import Sandbox
from tests.people import make_user
from wisqu.accounts.models import User
from wisqu.api import threads
from wisqu.api.problems import Invalid
from wisqu.api.threads import close_all, in_thread
from wisqu.api.vigil import Vigil
from wisqu.openrouter.deadlines import Deadlines

pytestmark = pytest.mark.django_db(transaction=True)

MINI, GPT, GEMINI, SONNET = (
    "openai/gpt-4o-mini", "openai/gpt-4o", "google/gemini-2.5-flash", "anthropic/claude-sonnet-4.5",
)  # fmt: skip
CHAIN = {"model": MINI, "fallback_models": [GPT, GEMINI]}
QUICK = "[[pace:fast]]"


@pytest.fixture(autouse=True)
async def _of_this_test_alone(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    short = Deadlines(first_byte=3, silence=3, total=90, longest_wait=0.1, backoff=0.01)
    monkeypatch.setattr(
        fallback,
        "PATIENCE",
        fallback.Patience(usual=short, hurried=short, rushed=short, silence=60, pause=0.05),
    )
    fallback.breakers.clear()
    providers.forget()
    yield
    await upstream.close()
    fallback.breakers.clear()
    close_all()


@dataclass
class Answered:
    """A turn that ended: what its readers saw, what is stored, what the sandbox was sent."""

    events: list[dict[str, Any]]
    message: Message
    sent: list[dict[str, Any]]

    @property
    def text(self) -> str:
        return "".join(event["content"] for event in self.events if event["type"] == "content")

    @property
    def notes(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == "routing"]


async def opened(message: str, **fields: Any) -> OpenTurn:
    await upstream.client().connect()  # which may take longer than a model here
    user = await in_thread(somebody)
    found = await in_thread(open_turn, owner_id=user.pk, chat=ChatInput(message=message, **fields))
    assert isinstance(found, OpenTurn)
    return found


def somebody() -> User:
    return User.objects.first() or make_user(plan="premium")


async def ended(turn: RunningTurn, sandbox: Sandbox) -> Answered:
    await turn.task
    events = [json.loads(body) for _, body in turn.turn_log.since(0)]
    sent = await in_thread(lambda: sandbox.ledger(session=str(turn.opened.conversation_id)))
    message = await in_thread(Message.objects.get, id=turn.opened.answer.id)
    return Answered(events, message, sent)


async def ask(sandbox: Sandbox, message: str, **fields: Any) -> Answered:
    (answered,) = await ask_all(sandbox, {message: fields})
    return answered


async def ask_all(sandbox: Sandbox, questions: dict[str, dict[str, Any]]) -> list[Answered]:
    """Ask all at once: a test empties the database once."""
    turns = [running.start(await opened(text, **{**CHAIN, **fields})) for text, fields in questions.items()]
    return [await ended(turn, sandbox) for turn in turns]


def words(count: int) -> str:
    return " ".join(f"w{number}" for number in range(1, count + 1))


async def pay() -> None:
    await in_thread(OwedGeneration.objects.update, due_at=timezone.now())
    await owed.pay_due(upstream.client())


async def in_the_ledger() -> dict[str, LedgerEntry]:
    entries = await in_thread(list, LedgerEntry.objects.all())
    assert len({entry.generation_id for entry in entries}) == len(entries)
    return {entry.generation_id: entry for entry in entries}


# --- Taking over ----------------------------------------------------------------------------------


async def test_a_database_that_is_away_loses_no_cost_of_what_broke_off(sandbox: Sandbox, monkeypatch) -> None:
    tries = []
    note = owed.note

    def away(**facts):
        tries.append(1)
        if len(tries) <= 2:
            raise OperationalError
        note(**facts)

    monkeypatch.setattr(threads, "AGAIN_AFTER_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr(owed, "note", away)
    got = await ask(sandbox, f"[[words:40]] [[fault:cut model={MINI} after=11]] {QUICK}", **CHAIN)
    await pay()
    charged = {entry["id"] for entry in got.sent if Decimal(str(entry["cost"] or 0))}

    assert got.message.status == "done"
    assert len(tries) == 3
    assert charged == set(await in_the_ledger())


async def test_what_breaks_off_is_taken_up_by_the_next_model(sandbox: Sandbox) -> None:
    faults = ("cut", "error-mid", "error-mid-null", "silent-end", "stall-mid")
    questions = {f"[[words:40]] [[fault:{each} model={MINI} after=11]] {QUICK}": {} for each in faults}
    for got in await ask_all(sandbox, questions):
        assert got.text == got.message.content == words(40)
        assert (got.message.status, got.message.final_model_used, got.message.fallback_used) == (
            "done",
            GPT,
            True,
        )
        assert got.message.models_attempted == [MINI, GPT]
        assert [entry["model_requested"] for entry in got.sent] == [MINI, GPT]


async def test_the_reader_gets_a_note_between_the_words(sandbox: Sandbox) -> None:
    got = await ask(
        sandbox,
        f"Note [[words:40]] [[fault:cut model={MINI} after=11]] {QUICK}",
        fallback_models=["deepseek/deepseek-v3.2"],
    )
    kinds = [event["type"] for event in got.events]
    assert kinds.index("content") < kinds.index("routing") < len(kinds) - kinds[::-1].index("content")
    assert got.notes[0]["final_model_used"] == "deepseek/deepseek-v3.2"
    assert got.notes[0]["reason"] == got.notes[1]["reason"] == f"{MINI} broke off"
    assert got.sent[1]["request"]["messages"][-1] == {"role": "assistant", "content": words(11)}
    assert got.text == words(40)


async def test_an_answer_may_break_off_three_times(sandbox: Sandbox) -> None:
    faults = "".join(f"[[fault:cut model={name} times=1 after=9 key=thrice]]" for name in (MINI, GPT, GEMINI))
    got = await ask(sandbox, f"Thrice [[words:60]] {faults} {QUICK}")
    assert got.text == got.message.content == words(60)
    assert [entry["model_requested"] for entry in got.sent] == [MINI, GPT, GEMINI, MINI]
    assert got.message.fallback_used is False
    assert got.message.routing_reason == "; ".join(f"{name} broke off" for name in (MINI, GPT, GEMINI))


async def test_what_fails_before_its_first_word_is_answered_by_another(sandbox: Sandbox) -> None:
    faults = ("402", "404-deprecated", "stall-first", "stall-comments", "empty", "200-html")
    questions = {f"[[words:9]] [[fault:{each} model=first times=1]] {QUICK}": {} for each in faults}
    for got in await ask_all(sandbox, questions):
        assert (got.message.status, got.text) == ("done", words(9))
        assert got.notes[-1]["models_attempted"] == got.message.models_attempted == [MINI, GPT]


async def test_a_wrong_key_is_not_tried_with_every_model(sandbox: Sandbox, settings) -> None:
    settings.OPENROUTER_API_KEY = "sk-or-bad"
    got = await ask(sandbox, f"Key {QUICK}")
    assert (got.message.status, got.message.error_code) == ("failed", "upstream_misconfigured")
    assert len(got.sent) <= 1


async def test_when_nobody_answers_what_came_is_kept_and_costs_nothing(sandbox: Sandbox) -> None:
    got = await ask(sandbox, f"None [[words:40]] [[fault:cut after=4]] {QUICK}")
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    assert (got.message.status, got.message.error_code) == ("failed", "interrupted")
    assert got.text == got.message.content
    assert got.text.startswith(words(12))
    assert len(got.sent) == 6
    assert (quota.used_messages, quota.used_tokens, quota.held_messages) == (0, 0, 0)


async def test_a_request_without_fallbacks_is_asked_of_one_model(sandbox: Sandbox) -> None:
    got = await ask(sandbox, f"Alone [[words:40]] [[fault:cut after=4]] {QUICK}", fallback_models=[])
    assert (got.message.status, len(got.sent)) == ("failed", 1)
    assert "provider" not in got.sent[0]["request"]


async def test_a_model_that_keeps_failing_costs_no_time(sandbox: Sandbox) -> None:
    for _ in range(5):
        fallback.breakers.failed(MINI)
    got = await ask(sandbox, f"Dead [[words:5]] [[fault:stall-first model={MINI}]] {QUICK}")
    assert [entry["model_requested"] for entry in got.sent] == [GPT]
    assert got.message.first_token_ms < 300
    assert got.message.routing_reason == f"{MINI} has been failing lately"


# --- The ledger -----------------------------------------------------------------------------------


async def test_every_generation_has_one_entry_and_the_user_pays_for_one(sandbox: Sandbox) -> None:
    faults = f"[[fault:cut model={MINI} after=9]] [[fault:error-mid model={GPT} after=9]]"
    got = await ask(sandbox, f"Bill [[words:40]] {faults} {QUICK}")
    before = await in_thread(OwedGeneration.objects.count)
    await pay()
    entries, quota = await in_the_ledger(), await in_thread(MonthlyUsageQuota.objects.get)
    assert {entry["id"]: Decimal(str(entry["cost"])) for entry in got.sent} == {
        name: entry.cost_usd for name, entry in entries.items()
    }
    assert before == 1  # the cut one; the error came with its usage
    assert [entries[entry["id"]].messages for entry in got.sent] == [0, 0, 1]
    assert quota.used_messages == 1
    assert quota.used_tokens == entries[got.message.generation_id].tokens == got.message.total_tokens
    assert {entry.reference for entry in entries.values()} == {got.message.id}
    assert await in_thread(OwedGeneration.objects.count) == 0


async def test_what_is_owed_is_paid_once_however_often_it_is_asked(sandbox: Sandbox) -> None:
    await ask(sandbox, f"Once [[words:40]] [[fault:cut model={MINI} after=9]] {QUICK}")
    (row,) = await in_thread(list, OwedGeneration.objects.all())
    await pay()
    await in_thread(row.save, force_insert=True)  # a crash between booking and forgetting
    await pay()
    assert len(await in_the_ledger()) == 2
    assert not await in_thread(OwedGeneration.objects.exists)


async def test_a_cost_that_is_told_late_keeps_no_reader_waiting(sandbox: Sandbox) -> None:
    turn = running.start(
        await opened("Late [[words:500]] [[pace:10ms]] [[fault:generation-late seconds=600]]", **CHAIN)
    )
    while not turn.parts:
        await asyncio.sleep(0.02)
    turn.stop()
    got = await ended(turn, sandbox)
    assert got.message.status == "stopped"
    assert await in_thread(LedgerEntry.objects.count) == 0
    await in_thread(sandbox.advance, 600)
    await pay()
    (entry,) = (await in_the_ledger()).values()
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    stored = await in_thread(Message.objects.get, id=got.message.id)
    assert entry.cost_usd == stored.cost_usd == Decimal(str(got.sent[0]["cost"]))
    assert (entry.messages, quota.used_messages, quota.held_messages) == (1, 1, 0)


async def test_a_cost_that_is_never_told_is_booked_as_unknown(sandbox: Sandbox) -> None:
    await ask(sandbox, f"Never [[words:40]] [[fault:cut model={MINI} after=9]] {QUICK}")
    await in_thread(OwedGeneration.objects.update, tries=7, generation_id="gen-never-heard-of")
    await pay()
    entry = (await in_the_ledger())["gen-never-heard-of"]
    assert (entry.cost_usd, entry.cost_source, entry.messages) == (None, "unknown", 0)


# --- Stop, death, readers -------------------------------------------------------------------------


async def test_stopping_while_another_model_goes_on(sandbox: Sandbox) -> None:
    turn = running.start(
        await opened(f"Stop [[words:400]] [[pace:10ms]] [[fault:cut model={MINI} after=9]]", **CHAIN)
    )
    while len(turn.text().split()) < 20:
        await asyncio.sleep(0.02)
    turn.stop()
    got = await ended(turn, sandbox)
    await pay()
    entries = await in_the_ledger()
    assert (got.message.status, got.message.models_attempted) == ("stopped", [MINI, GPT])
    assert got.text == got.message.content == words(400)[: len(got.text)]
    assert got.sent[1]["aborted_at"] is not None
    assert [entries[entry["id"]].messages for entry in got.sent] == [0, 1]


async def test_stopping_between_two_models(sandbox: Sandbox) -> None:
    fault = f"[[fault:cut model={MINI} after=9]] [[fault:stall-first model={GPT}]]"
    turn = running.start(await opened(f"Between [[words:400]] {fault} {QUICK}", **CHAIN))
    while not turn.parts or turn.stream is None or turn.stream.generation_id:
        await asyncio.sleep(0.01)
    turn.stop()
    got = await ended(turn, sandbox)
    await pay()
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    assert (got.message.status, got.text, got.message.final_model_used) == ("stopped", words(9), MINI)
    assert (quota.used_messages, quota.held_messages) == (1, 0)
    assert got.sent[0]["id"] in await in_the_ledger()


async def test_stopping_before_upstream_has_said_its_id_loses_no_cost(sandbox: Sandbox) -> None:
    turn = running.start(await opened(f"At once [[words:400]] {QUICK}", **CHAIN))
    session = str(turn.opened.conversation_id)
    # Looking blocks the loop: upstream writes, and here nobody has read a byte of it.
    while not any(entry["first_token_at"] for entry in sandbox.ledger(session=session)):
        await asyncio.sleep(0)
    assert turn.stream is not None
    assert turn.stream.generation_id is None
    turn.stop()
    got = await ended(turn, sandbox)
    await pay()
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    entries = await in_the_ledger()
    assert (got.message.status, got.text, quota.used_messages, quota.held_messages) == ("stopped", "", 0, 0)
    assert got.sent[0]["cost"] > 0
    assert entries[got.sent[0]["id"]].cost_usd == Decimal(str(got.sent[0]["cost"]))


async def test_a_stop_that_meets_a_failure_asks_no_other_model(sandbox: Sandbox) -> None:
    turn = running.start(await opened(f"Not [[words:9]] [[fault:402 model={MINI}]] {QUICK}", **CHAIN))
    while turn.stream is None:
        await asyncio.sleep(0)
    turn.stop()
    got = await ended(turn, sandbox)
    assert (got.message.status, len(got.sent)) == ("stopped", 1)


async def test_a_server_that_ends_keeps_the_words_of_both_models(sandbox: Sandbox, monkeypatch) -> None:
    monkeypatch.setattr(handing, "is_possible", lambda: False)
    turn = running.start(
        await opened(f"End [[words:400]] [[pace:10ms]] [[fault:cut model={MINI} after=9]]", **CHAIN)
    )
    while len(turn.text().split()) < 20:
        await asyncio.sleep(0.02)
    await running.shut_down()
    got = await ended(turn, sandbox)
    quota = await in_thread(MonthlyUsageQuota.objects.get)
    assert (got.message.status, got.message.error_code) == ("failed", "interrupted")
    assert got.message.content == got.text == words(400)[: len(got.text)]
    assert (quota.used_messages, quota.held_messages) == (0, 0)


async def test_a_process_that_dies_at_its_second_model_leaves_both_costs(sandbox: Sandbox) -> None:
    turn = running.start(
        await opened(f"Die [[words:400]] [[pace:10ms]] [[fault:cut model={MINI} after=9]]", **CHAIN)
    )
    while len(turn.text().split()) < 20:
        await asyncio.sleep(0.02)
    saved = await die(turn)
    assert await in_thread(close_abandoned_turns, Vigil(for_s=0)) == 1
    await pay()
    sent = await in_thread(lambda: sandbox.ledger(session=str(turn.opened.conversation_id)))
    entries = await in_the_ledger()
    message = await in_thread(Message.objects.get, id=turn.opened.answer.id)
    assert {entry["id"] for entry in sent} == set(entries)
    assert sum(entry.messages for entry in entries.values()) == 0
    assert (message.status, message.content) == ("failed", saved)


async def test_a_cost_that_the_sweeper_is_not_told_yet_is_booked_later(sandbox: Sandbox, monkeypatch) -> None:
    turn = running.start(
        await opened("Die [[words:400]] [[pace:10ms]] [[fault:generation-late seconds=600]]")
    )
    while len(turn.text().split()) < 5:
        await asyncio.sleep(0.02)
    await die(turn)
    monkeypatch.setattr(sweeping.costs, "AT_ONCE_S", (0.0,))
    assert await in_thread(close_abandoned_turns, Vigil(for_s=0)) == 1
    assert not await in_the_ledger()
    await in_thread(sandbox.advance, 600)
    await pay()
    (sent,) = await in_thread(lambda: sandbox.ledger(session=str(turn.opened.conversation_id)))
    (entry,) = (await in_the_ledger()).values()
    assert (entry.cost_usd, entry.messages) == (Decimal(str(sent["cost"])), 0)


async def die(turn: RunningTurn) -> str:
    """Let the turn's producer die after a checkpoint, and return the text that was stored."""
    await checkpoints.save([turn])
    turn.task.cancel()  # as a death: nothing is closed
    await asyncio.gather(turn.task, return_exceptions=True)
    await in_thread(Turn.objects.update, heartbeat_at=timezone.now() - DEAD_AFTER - timedelta(seconds=1))
    stored = await in_thread(Message.objects.get, id=turn.opened.answer.id)
    return str(stored.content)


async def test_numbers_stay_right_for_readers_who_come_back(sandbox: Sandbox) -> None:
    turn = running.start(
        await opened(f"Follow [[words:40]] [[fault:cut model={MINI} after=11]] {QUICK}", **CHAIN)
    )
    got = await ended(turn, sandbox)
    running.logs._logs.clear()  # as after a restart: only the database is left
    stored = await in_thread(Turn.objects.select_related("answer").get, id=turn.turn_id)
    for seen in range(len(got.events)):
        before = "".join(event.get("content", "") for event in got.events[:seen])
        rest = [json.loads(body) async for batch in follow(stored, seen) for _, body in batch]
        assert before + "".join(event.get("content", "") for event in rest) == got.message.content
        assert rest[-1]["type"] == "done"


# --- Strategies and names -------------------------------------------------------------------------


async def test_a_strategy_changes_what_is_sent_and_who_serves(sandbox: Sandbox) -> None:
    expected = {"auto": (None, "OpenAI"), "price": ("price", "Fireworks"), "latency": ("latency", "Azure")}
    questions = {f"[[words:3]] {QUICK} {each}": {"routing_strategy": each} for each in expected}
    for got in await ask_all(sandbox, questions):
        sent = got.sent[0]["request"]["provider"]
        assert (sent.get("sort"), got.message.provider) == expected[got.message.routing_strategy]
        assert sent["max_price"] == {"prompt": "3.75", "completion": "15"}


async def test_uptime_asks_for_the_provider_that_was_up(sandbox: Sandbox) -> None:
    await in_thread(sandbox._call, "/sandbox/uptime", {"model": MINI, "provider": "openai", "uptime": 60.0})
    turn = running.start(await opened(f"Up [[words:3]] {QUICK}", routing_strategy="uptime", **CHAIN))
    first = await ended(turn, sandbox)
    while not providers.known(MINI):
        await asyncio.sleep(0.02)
    chat = ChatInput(
        message=f"Again [[words:3]] {QUICK}",
        routing_strategy="uptime",
        conversation_id=turn.opened.conversation_id,
        **CHAIN,
    )
    again = running.start(await in_thread(open_turn, owner_id=turn.opened.owner_id, chat=chat))
    second = await ended(again, sandbox)
    await in_thread(sandbox.reset)
    assert "order" not in first.sent[0]["request"]["provider"]
    assert second.sent[1]["request"]["provider"]["order"] == ["azure", "fireworks", "openai"]
    assert second.message.provider == "Azure"


async def test_a_retired_model_is_answered_by_its_successor_which_says_so(sandbox: Sandbox, settings) -> None:
    settings.LLM_MODEL = "anthropic/claude-3.5-sonnet"
    settings.DEFAULT_FALLBACK_MODELS = ["google/gemini-2.5-flash-image-preview", MINI]
    by_name = {"model": "anthropic/claude-3.5-sonnet", "fallback_models": []}
    by_settings = {"model": None, "fallback_models": None}
    questions = {f"[[words:3]] {QUICK} A": by_name, f"[[words:3]] {QUICK} B": by_settings}
    one, other = await ask_all(sandbox, questions)
    assert (one.message.model, one.sent[0]["model_requested"]) == (SONNET, SONNET)
    assert one.message.fallback_used is False
    assert one.notes[-1]["reason"] == f"anthropic/claude-3.5-sonnet was retired, its successor is {SONNET}"
    assert (other.message.model, other.message.routing_reason) == (SONNET, one.message.routing_reason)
    assert other.sent[0]["request"]["models"] == [MINI]


async def test_a_conversations_model_that_is_gone_is_replaced_and_that_is_said(sandbox: Sandbox) -> None:
    first = running.start(await opened(f"First [[words:3]] {QUICK}", **CHAIN))
    await first.task
    await in_thread(Conversation.objects.update, model="gone/for-ever")
    chat = ChatInput(message=f"Then [[words:3]] {QUICK}", conversation_id=first.opened.conversation_id)
    then = running.start(await in_thread(open_turn, owner_id=first.opened.owner_id, chat=chat))
    got = await ended(then, sandbox)
    assert (got.message.model, got.text) == (SONNET, words(3))
    assert got.notes[-1]["reason"] == "gone/for-ever was not available"
    with pytest.raises(Invalid):
        await in_thread(
            open_turn, owner_id=first.opened.owner_id, chat=ChatInput(message="Hi", model="gone/for-ever")
        )

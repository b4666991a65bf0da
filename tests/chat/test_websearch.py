"""Searching the web for an answer: who may, what is sent, what it costs, and where its citations are told."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from billing.models import LedgerEntry
from chat import joining, receipts, upstream
from chat.archives import as_markdown
from chat.following import _stored_events
from chat.inputs import ChatInput, WebSearchOptions
from chat.models import Conversation, Message, Turn
from chat.producing import RunningTurn
from chat.turns import OpenTurn, open_turn
from presets import catalogue, keeping
from presets.models import CatalogueModel
from tests.clients import Api, text_of
from tests.live import Sandbox
from tests.people import make_alice, make_user
from wisqu.api.threads import close_all, in_thread
from wisqu.openrouter.types import ChatRequest, Delta, WebSearch
from wisqu.openrouter.types import Citation as WireCitation

MINI, GPT = "openai/gpt-4o-mini", "openai/gpt-4o"
QUICK = "[[pace:fast]]"


def ask(**fields: Any) -> ChatRequest:
    turn = open_turn(owner_id=make_alice().pk, chat=ChatInput(message="Salam", **fields))
    assert isinstance(turn, OpenTurn)
    return turn.request


@pytest.mark.django_db
def test_options_go_along_with_the_search_only() -> None:
    options = {"max_results": 4, "allowed_domains": ["Quran.com", "مثال.com"]}
    request = ask(web_search=True, web_search_options=options)
    assert request.web_search == WebSearch(4, ("quran.com", "xn--mgbh0fb.com"))


@pytest.mark.django_db
def test_options_alone_search_nothing() -> None:
    assert ask(web_search_options={"max_results": 4}).web_search is None


@pytest.mark.django_db
def test_a_model_without_tools_is_asked_in_the_older_form() -> None:
    CatalogueModel.objects.filter(slug=GPT).update(supported_parameters=["temperature"])
    catalogue.invalidate()
    turn = open_turn(
        owner_id=make_alice().pk,
        chat=ChatInput(message="Salam", model=MINI, fallback_models=[GPT], web_search=True),
    )
    assert isinstance(turn, OpenTurn)
    assert [each.request.web_search.as_plugin for each in turn.candidates if each.request.web_search] == [
        True,
        True,
    ]
    alone = open_turn(
        owner_id=make_user("bob@example.org", plan="premium").pk,
        chat=ChatInput(message="Salam", model=MINI, fallback_models=[], web_search=True),
    )
    assert isinstance(alone, OpenTurn)
    assert alone.request.web_search == WebSearch()


@pytest.mark.parametrize(
    "options",
    [
        {"max_results": 0},
        {"max_results": 11},
        {"max_results": "3"},
        {"allowed_domains": ["https://a.example"]},
        {"allowed_domains": ["127.0.0.1"]},
        {"allowed_domains": ["localhost"]},
        {"allowed_domains": ["a.local"]},
        {"allowed_domains": ["a.example:80"]},
        {"allowed_domains": ["a.example/path"]},
        {"allowed_domains": [""]},
        {"allowed_domains": ["a.example"], "excluded_domains": ["b.example"]},
        {"excluded_domains": [f"{n}.example" for n in range(21)]},
        {"engine": "native"},
    ],
)
def test_options_that_can_not_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        WebSearchOptions.model_validate(options)


@pytest.mark.django_db
def test_a_preset_searches_with_its_options() -> None:
    alice = make_alice()
    options = {"max_results": 2, "allowed_domains": [], "excluded_domains": ["b.example"]}
    values = {"name": "News", "web_search": True, "web_search_options": options}
    preset = keeping.make(owner_id=alice.pk, values=values)
    turn = open_turn(owner_id=alice.pk, chat=ChatInput(message="Salam", preset=preset.slug))
    assert isinstance(turn, OpenTurn)
    assert turn.request.web_search == WebSearch(2, (), ("b.example",))
    assert turn.answer.applied["web_search_options"] == {"value": options, "source": "preset"}


def test_a_search_is_told_priced_and_kept(alice: Api, sandbox: Sandbox) -> None:
    events = alice.stream(f"Search {QUICK}", web_search=True, web_search_options={"max_results": 2})
    told = [event for event in events if event["type"] == "citation"]
    message = events[-1]["message"]
    names = ("url", "title", "start", "end")
    assert [{name: each[name] for name in names} for each in told] == message["citations"]
    for each in message["citations"]:
        assert message["content"][each["start"] : each["end"]] == f"[{each['title']}]({each['url']})"
    assert (message["usage"]["web_searches"], message["usage"]["fees_usd"]) == (1, 0.007)
    (upstream_entry,) = sandbox.ledger(session=events[0]["conversation_id"])
    assert upstream_entry["request"]["tools"] == [
        {"type": "openrouter:web_search", "parameters": {"max_results": 2}}
    ]
    entry = LedgerEntry.objects.get(generation_id=upstream_entry["id"])
    assert (entry.fees_usd, entry.web_searches) == (Decimal("0.007"), 1)
    assert entry.cost_usd == Decimal(str(upstream_entry["cost"]))


def test_whoever_joins_late_is_told_the_same(alice: Api) -> None:
    events = alice.stream(f"Search {QUICK}", web_search=True)
    turn = Turn.objects.select_related("answer").get(id=events[0]["turn_id"])
    told = [event for event in events if event["type"] == "citation"]
    for after in (0, told[0]["seq"] - 1, told[0]["seq"], told[-1]["seq"]):
        joined = alice.join(str(turn.id), after=after)
        stored = _stored_events(turn, after)
        assert [each["url"] for each in joined if each["type"] == "citation"] == [
            each["url"] for each in told if each["seq"] > after
        ]
        assert [seq for seq, body in stored if b'"type":"citation"' in body] == [
            each["seq"] for each in told if each["seq"] > after
        ]


def test_a_reader_of_stored_events_may_leave_after_any_of_them(alice: Api) -> None:
    events = alice.stream(f"Search [[words:9]] {QUICK}", web_search=True)
    turn = Turn.objects.select_related("answer").get(id=events[0]["turn_id"])
    for cut in range(1, len(_stored_events(turn, 0))):
        first = _stored_events(turn, 0)[:cut]
        rest = _stored_events(turn, first[-1][0])
        told = [json.loads(body) for _, body in first + rest]
        assert text_of(told) == turn.answer.content
        assert [each["type"] for each in told].count("citation") == 3
        numbers = [seq for seq, _ in first + rest]
        assert numbers == sorted(set(numbers))


@pytest.mark.django_db
def test_a_receipt_names_what_searching_took() -> None:
    message = Message(cost_usd=Decimal("0.0071"), fees_usd=Decimal("0.007"), web_searches=1)
    facts = dict(receipts.facts(message))
    assert (facts["Web searches"], facts["of the cost, for searching"]) == ("1", "$0.0070")
    assert "Web searches" not in dict(
        receipts.facts(Message(cost_usd=Decimal("0.0071"), fees_usd=Decimal(0)))
    )


def test_an_answer_that_another_model_ends_keeps_its_citations_in_place(alice: Api) -> None:
    question = f"Take over [[words:30]] [[fault:cut model={MINI} after=20]] {QUICK}"
    events = alice.stream(question, model=MINI, fallback_models=[GPT], web_search=True)
    message = events[-1]["message"]
    assert message["fallback_used"]
    assert message["citations"]
    for each in message["citations"]:
        assert message["content"][each["start"] : each["end"]] == f"[{each['title']}]({each['url']})"


@pytest.mark.django_db(transaction=True)
async def test_citations_wait_for_words_whose_place_is_not_known_yet() -> None:
    user = await in_thread(make_alice)
    opened = await in_thread(open_turn, owner_id=user.pk, chat=ChatInput(message="Salam", web_search=True))
    assert isinstance(opened, OpenTurn)
    turn = RunningTurn(opened)
    turn.parts = ["The first half of an answer, which then"]
    turn._place, turn._joiner = len(turn.text()), joining.Joiner(turn.text(), told=True)
    repeated = joining.anchor(turn.text())
    early = WireCitation("https://a.example", "", len(repeated) + 1, len(repeated) + 5)
    turn._take(Delta(content=repeated[:20], citations=(early,)))
    assert turn.citations == []
    turn._take(Delta(content=repeated[20:] + " goes on. And on, for as long as it takes to know."))
    (kept,) = turn.citations
    assert turn.text()[kept.start : kept.end] == "goes"
    close_all()
    await upstream.close()
    await asyncio.sleep(0)


@pytest.mark.django_db
def test_a_file_and_a_document_have_the_sources() -> None:
    conversation = Conversation(owner=make_alice(), title="T")
    conversation.save()
    stored = {"url": "https://a.example/x", "title": "A", "start": 0, "end": 4, "seq": 3}
    answer = Message(conversation=conversation, role="assistant", content="One.", citations=[stored])
    answer.save()
    Conversation.objects.filter(id=conversation.id).update(head=answer)
    conversation.refresh_from_db()
    text = as_markdown(conversation)
    assert "One. [1]\n" in text
    assert "1. [A](<https://a.example/x>)" in text

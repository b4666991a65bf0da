"""A turn from door to ledger, asked over real HTTP of a real server with the sandbox behind it."""

from __future__ import annotations

import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

from billing.models import LedgerEntry, MonthlyUsageQuota, PlanLimit
from chat.models import Conversation, Message, Turn
from tests.clients import Api, text_of
from tests.live import Sandbox, Web
from tests.people import make_user

QUICK = "[[pace:fast]]"


def ledger_of(sandbox: Sandbox, conversation_id: str) -> list[dict]:
    return sandbox.ledger(session=conversation_id)


def test_a_question_is_answered_and_both_are_stored(alice: Api) -> None:
    answer = alice.ask(f"Salam [[reply:Peace be with you.]] {QUICK}").json()
    stored = Message.objects.get(id=answer["message"]["id"])
    assert (stored.content, stored.status) == ("Peace be with you.", "done")
    assert stored.parent.content.startswith("Salam")
    assert answer["conversation_id"] == str(stored.conversation_id)


def test_the_events_come_in_order_and_tell_the_same_as_the_message(alice: Api) -> None:
    events = alice.stream("Count [[words:40]] [[pace:2ms]]")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [events[0]["type"], events[-2]["type"], events[-1]["type"]] == ["start", "routing", "done"]
    assert (
        text_of(events) == events[-1]["message"]["content"] == Message.objects.get(role="assistant").content
    )


def test_every_fact_of_the_answer_is_kept(alice: Api) -> None:
    message = alice.ask(f"Facts [[words:10]] {QUICK}").json()["message"]
    assert message["usage"]["prompt_tokens"] > 0
    assert message["usage"]["cost_usd"] > 0
    assert message["usage"]["total_ms"] >= message["usage"]["first_token_ms"] >= 0
    assert message["generation_id"].startswith("gen-")
    assert message["finish_reason"] == "stop"


def test_cost_in_the_ledger_is_what_upstream_charged(alice: Api, sandbox: Sandbox) -> None:
    answer = alice.ask(f"Cost [[words:25]] {QUICK}").json()
    (upstream,) = ledger_of(sandbox, answer["conversation_id"])
    entry = LedgerEntry.objects.get(generation_id=upstream["id"])
    assert entry.cost_usd == Decimal(str(upstream["cost"]))
    assert entry.messages == 1
    assert entry.tokens == answer["message"]["usage"]["total_tokens"]


def test_a_turn_settles_its_hold(alice: Api) -> None:
    alice.ask(f"Settle {QUICK}")
    quota = MonthlyUsageQuota.objects.get()
    assert (quota.used_messages, quota.held_messages, quota.held_tokens) == (1, 0, 0)


def test_a_failed_answer_costs_no_message(alice: Api) -> None:
    response = alice.ask(f"Fail [[fault:502]] {QUICK}", fallback_models=[])
    usage = alice.usage()
    assert response.status_code in (502, 503)
    assert response.json()["code"] == "upstream_unavailable"
    assert usage["messages"] == {"used": 0, "limit": 2000, "remaining": 2000}


def test_the_operators_trouble_is_not_shown_as_the_users(alice: Api) -> None:
    for fault in ("401", "402"):
        body = alice.ask(f"[[fault:{fault}]]", fallback_models=[]).json()
        assert body["code"] == "upstream_misconfigured"
        assert "credit" not in body["detail"].lower()
        assert "sk-or" not in str(body)


def test_a_stream_that_breaks_keeps_its_text_and_says_so(alice: Api) -> None:
    events = alice.stream(f"Break [[words:30]] [[fault:cut after=10]] {QUICK}", fallback_models=[])
    error = events[-1]
    assert (error["type"], error["code"], error["retryable"]) == ("error", "interrupted", True)
    assert error["message"]["content"] == text_of(events) != ""
    assert alice.usage()["messages"]["used"] == 0


def test_a_broken_stream_stands_in_the_ledger_with_its_cost(alice: Api, sandbox: Sandbox) -> None:
    answer = alice.stream(f"Break [[words:30]] [[fault:cut after=10]] {QUICK}", fallback_models=[])[0]
    (upstream,) = ledger_of(sandbox, answer["conversation_id"])
    entry = LedgerEntry.objects.get(generation_id=upstream["id"])
    assert (entry.messages, entry.tokens) == (0, 0)
    assert entry.cost_usd == Decimal(str(upstream["cost"]))


def test_an_answer_that_never_stops_is_cut_and_charged_as_upstream_says(alice: Api, sandbox: Sandbox) -> None:
    events = alice.stream(f"On [[words:1]] [[fault:endless]] {QUICK}", max_tokens=50, fallback_models=[])
    message = events[-1]["message"]
    assert (events[-1]["type"], message["finish_reason"]) == ("done", "length")
    assert 2_000 < len(message["content"]) < 100_000
    (upstream,) = ledger_of(sandbox, events[0]["conversation_id"])
    entry = LedgerEntry.objects.get(generation_id=upstream["id"])
    assert entry.cost_usd == Decimal(str(upstream["cost"]))


def test_leaving_does_not_end_the_turn(alice: Api) -> None:
    with alice.streaming("Long [[words:60]] [[pace:10ms]]") as events:
        turn_id = next(events)["turn_id"]
    joined = alice.join(turn_id)
    assert text_of(joined) == joined[-1]["message"]["content"]
    assert len(joined[-1]["message"]["content"].split()) >= 60
    assert Turn.objects.get(id=turn_id).status == "done"


def test_stopping_ends_upstream_and_keeps_the_text(alice: Api, sandbox: Sandbox) -> None:
    with alice.streaming("Stop me [[words:5000]] [[pace:20ms]]") as events:
        start = next(events)
        while next(events)["type"] != "content":
            pass
        assert alice.post(f"/chat/turns/{start['turn_id']}/stop").status_code == 200
        rest = list(events)
    (upstream,) = ledger_of(sandbox, start["conversation_id"])
    assert upstream["aborted_at"] is not None
    assert rest[-1]["message"]["status"] == "stopped"
    assert rest[-1]["message"]["content"] != ""


def test_a_stopped_answer_is_charged_what_upstream_charges(alice: Api, sandbox: Sandbox) -> None:
    with alice.streaming("Stop me [[words:5000]] [[pace:20ms]]") as events:
        start = next(events)
        while next(events)["type"] != "content":
            pass
        alice.post(f"/chat/turns/{start['turn_id']}/stop")
        list(events)
    (upstream,) = ledger_of(sandbox, start["conversation_id"])
    entry = LedgerEntry.objects.get(generation_id=upstream["id"])
    assert (entry.messages, entry.cost_source) == (1, "lookup")
    assert entry.cost_usd == Decimal(str(upstream["cost"]))


def test_stopping_twice_or_too_late_does_no_harm(alice: Api) -> None:
    start = alice.stream(f"Short {QUICK}")[0]
    for _ in range(2):
        response = alice.post(f"/chat/turns/{start['turn_id']}/stop")
        assert (response.status_code, response.json()["status"]) == (200, "done")


def test_a_stream_can_be_joined_anywhere_without_loss_or_repeat(alice: Api) -> None:
    whole = alice.stream("Join [[words:50]] [[pace:2ms]]")
    for after in (0, 1, len(whole) // 2, len(whole) - 1):
        assert alice.join(whole[0]["turn_id"], after=after) == whole[after:]


def test_nothing_is_left_to_join_after_the_last_event(alice: Api) -> None:
    whole = alice.stream(f"End {QUICK}")
    response = alice.http.get(
        f"/chat/turns/{whole[0]['turn_id']}/events", headers={"Last-Event-ID": str(len(whole))}
    )
    assert response.status_code == 204


def test_a_stream_resumes_exactly_after_its_process_is_gone(start_live, sandbox: Sandbox) -> None:
    first, user = start_live(), make_user(plan="premium")
    whole = Api(first, user).stream("Persian سلام [[words:50]] [[pace:4ms]]")
    first.stop()
    half = len(whole) // 2
    joined = Api(start_live(), user).join(whole[0]["turn_id"], after=half)
    assert text_of(whole[:half]) + text_of(joined) == whole[-1]["message"]["content"]
    assert joined[-1] == whole[-1]


def test_another_process_follows_a_running_turn(live_pair: tuple[Web, Web]) -> None:
    user = make_user(plan="premium")
    here, there = (Api(web, user) for web in live_pair)
    with here.streaming("Far [[words:80]] [[pace:20ms]]") as events:
        start = next(events)
        joined = there.join(start["turn_id"])
        whole = [start, *events]
    assert text_of(joined) == text_of(whole) == joined[-1]["message"]["content"]


def test_another_process_stops_a_running_turn(live_pair: tuple[Web, Web], sandbox: Sandbox) -> None:
    user = make_user(plan="premium")
    here, there = (Api(web, user) for web in live_pair)
    with here.streaming("Far [[words:1000]] [[pace:20ms]]") as events:
        start = next(events)
        there.post(f"/chat/turns/{start['turn_id']}/stop")
        last = list(events)[-1]
    assert last["message"]["status"] == "stopped"


def test_the_history_goes_along(alice: Api, sandbox: Sandbox) -> None:
    first = alice.ask(f"My name is Maryam [[reply:Noted.]] {QUICK}").json()
    alice.ask(f"What is my name? {QUICK}", conversation_id=first["conversation_id"])
    second = ledger_of(sandbox, first["conversation_id"])[1]
    sent = second["request"]["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert sent[2]["content"] == "Noted."


def _unmarked(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return roles and texts without the cache marks, which move on from turn to turn."""
    texts = [
        each["content"]
        if isinstance(each["content"], str)
        else "".join(part["text"] for part in each["content"])
        for each in messages
    ]
    return list(zip([each["role"] for each in messages], texts, strict=True))


def test_equal_history_is_sent_byte_for_byte_equal(alice: Api, sandbox: Sandbox) -> None:
    first = alice.ask(f"One {QUICK}").json()
    for number in range(3):
        alice.ask(f"More {number} {QUICK}", conversation_id=first["conversation_id"])
    sent = [_unmarked(entry["request"]["messages"]) for entry in ledger_of(sandbox, first["conversation_id"])]
    for shorter, longer in pairwise(sent):
        assert longer[: len(shorter)] == shorter


def test_a_history_beyond_the_plan_is_cut_by_whole_messages_and_says_so(live: Web, sandbox: Sandbox) -> None:
    free = Api(live, make_user(plan="free"))
    first = free.ask(f"{'word ' * 1500} [[reply:{'long ' * 900}]] {QUICK}", model="openai/gpt-4o-mini").json()
    second = free.ask(f"{'more ' * 1200} {QUICK}", conversation_id=first["conversation_id"]).json()
    sent = ledger_of(sandbox, first["conversation_id"])[1]["request"]["messages"]
    assert second["message"]["history_messages_cut"] == 2
    assert [message["role"] for message in sent] == ["system", "user"]


def test_a_message_beyond_the_plans_context_is_refused_with_the_figures(live: Web) -> None:
    free = Api(live, make_user(plan="free"))
    problem = free.ask("word " * 6000).json()
    assert (problem["status"], problem["code"]) == (400, "context_exceeded")
    assert problem["message_tokens"] > 5000 > problem["max_tokens"]
    assert Turn.objects.count() == 0


def test_a_question_may_branch_from_an_earlier_answer(alice: Api) -> None:
    first = alice.ask(f"First {QUICK}").json()
    conversation = first["conversation_id"]
    alice.ask(f"Second {QUICK}", conversation_id=conversation)
    branch = alice.ask(
        f"Other second {QUICK}", conversation_id=conversation, parent_id=first["message"]["id"]
    ).json()
    assert (
        Message.objects.get(id=branch["message"]["id"]).parent.parent_id
        == Message.objects.get(id=first["message"]["id"]).id
    )
    assert Message.objects.filter(conversation_id=conversation).count() == 6


def test_the_user_is_a_pseudonym_upstream(alice: Api, sandbox: Sandbox) -> None:
    answer = alice.ask(f"Who am I {QUICK}").json()
    (upstream,) = ledger_of(sandbox, answer["conversation_id"])
    owner = Conversation.objects.get().owner
    assert upstream["user"]
    assert str(owner.id) not in str(upstream["user"])
    assert owner.email not in str(upstream)


def test_a_fallback_is_told(alice: Api) -> None:
    answer = alice.ask(
        f"Fall [[fault:503 model=openai/gpt-4o]] {QUICK}",
        model="openai/gpt-4o",
        fallback_models=["google/gemini-2.5-flash"],
    ).json()["message"]
    assert answer["fallback_used"] is True
    assert answer["final_model_used"].startswith("google/gemini-2.5-flash")


def test_the_dated_name_of_the_same_model_is_no_fallback(alice: Api) -> None:
    answer = alice.ask(f"Same {QUICK}", model="anthropic/claude-sonnet-4.6").json()["message"]
    assert answer["final_model_used"] == "anthropic/claude-4.6-sonnet-20260217"
    assert answer["fallback_used"] is False


def test_an_advanced_model_needs_the_plan(live: Web) -> None:
    response = Api(live, make_user(plan="free")).ask("Hi", model="anthropic/claude-sonnet-4.5")
    assert (response.status_code, response.json()["code"]) == (403, "plan_feature_required")


def test_without_a_wish_a_free_plan_gets_a_model_that_it_may_use(live: Web) -> None:
    message = Api(live, make_user(plan="free")).ask(f"Hi {QUICK}").json()["message"]
    assert message["model"] == "openai/gpt-4o-mini"


def test_web_search_brings_citations(alice: Api) -> None:
    events = alice.stream(f"Search {QUICK}", web_search=True)
    citations = [event for event in events if event["type"] == "citation"]
    assert citations
    assert citations[0]["url"].startswith("http")
    assert events[-1]["message"]["citations"][0]["url"] == citations[0]["url"]


def test_web_search_needs_the_plan(alice: Api) -> None:
    PlanLimit.objects.update(web_search=False)
    response = alice.ask("Search", web_search=True)
    assert (response.status_code, response.json()["code"]) == (403, "plan_feature_required")


def test_a_server_of_ones_own_is_not_asked_to_search(start_live, sandbox: Sandbox) -> None:
    web = start_live(OPENROUTER_API_KEY="local")
    response = Api(web, make_user(plan="premium")).ask("Search", web_search=True)
    assert (response.status_code, response.json()["code"]) == (422, "web_search_unavailable")


def test_a_question_during_an_answer_becomes_its_sibling(alice: Api) -> None:
    with alice.streaming("Slow [[words:100]] [[pace:20ms]]") as events:
        start = next(events)
        other = alice.ask(f"Quick {QUICK}", conversation_id=start["conversation_id"]).json()
        alice.post(f"/chat/turns/{start['turn_id']}/stop")
    question = Message.objects.get(id=other["message"]["id"]).parent
    assert question.parent_id is None


def test_an_unknown_model_is_refused_before_anybody_is_asked(alice: Api) -> None:
    response = alice.ask("Hi", model="nobody/knows-it")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "unknown_model")
    assert Turn.objects.count() == 0


def test_a_stop_before_the_first_word_costs_no_message(alice: Api) -> None:
    with alice.streaming("Wait [[first:60000ms]] [[words:5]]") as events:
        turn_id = next(events)["turn_id"]
        time.sleep(0.5)
        alice.post(f"/chat/turns/{turn_id}/stop")
        last = list(events)[-1]
    assert (last["message"]["status"], last["message"]["content"]) == ("stopped", "")
    assert alice.usage()["messages"] == {"used": 0, "limit": 2000, "remaining": 2000}


def test_an_answer_without_a_word_is_a_failure_that_costs_nothing(alice: Api) -> None:
    problem = alice.ask(f"Empty [[fault:empty]] {QUICK}", fallback_models=[]).json()
    assert (problem["code"], problem["retryable"]) == ("empty_answer", True)
    assert alice.usage()["messages"]["used"] == 0


def test_a_system_prompt_beyond_the_context_is_named(live: Web) -> None:
    problem = Api(live, make_user(plan="free")).ask("Hi", system_prompt="word " * 6000).json()
    assert (problem["code"], problem["max_tokens"]) == ("context_exceeded", 4000)
    assert "system prompt" in problem["detail"]

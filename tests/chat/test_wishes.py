"""What a question is sent with: request before preset before settings, and the answer tells."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import receipts
from chat.inputs import ChatInput
from chat.models import Conversation, Message
from chat.turns import OpenTurn, open_turn
from presets import keeping, shipped, standing
from presets.models import ModelPreset
from tests.people import make_alice, make_charlie, make_user
from wisqu.accounts.models import User
from wisqu.api.problems import NotFound, Problem

pytestmark = pytest.mark.django_db

HAIKU = "anthropic/claude-haiku-4.5"
MINI = "openai/gpt-4o-mini"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    standing.forget()


@pytest.fixture
def alice() -> User:
    return make_alice()


def make(user: User, **values: Any) -> ModelPreset:
    return keeping.make(owner_id=user.id, values={"name": "Terse", "system_prompt": "Be terse."} | values)


def ask(user: User, **fields: Any) -> OpenTurn:
    turn = open_turn(owner_id=user.id, chat=ChatInput(message="Salam", **fields))
    assert isinstance(turn, OpenTurn)
    return turn


def system_prompt(turn: OpenTurn) -> str:
    return turn.request.messages[0].parts[0].text


def source(turn: OpenTurn, name: str) -> str:
    return turn.answer.applied[name]["source"]


def test_a_question_without_wishes_goes_to_the_knowledge_assistant(alice: User, settings) -> None:
    turn = ask(alice)
    assert system_prompt(turn) == shipped.read("knowledge-assistant").system_prompt
    assert turn.request.temperature == settings.LLM_TEMPERATURE
    assert (turn.answer.preset["slug"], turn.answer.preset["source"]) == ("knowledge-assistant", "settings")


@pytest.mark.parametrize("by", ["slug", "id"])
def test_a_preset_is_asked_for_by_slug_or_id(alice: User, by: str) -> None:
    preset = make(alice, model=HAIKU, temperature=0.1, max_tokens=50, top_p=0.5, fallback_models=[MINI])
    turn = ask(alice, preset=str(getattr(preset, by)))
    request = turn.request
    assert (request.model, request.temperature, request.max_tokens, request.top_p) == (HAIKU, 0.1, 50, 0.5)
    assert (system_prompt(turn), request.fallback_models) == ("Be terse.", (MINI,))
    assert turn.answer.preset["source"] == "request"


def test_the_fields_of_a_request_win_over_its_preset(alice: User) -> None:
    make(alice, model=HAIKU, temperature=0.1, web_search=True, routing_strategy="price")
    turn = ask(alice, preset="terse", model=MINI, temperature=0.9, web_search=False, system_prompt="Sing.")
    assert (turn.request.model, turn.request.temperature, turn.request.web_search) == (MINI, 0.9, None)
    assert system_prompt(turn) == "Sing."
    told = {name: each["source"] for name, each in turn.answer.applied.items()}
    assert told == {
        "model": "request",
        "temperature": "request",
        "web_search": "request",
        "system_prompt": "request",
        "routing_strategy": "preset",
        "fallback_models": "settings",
        "max_tokens": "settings",
        "top_p": "settings",
    }


def test_what_a_preset_leaves_open_comes_from_the_settings(alice: User, settings) -> None:
    make(alice, system_prompt="", temperature=0.0)
    turn = ask(alice, preset="terse")
    assert turn.request.temperature == 0.0
    assert turn.request.max_tokens == settings.LLM_MAX_TOKENS
    assert system_prompt(turn) == shipped.read("knowledge-assistant").system_prompt


def test_a_conversation_goes_on_with_the_preset_it_began_with(alice: User) -> None:
    first = ask(alice, preset=make(alice).slug)
    second = ask(alice, conversation_id=first.conversation_id)
    assert system_prompt(second) == "Be terse."
    assert second.answer.preset["source"] == "conversation"


def test_a_preset_for_one_question_does_not_stay(alice: User) -> None:
    conversation_id = ask(alice).conversation_id
    assert system_prompt(ask(alice, conversation_id=conversation_id, preset=make(alice).slug)) == "Be terse."
    assert ask(alice, conversation_id=conversation_id).answer.preset["slug"] == "knowledge-assistant"


def test_new_conversations_begin_with_the_users_default(alice: User) -> None:
    before = ask(alice).conversation_id
    keeping.begin_with(user_id=alice.id, preset=make(alice))
    turn = ask(alice)
    assert (system_prompt(turn), turn.answer.preset["source"]) == ("Be terse.", "user")
    assert ask(alice, conversation_id=before).answer.preset["slug"] == "knowledge-assistant"


def test_a_preset_asked_for_brings_its_model_where_the_conversation_has_another(alice: User) -> None:
    preset = make(alice, model=HAIKU)
    conversation = Conversation.objects.create(owner=alice, model=MINI, preset=preset)
    standing_there = ask(alice, conversation_id=conversation.id)
    asked_for = ask(alice, conversation_id=conversation.id, preset="terse")
    assert (standing_there.request.model, source(standing_there, "model")) == (MINI, "conversation")
    assert (asked_for.request.model, source(asked_for, "model")) == (HAIKU, "preset")


def test_an_own_preset_goes_before_a_published_one_of_that_slug(alice: User) -> None:
    make(alice, slug="translator")
    assert system_prompt(ask(alice, preset="translator")) == "Be terse."
    assert system_prompt(ask(make_charlie(), preset="translator")).startswith("You are a translator")


def test_charlie_cannot_ask_with_alices_preset(alice: User) -> None:
    preset = make(alice)
    charlie = make_charlie()
    for reference in (preset.slug, str(preset.id), "nothing-there"):
        with pytest.raises(NotFound):
            ask(charlie, preset=reference)
    assert not Conversation.objects.for_owner(charlie.id).exists()


def test_a_changed_preset_changes_no_old_answer(alice: User) -> None:
    preset = make(alice, model=HAIKU)
    answer = ask(alice, preset="terse").answer
    keeping.change(preset, values={"name": "Loud", "model": MINI}, plan=alice.subscription.plan)
    kept = Message.objects.get(id=answer.id)
    assert (kept.preset["name"], kept.preset["version"], kept.model) == ("Terse", 1, HAIKU)
    assert ask(alice, preset="terse").answer.preset["version"] == 2


def test_a_deleted_preset_leaves_its_answers_and_conversations(alice: User) -> None:
    preset = make(alice)
    first = ask(alice, preset="terse")
    keeping.remove(preset)
    assert Message.objects.get(id=first.answer.id).preset["name"] == "Terse"
    assert ask(alice, conversation_id=first.conversation_id).answer.preset["slug"] == "knowledge-assistant"


def test_a_withdrawn_preset_is_gone_for_those_who_used_it(alice: User) -> None:
    published = ModelPreset.objects.get(slug="translator")
    charlie = make_charlie()
    conversation_id = ask(charlie, preset="translator").conversation_id
    keeping.withdraw(published, owner_id=alice.id)
    turn = ask(charlie, conversation_id=conversation_id)
    assert turn.answer.preset["slug"] == "knowledge-assistant"


def test_a_preset_beyond_a_smaller_plan_is_refused_by_name() -> None:
    user = make_user()
    preset = make(user)
    ModelPreset.objects.filter(id=preset.id).update(model="anthropic/claude-sonnet-4.5")
    with pytest.raises(Problem) as refusal:
        ask(user, preset="terse")
    assert refusal.value.code == "plan_feature_required"


def test_the_system_prompt_is_equal_from_turn_to_turn(alice: User) -> None:
    first = ask(alice, preset=make(alice, system_prompt="Be  terse.\n").slug)
    second = ask(alice, conversation_id=first.conversation_id)
    assert first.request.messages[0] == second.request.messages[0]
    assert first.answer.applied["system_prompt"]["value"] == second.answer.applied["system_prompt"]["value"]


def test_staff_edit_the_default_and_the_next_question_has_it(alice: User) -> None:
    default = ModelPreset.objects.get(slug="knowledge-assistant")
    ask(alice)
    keeping.change(default, values={"system_prompt": "Ours."}, plan=alice.subscription.plan)
    assert system_prompt(ask(alice)) == "Ours."


def test_without_any_published_preset_the_shipped_words_answer(alice: User) -> None:
    ModelPreset.objects.all().delete()
    turn = ask(alice)
    assert system_prompt(turn) == shipped.read("knowledge-assistant").system_prompt
    assert turn.answer.preset is None


def test_own_instructions_are_no_preset(alice: User) -> None:
    turn = ask(alice, system_prompt="Sing.")
    assert (turn.answer.preset, source(turn, "system_prompt")) == (None, "request")


def test_the_receipt_names_the_preset(alice: User) -> None:
    assert ("Preset", "Knowledge assistant") in receipts.facts(ask(alice).answer)
    assert ("Preset", "Terse") in receipts.facts(ask(alice, preset=make(alice).slug).answer)


def test_only_a_new_conversation_asks_for_the_users_default(alice: User) -> None:
    ask(alice)  # the catalogue and the standing preset are read once
    with CaptureQueriesContext(connection) as first:
        conversation_id = ask(alice).conversation_id
    with CaptureQueriesContext(connection) as second:
        ask(alice, conversation_id=conversation_id)
    reads = [sum("presets_" in query["sql"] for query in queries) for queries in (first, second)]
    assert reads == [1, 0]

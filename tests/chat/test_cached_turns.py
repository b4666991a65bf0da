"""Prompt caching from door to ledger, over real HTTP with the sandbox behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing.models import LedgerEntry
from chat.models import Message
from tests.clients import Api
from tests.live import Sandbox, Web
from tests.people import make_user

CLAUDE = "anthropic/claude-sonnet-4.6"
LONG = "light upon light " * 700
QUICK = "[[pace:fast]] [[words:30]]"


def ask(api: Api, text: str, conversation_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """Ask Claude with a long system prompt; returns the message."""
    if conversation_id:
        fields["conversation_id"] = conversation_id
    fields = {"model": CLAUDE, "system_prompt": LONG, "fallback_models": [], **fields}
    response = api.ask(f"{text} {QUICK}", **fields)
    assert response.status_code == 200, response.text
    return response.json()["message"]


def two_turns(api: Api, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    first = ask(api, "One", **fields)
    return first, ask(api, "Two", first["conversation_id"], **fields)


def marks(sandbox: Sandbox, conversation_id: str) -> list[list[int]]:
    """Of each request of the conversation, the messages that carry a mark."""
    return [
        [
            at
            for at, message in enumerate(entry["request"]["messages"])
            if isinstance(message["content"], list)
        ]
        for entry in sandbox.ledger(session=conversation_id)
    ]


def text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def test_the_second_turn_reads_all_that_the_first_one_wrote(alice: Api) -> None:
    first, second = two_turns(alice)
    assert first["cached_tokens_read"] == 0
    assert first["cached_tokens_written"] == first["usage"]["prompt_tokens"] > 1024
    assert second["cached_tokens_read"] == first["cached_tokens_written"]
    assert 0 < second["cached_tokens_written"] < 200


def test_every_turn_of_a_conversation_reads_the_one_before(alice: Api) -> None:
    last, second = two_turns(alice)
    for number in range(3):
        last, second = second, ask(alice, f"More {number}", second["conversation_id"])
        assert second["cached_tokens_read"] == last["usage"]["prompt_tokens"]


def test_marks_change_no_text_of_the_history(alice: Api, sandbox: Sandbox) -> None:
    _, second = two_turns(alice)
    shorter, longer = (
        [(message["role"], text(message)) for message in entry["request"]["messages"]]
        for entry in sandbox.ledger(session=second["conversation_id"])
    )
    assert longer[: len(shorter)] == shorter


def test_the_marks_are_kept_with_the_answer(alice: Api, sandbox: Sandbox) -> None:
    first, second = two_turns(alice)
    assert [mark["message"] for mark in first["cache_breakpoints"]] == [0, 1]
    assert [mark["message"] for mark in second["cache_breakpoints"]] == [0, 1, 3]
    assert marks(sandbox, first["conversation_id"]) == [[0, 1], [0, 1, 3]]


def test_savings_are_what_upstream_counts_as_its_discount(alice: Api, sandbox: Sandbox) -> None:
    first, second = two_turns(alice)
    for message, entry in zip((first, second), sandbox.ledger(session=first["conversation_id"]), strict=True):
        stored = Message.objects.get(id=message["id"])
        booked = LedgerEntry.objects.get(reference=stored.id)
        assert stored.cache_discount_usd == booked.savings_usd == Decimal(str(entry["cache_discount"]))
        assert booked.cost_without_cache_usd == booked.cost_usd + booked.savings_usd
    assert first["cache_discount_usd"] < 0 < second["cache_discount_usd"]


def test_a_wish_for_no_caching_sends_no_marks(alice: Api, sandbox: Sandbox) -> None:
    first, second = two_turns(alice, enable_caching=False)
    assert marks(sandbox, first["conversation_id"]) == [[], []]
    assert (second["enable_caching"], second["cache_breakpoints"], second["cached_tokens_read"]) == (
        False,
        [],
        0,
    )


def test_the_free_plan_has_no_marks(live: Web, sandbox: Sandbox) -> None:
    free = Api(live, make_user(plan="free"))
    first, second = two_turns(free, model="anthropic/claude-haiku-5.5")
    assert marks(sandbox, first["conversation_id"]) == [[], []]
    assert second["cached_tokens_read"] == 0


def test_a_plan_with_caching_marks_the_same_question(alice: Api, sandbox: Sandbox) -> None:
    first, _ = two_turns(alice, model="anthropic/claude-haiku-5.5")
    assert marks(sandbox, first["conversation_id"]) == [[0, 1], [0, 1, 3]]


def test_models_that_cache_by_themselves_get_no_marks_and_are_read_all_the_same(
    alice: Api, sandbox: Sandbox
) -> None:
    first, second = two_turns(alice, model="openai/gpt-4o-mini")
    assert marks(sandbox, first["conversation_id"]) == [[], []]
    assert second["cached_tokens_read"] > 1024
    assert second["cache_discount_usd"] > 0


def test_charged_caching_is_left_on_where_it_pays_and_off_on_wish(alice: Api, sandbox: Sandbox) -> None:
    luna = "openai/gpt-5.6-luna"
    first, second = two_turns(alice, model=luna)
    unwanted = ask(alice, "One", model=luna, enable_caching=False)
    assert first["cached_tokens_written"] > 1024 < second["cached_tokens_read"]
    assert (unwanted["cached_tokens_written"], unwanted["cache_discount_usd"]) == (0, 0)


def test_another_model_does_not_count_on_the_first_ones_cache(alice: Api) -> None:
    first = ask(alice, "One")
    second = ask(alice, "Two", first["conversation_id"], model="anthropic/claude-sonnet-4.5")
    assert second["cached_tokens_read"] == 0
    assert [mark["message"] for mark in second["cache_breakpoints"]] == [0, 3]


def test_a_short_prompt_has_no_marks(alice: Api, sandbox: Sandbox) -> None:
    message = ask(alice, "Salam", system_prompt="Be kind.")
    assert (message["cache_breakpoints"], message["cached_tokens_written"]) == ([], 0)


def test_the_strategies_system_and_off(start_live, sandbox: Sandbox) -> None:
    user = make_user(plan="premium")
    for strategy, expected in (("system", [[0], [0]]), ("off", [[], []])):
        first, _ = two_turns(Api(start_live(CACHE_CONTROL_STRATEGY=strategy), user))
        assert marks(sandbox, first["conversation_id"]) == expected


def test_caching_can_be_switched_off_for_all(start_live, sandbox: Sandbox) -> None:
    first, _ = two_turns(Api(start_live(PROMPT_CACHING_ENABLED="false"), make_user(plan="premium")))
    assert marks(sandbox, first["conversation_id"]) == [[], []]


def test_a_stopped_answers_saving_is_looked_up(alice: Api, sandbox: Sandbox) -> None:
    fields = {"model": CLAUDE, "system_prompt": LONG, "fallback_models": []}
    with alice.streaming("Stop me [[words:500]] [[pace:20ms]]", **fields) as events:
        start = next(events)
        while next(events)["type"] != "content":
            pass
        alice.post(f"/chat/turns/{start['turn_id']}/stop")
        last = list(events)[-1]
    (upstream,) = sandbox.ledger(session=start["conversation_id"])
    assert last["message"]["cache_discount_usd"] == upstream["cache_discount"] < 0


def test_the_estimate_is_kept_beside_the_count(alice: Api) -> None:
    stored = Message.objects.get(id=ask(alice, "Estimate")["id"])
    assert stored.prompt_tokens_estimated is not None
    assert 0.7 < stored.prompt_tokens_estimated / stored.prompt_tokens < 1.4


# --- GET /chat/cache-stats ------------------------------------------------------------------------


def test_cache_stats_sum_up_the_conversation(alice: Api) -> None:
    first, second = two_turns(alice)
    stats = alice.get(f"/chat/cache-stats/{first['conversation_id']}").json()
    assert (stats["requests"], stats["hits"], stats["hit_rate"]) == (2, 1, 0.5)
    assert stats["cached_tokens_read"] == second["cached_tokens_read"]
    assert stats["cached_tokens_written"] == first["cached_tokens_written"] + second["cached_tokens_written"]
    assert stats["cost_without_cache_usd"] == stats["cost_usd"] + stats["savings_usd"]
    assert stats["savings_rate"] == stats["savings_usd"] / stats["cost_without_cache_usd"]


def test_cache_stats_are_given_for_each_model_by_its_id(alice: Api) -> None:
    first = ask(alice, "One")
    ask(alice, "Two", first["conversation_id"], model="openai/gpt-4o-mini")
    models = alice.get(f"/chat/cache-stats/{first['conversation_id']}").json()["models"]
    assert [(entry["model"], entry["requests"]) for entry in models] == [
        (CLAUDE, 1),
        ("openai/gpt-4o-mini", 1),
    ]


def test_cache_stats_of_somebody_else_do_not_exist(alice: Api, charlie: Api) -> None:
    first = ask(alice, "Mine")
    response = charlie.get(f"/chat/cache-stats/{first['conversation_id']}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")

"""Figures of a receipt."""

from decimal import Decimal

import pytest

from chat import fallback, receipts
from chat.models import Conversation, Message
from chat.totals import Total, total_of
from tests.people import make_alice


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("0.0041", "$0.0041"),
        ("0.00017", "$0.00017"),
        ("0.0000726", "$0.0000726"),
    ],
)
def test_an_amount_has_as_many_places_as_it_needs(amount: str, shown: str) -> None:
    assert receipts.dollars(Decimal(amount)) == shown


def test_another_model_than_the_one_asked_is_named() -> None:
    message = Message(model="openai/gpt-4o", final_model_used="mistralai/mistral-large", fallback_used=True)

    assert receipts.line(message) == ["mistral-large"]


def test_the_dated_name_of_the_same_model_is_not_shown() -> None:
    message = Message(model="openai/gpt-4o", final_model_used="openai/gpt-4o-2024-08-06")

    assert receipts.line(message) == ["gpt-4o"]


def test_what_a_server_did_not_say_is_left_out() -> None:
    assert receipts.facts(Message(model="local", cost_usd=None, total_tokens=None)) == [("Model", "local")]


def test_it_says_what_did_not_fit() -> None:
    assert (
        receipts.cut_notice(Message(history_messages_cut=1))
        == "1 earlier message did not fit and was not read."
    )
    assert receipts.cut_notice(Message(history_messages_cut=0)) == ""


@pytest.mark.parametrize(
    ("cost", "discount", "shown"),
    [("0.0018", "0.0082", "saved 82%"), ("0.01", None, ""), ("0.01", "-0.001", ""), (None, "0.01", "")],
)
def test_what_the_cache_saved_is_told_as_a_share(cost: str | None, discount: str | None, shown: str) -> None:
    message = Message(cost_usd=cost and Decimal(cost), cache_discount_usd=discount and Decimal(discount))

    assert receipts.saving(message) == shown


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [("done", "length", True), ("done", "stop", False), ("stopped", "length", False)],
)
def test_only_an_answer_at_its_limit_is_cut_short(status: str, reason: str, told: bool) -> None:
    assert receipts.is_cut_short(Message(status=status, finish_reason=reason)) is told


def test_everything_that_is_known_of_an_answer_stands_on_its_receipt() -> None:
    message = Message(
        model="anthropic/claude-sonnet-4.5",
        final_model_used="openai/gpt-4o-mini-2024-07-18",
        fallback_used=True,
        routing_reason="anthropic/claude-3.5-sonnet was retired, its successor is anthropic/claude-sonnet-4.5; "
        "anthropic/claude-sonnet-4.5 took too long",
        models_attempted=["anthropic/claude-sonnet-4.5", "openai/gpt-4o-mini"],
        provider="OpenAI",
        prompt_tokens=12000,
        cached_tokens_read=8000,
        cached_tokens_written=1500,
        completion_tokens=900,
        reasoning_tokens=300,
        cost_usd=Decimal("0.0123"),
        cache_discount_usd=Decimal("-0.0004"),
        first_token_ms=1250,
        total_ms=61_400,
    )

    assert receipts.facts(message) == [
        ("Model", "anthropic/claude-sonnet-4.5"),
        ("Answered by", "openai/gpt-4o-mini-2024-07-18"),
        (
            "Because",
            "claude-3.5-sonnet was retired; its successor is claude-sonnet-4.5 · claude-sonnet-4.5 took too long",
        ),
        ("Tried", "claude-sonnet-4.5 › gpt-4o-mini"),
        ("Provider", "OpenAI"),
        ("Tokens read", "12,000"),
        ("of them from the cache", "8,000"),
        ("of them put into the cache", "1,500"),
        ("Tokens written", "900"),
        ("of them for thinking", "300"),
        ("Cost", "$0.0123"),
        ("Saved by the cache", "−$0.0004"),
        ("First word after", "1.3 s"),
        ("Finished after", "61 s"),
    ]


def test_every_reason_that_is_noted_can_be_told_to_a_reader() -> None:
    noted = {words for _, words in fallback._REASONS} | {fallback._reason(fallback.EmptyAnswer())}

    assert noted == set(receipts.reasons())


def test_a_reason_in_other_words_is_told_as_it_is() -> None:
    assert receipts.because("a/b had no room") == "a/b had no room"


@pytest.mark.parametrize(("cost", "saved", "kinds"), [
    ("0", "0", []),
    ("0.01", "0", ["cost", "tokens"]),
    ("0.01", "0.04", ["cost", "saved", "tokens"]),
    ("0.01", "-0.001", ["cost", "lost", "tokens"]),
])  # fmt: skip
def test_a_conversations_total_names_what_there_is(cost: str, saved: str, kinds: list[str]) -> None:
    sums = Total(Decimal(cost), Decimal(saved), 1200 if kinds else 0)

    assert [kind for kind, _ in receipts.total(sums)] == kinds


@pytest.mark.django_db
def test_a_conversations_total_is_one_query_over_all_its_branches(django_assert_num_queries) -> None:
    conversation = Conversation.objects.create(owner=make_alice())
    for cost in ("0.1", "0.2", None):
        Message.objects.create(
            conversation=conversation,
            role="assistant",
            cost_usd=cost,
            cache_discount_usd=cost,
            total_tokens=5,
        )

    with django_assert_num_queries(1):
        assert total_of(conversation.id) == Total(Decimal("0.3"), Decimal("0.3"), 15)

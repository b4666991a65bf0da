"""Figures of a receipt."""

from decimal import Decimal

import pytest

from chat import receipts
from chat.models import Message


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

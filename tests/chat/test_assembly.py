"""From rows to the numbers that the caching policy gets, and from its places to what is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chat.assembly import _pauses, _warm, traits_of, with_marks
from chat.caching import Mark, Placement
from chat.models import Message
from presets.catalogue import Model
from presets.pricing import Prices
from wisqu.openrouter.traits import cache_traits
from wisqu.openrouter.types import CachePoint, ImagePart, TextPart
from wisqu.openrouter.types import Message as WireMessage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLAUDE = Model(id="anthropic/claude-sonnet-4.6", cache_mode="explicit", cache_min_tokens=1024)


def answer(**facts: Any) -> Message:
    known = {
        "model": CLAUDE.id,
        "prompt_tokens": 2_000,
        "cached_tokens_read": 0,
        "cached_tokens_written": 2_000,
        "cache_breakpoints": [{"message": 1, "ttl": "1h", "tokens": 2_000}],
        "created_at": NOW - timedelta(minutes=3),
    }
    return Message(role="assistant", **{**known, **facts})


def warm(parent: Message | None, model: Model = CLAUDE):
    return _warm(parent, model, cache_traits(model.id), NOW)


def test_the_last_mark_of_the_answer_before_is_what_is_warm() -> None:
    found = warm(answer())
    assert (found.message, found.ttl, found.tokens, found.age_s) == (1, "1h", 2_000, 180)


@pytest.mark.parametrize(
    "facts",
    [
        {"model": "anthropic/claude-sonnet-4.5"},
        {"fallback_used": True},
        {"prompt_tokens": None},  # failed before anybody counted
        {"cached_tokens_written": 0},  # under the minimum after all
        {"cache_breakpoints": []},
    ],
)
def test_nothing_is_warm_where_nothing_was_written(facts: dict[str, Any]) -> None:
    assert warm(answer(**facts)) is None


def test_a_stopped_answer_may_have_written() -> None:
    assert warm(answer(cached_tokens_written=None)) is not None


def test_a_model_that_caches_by_itself_is_warm_when_it_said_so() -> None:
    luna = Model(id="openai/gpt-5.6-luna", cache_mode="automatic+explicit")
    facts = {"model": luna.id, "cache_breakpoints": []}
    assert warm(answer(**facts), luna) is not None
    assert warm(answer(cached_tokens_written=0, **facts), luna) is None


def test_pauses_are_between_questions_and_up_to_now() -> None:
    asked = [NOW - timedelta(minutes=minutes) for minutes in (30, 10)]
    history = [Message(role=role, created_at=moment) for moment in asked for role in ("user", "assistant")]
    assert _pauses(history, NOW) == [1_200, 600]
    assert _pauses([], NOW) == []


def test_a_mark_stands_on_the_last_part_and_changes_no_text() -> None:
    messages = (WireMessage.text("system", "a"), WireMessage("user", (TextPart("b"), TextPart("c"))))
    marked = with_marks(messages, Placement((Mark(1, "1h", 9),)))
    assert marked == (messages[0], WireMessage("user", (TextPart("b"), TextPart("c", CachePoint("1h")))))


def test_what_can_carry_no_mark_is_left_as_it_is() -> None:
    messages = (WireMessage("user", (TextPart("b"), ImagePart("https://example.org/a.png"))),)
    assert with_marks(messages, Placement((Mark(0, "5m", 9),))) == messages


def test_a_model_that_the_catalogue_prices_but_does_not_describe_follows_its_family() -> None:
    priced = Model(
        id="anthropic/claude-new", cache_mode="none", prices=Prices(input_cache_read=Decimal("1e-7"))
    )
    assert traits_of(priced).explicit
    assert not traits_of(Model(id="anthropic/claude-new", cache_mode="none")).explicit


def test_a_model_of_another_server_follows_its_family() -> None:
    assert traits_of(Model(id="anthropic/claude-x", is_known=False)).explicit

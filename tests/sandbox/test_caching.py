from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.asking import CLAUDE, Sandbox

LONG = "light " * 2000
OTHER = "garden " * 1500
LATE = {"type": "ephemeral", "ttl": "1h"}


def marked(*texts: str, ttl: str | None = None) -> list[dict[str, Any]]:
    """Text parts, each with a cache mark."""
    mark = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    return [{"type": "text", "text": text, "cache_control": mark} for text in texts]


def counters(box: Sandbox, system: Any, question: str = "hi", **fields: Any) -> tuple[int, int]:
    """Tokens read and written by one question on that system prompt."""
    fields = {"model": CLAUDE, "session_id": "s", **fields}
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": f"{question} [[pace:fast]] [[words:1]]"},
    ]
    details = box.complete(messages, **fields)["usage"]["prompt_tokens_details"]
    return details["cached_tokens"], details["cache_write_tokens"]


def test_a_marked_prefix_is_written_once_and_then_read(box: Sandbox) -> None:
    read, written = counters(box, marked(LONG))
    assert (read, written > 2000) == (0, True)
    assert counters(box, marked(LONG), "another") == (written, 0)


def test_without_a_mark_nothing_is_cached(box: Sandbox) -> None:
    assert counters(box, LONG) == counters(box, LONG) == (0, 0)


def test_a_changed_prefix_is_written_anew(box: Sandbox) -> None:
    counters(box, marked(LONG))
    assert counters(box, marked("x" + LONG))[0] == 0


def test_sessions_and_keys_share_nothing(box: Sandbox) -> None:
    counters(box, marked(LONG))
    assert counters(box, marked(LONG), session_id="t")[0] == 0


def test_models_share_nothing(box: Sandbox) -> None:
    counters(box, marked(LONG))
    assert counters(box, marked(LONG), model="anthropic/claude-sonnet-4.5")[0] == 0


def test_without_a_session_the_first_messages_make_one(box: Sandbox) -> None:
    _, written = counters(box, marked(LONG), session_id=None)
    assert counters(box, marked(LONG), session_id=None) == (written, 0)
    assert counters(box, marked(LONG), "a new conversation", session_id=None)[0] == 0


@pytest.mark.parametrize(
    ("model", "minimum"),
    [(CLAUDE, 1024), ("anthropic/claude-haiku-4.5", 4096), ("anthropic/claude-opus-5.5", 512)],
)
def test_each_model_has_its_own_minimum(box: Sandbox, model: str, minimum: int) -> None:
    below, above = "light " * (minimum - 20), "garden " * (minimum + 20)
    assert counters(box, marked(below), model=model) == (0, 0)
    assert counters(box, marked(above), model=model)[1] >= minimum


def test_five_marks_are_refused_as_upstream_refuses_them(box: Sandbox) -> None:
    four = [
        {"role": "system", "content": marked("a", "b", "c", "d")},
        {"role": "user", "content": "[[pace:fast]]"},
    ]
    five = [{"role": "system", "content": marked("a", "b", "c", "d", "e")}, *four[1:]]
    assert box.post(four, model=CLAUDE).status_code == 200
    response = box.post(five, model=CLAUDE)
    assert response.status_code == 400
    assert "maximum of 4" in response.json()["error"]["message"]


def test_google_takes_any_number_of_marks(box: Sandbox) -> None:
    five = [{"role": "user", "content": marked("a", "b", "c", "d", "[[pace:fast]]")}]
    assert box.post(five, model="google/gemini-2.5-flash").status_code == 200


def test_an_entry_is_gone_after_five_minutes_and_a_read_renews_it(box: Sandbox) -> None:
    _, written = counters(box, marked(LONG))
    box.advance(200)
    assert counters(box, marked(LONG))[0] == written
    box.advance(200)
    assert counters(box, marked(LONG))[0] == written
    box.advance(301)
    assert counters(box, marked(LONG)) == (0, written)


def test_an_hours_entry_lasts_an_hour(box: Sandbox) -> None:
    _, written = counters(box, marked(LONG, ttl="1h"))
    box.advance(3500)
    assert counters(box, marked(LONG, ttl="1h"))[0] == written


def test_googles_explicit_entry_is_not_renewed(box: Sandbox) -> None:
    model = "google/gemini-2.5-flash"
    _, written = counters(box, marked(LONG), model=model)
    box.advance(200)
    assert counters(box, marked(LONG), model=model)[0] == written
    box.advance(200)
    assert counters(box, marked(LONG), model=model) == (0, written)


def test_a_second_mark_writes_only_what_is_new(box: Sandbox) -> None:
    _, first = counters(box, marked(LONG))
    read, written = counters(box, marked(LONG, OTHER))
    assert read == first
    assert 1400 < written < 1600


def test_a_conversation_that_grows_reads_what_it_wrote(box: Sandbox) -> None:
    system = {"role": "system", "content": marked(LONG)}
    first = [system, {"role": "user", "content": marked("[[pace:fast]] one")}]
    before = box.complete(first, model=CLAUDE, session_id="s")["usage"]["prompt_tokens_details"]
    second = [
        *first,
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": marked("[[pace:fast]] 3")},
    ]
    after = box.complete(second, model=CLAUDE, session_id="s")["usage"]["prompt_tokens_details"]
    assert after["cached_tokens"] == before["cache_write_tokens"]


def test_openai_caches_by_itself_in_steps(box: Sandbox) -> None:
    model = "openai/gpt-4o-mini"
    assert counters(box, LONG, model=model) == (0, 0)
    read, written = counters(box, LONG, "another", model=model)
    assert (read >= 1024, read % 128, written) == (True, 0, 0)


def test_gpt_5_6_pays_for_automatic_writes(box: Sandbox) -> None:
    read, written = counters(box, LONG, model="openai/gpt-5.6-luna")
    assert (read, written > 1024) == (0, True)


def test_gpt_5_6_caches_nothing_unasked_when_told_so(box: Sandbox) -> None:
    only_marks = {"model": "openai/gpt-5.6-luna", "prompt_cache_options": {"mode": "explicit"}}
    assert counters(box, LONG, **only_marks) == counters(box, LONG, **only_marks) == (0, 0)
    assert counters(box, marked(LONG), **only_marks)[1] > 1024


def test_a_mark_on_the_request_marks_its_last_block(box: Sandbox) -> None:
    assert counters(box, LONG, cache_control={"type": "ephemeral"})[1] > 1024


def test_an_hour_after_five_minutes_is_refused(box: Sandbox) -> None:
    messages = [
        {"role": "system", "content": [*marked("a"), *marked("b", ttl="1h")]},
        {"role": "user", "content": "[[pace:fast]]"},
    ]
    assert box.post(messages, model=CLAUDE).status_code == 400


def test_cache_discount_is_negative_on_writes_and_positive_on_reads(box: Sandbox) -> None:
    counters(box, marked(LONG))
    counters(box, marked(LONG), "another")
    wrote, read = box.ledger()
    tokens = Decimal(wrote["cache_write_tokens"])
    assert Decimal(str(wrote["cache_discount"])) == -tokens * Decimal("0.00000075")
    assert Decimal(str(read["cache_discount"])) == tokens * Decimal("0.0000027")

import time

import pytest

from tests.sandbox.asking import CLAUDE, Sandbox, body, deltas, events_of, text_of, usage_of

WORDS = "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10"


def reads(box: Sandbox, text: str) -> list[bytes]:
    """The separate reads of a stream."""
    with box.client.stream("POST", "/chat/completions", json=body(text, stream=True)) as response:
        return list(response.iter_raw())


def test_a_stream_brings_the_text_in_pieces_and_ends_with_done(box: Sandbox) -> None:
    raw = box.raw("[[words:10]]")
    assert text_of(events_of(raw)) == WORDS
    assert raw.endswith(b"data: [DONE]\n\n")


def test_comments_come_before_and_between_data(box: Sandbox) -> None:
    raw = box.raw("[[words:10]]")
    assert raw.startswith(b": OPENROUTER PROCESSING\n\n")
    assert b"data" in raw.split(b": OPENROUTER PROCESSING\n\n", 1)[1].rsplit(b": OPENROUTER", 1)[0]


def test_every_chunk_repeats_role_provider_and_fingerprint(box: Sandbox) -> None:
    for event in box.events("[[words:3]]"):
        assert event["provider"] == "OpenAI"
        assert event["system_fingerprint"] == "fp_sandbox"
        assert all(choice["delta"]["role"] == "assistant" for choice in event["choices"])


def test_the_finish_chunk_names_the_providers_own_reason(box: Sandbox) -> None:
    finishes = [
        c for e in box.events("[[words:3]]", model=CLAUDE) for c in e["choices"] if c["finish_reason"]
    ]
    assert finishes[0]["finish_reason"] == "stop"
    assert finishes[0]["native_finish_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("form", "choices"), [("empty", []), ("null-choice", [None]), ("repeat", ["stop"]), ("", ["stop"])]
)
def test_the_usage_chunk_takes_each_recorded_form(box: Sandbox, form: str, choices: list[str | None]) -> None:
    last = box.events(f"[[words:3]] [[usage:{form}]]")[-1]
    assert "usage" in last
    assert [choice["finish_reason"] for choice in last["choices"]] == choices


def test_usage_counts_the_words_sent(box: Sandbox) -> None:
    assert usage_of(box.events("[[words:10]]"))["completion_tokens"] == 10


def test_max_tokens_cuts_and_says_so(box: Sandbox) -> None:
    events = box.events("[[words:10]]", max_tokens=4)
    assert text_of(events) == "w1 w2 w3 w4"
    assert {c["finish_reason"] for e in events for c in e["choices"]} == {None, "length"}


def test_split_framing_cuts_inside_characters(box: Sandbox) -> None:
    pieces = reads(box, "[[reply:سلام بر شما]] [[frame:split]]")
    broken = [piece for piece in pieces if piece.decode("utf-8", "ignore").encode() != piece]
    assert broken
    assert text_of(events_of(b"".join(pieces))) == "سلام بر شما"


def test_byte_framing_sends_every_byte_alone(box: Sandbox) -> None:
    pieces = reads(box, "[[reply:é]] [[frame:bytes]]")
    assert len(pieces) > 500
    assert text_of(events_of(b"".join(pieces))) == "é"


def test_one_framing_sends_everything_at_once(box: Sandbox) -> None:
    pieces = reads(box, "[[words:10]] [[frame:one]]")
    assert text_of(events_of(pieces[0])) == WORDS


def test_a_huge_line_is_millions_of_bytes_long(box: Sandbox) -> None:
    raw = box.raw("[[words:10]] [[fault:huge-line after=1]]")
    assert max(map(len, raw.split(b"\n"))) > 4_000_000


def test_the_usual_pace_is_a_models(box: Sandbox) -> None:
    message = [{"role": "user", "content": "[[words:20]]"}]
    started = time.monotonic()
    with box.client.stream("POST", "/chat/completions", json=body(message, stream=True)) as response:
        lines = (line for line in response.iter_lines() if line.startswith("data: {"))
        next(lines)
        first = time.monotonic() - started
        list(lines)
    assert first >= 0.3
    assert time.monotonic() - started >= first + 19 * 0.012


def test_a_pace_in_milliseconds_is_kept(box: Sandbox) -> None:
    started = time.monotonic()
    box.raw([{"role": "user", "content": "[[words:10]] [[pace:20ms]]"}])
    assert time.monotonic() - started >= 0.2


def test_reasoning_comes_first_and_is_counted_inside_the_completion(box: Sandbox) -> None:
    events = box.events("[[words:3]] [[reasoning:5]]")
    assert "".join(deltas(events, "reasoning")) == "w1 w2 w3 w4 w5"
    assert [each["type"] for each in deltas(events, "reasoning_details")] == ["reasoning.text"] * 5
    usage = usage_of(events)
    assert (usage["completion_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]) == (8, 5)


def test_excluded_reasoning_is_paid_but_not_shown(box: Sandbox) -> None:
    events = box.events("[[words:3]] [[reasoning:5]]", reasoning={"effort": "low", "exclude": True})
    assert deltas(events, "reasoning") == []
    assert usage_of(events)["completion_tokens"] == 8


def test_reasoning_is_off_unless_asked_for(box: Sandbox) -> None:
    assert usage_of(box.events("[[words:3]]", reasoning={"effort": "none"}))["completion_tokens"] == 3


def test_the_same_question_gets_the_same_answer(box: Sandbox) -> None:
    assert text_of(box.events("Which book?")) == text_of(box.events("Which book?"))


def test_the_generation_id_is_in_header_and_chunks(box: Sandbox) -> None:
    response = box.post("[[words:3]]", stream=True)
    ids = {event["id"] for event in events_of(response.content)}
    assert ids == {response.headers["x-generation-id"]}

"""Bytes to deltas, without a network."""

import json
import time

import pytest

from tests.openrouter.server import COMMENT, DONE, FINISH, USAGE, chunk, data
from wisqu.openrouter.errors import Interrupted, MalformedReply, UpstreamUnavailable
from wisqu.openrouter.stream import LONGEST_LINE, Reply, WholeReply
from wisqu.openrouter.types import Citation

LAST = data({"id": "gen-1", "model": "maker/model", "provider": "Host", "choices": [], "usage": USAGE})


def read(*pieces: bytes) -> tuple[str, Reply]:
    reply = Reply()
    deltas = [reply.feed(piece) for piece in pieces]
    if not reply.done and reply.error is None:
        deltas.append(reply.end())
    return "".join(delta.content for delta in deltas if delta), reply


def test_one_read_becomes_one_delta() -> None:
    delta = Reply().feed(chunk("Sal") + COMMENT + chunk("am") + chunk(" alaykum"))
    assert delta is not None
    assert delta.content == "Salam alaykum"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_any_split_gives_the_same_text(size: int) -> None:
    whole = COMMENT + chunk("سلام 🌙") + COMMENT + chunk("\u2028é\n") + FINISH + LAST + DONE
    text, reply = read(*(whole[at : at + size] for at in range(0, len(whole), size)))
    assert text == "سلام 🌙\u2028é\n"
    assert reply.error is None
    assert reply.usage is not None


def test_windows_line_ends_and_comments_between_data_lines_are_read() -> None:
    stream = chunk("a") + b"data: {}\n: note\n" + chunk("b") + FINISH + DONE
    assert read(stream.replace(b"\n", b"\r\n"))[0] == "ab"


def test_data_needs_no_space_after_the_colon() -> None:
    assert read(chunk("a").replace(b"data: ", b"data:"), FINISH)[0] == "a"


def test_an_event_may_span_several_data_lines() -> None:
    pretty = json.dumps({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}, indent=1)
    text, reply = read(b"".join(b"data: %b\n" % line for line in pretty.encode().split(b"\n")) + b"\n")
    assert text == "a"
    assert reply.error is None


def test_a_multi_megabyte_line_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        line = chunk("x" * size)
        started = time.process_time()
        text, _reply = read(*(line[at : at + 1000] for at in range(0, len(line), 1000)), FINISH)
        assert len(text) == size
        return time.process_time() - started

    small, large = (min(seconds(size) for _ in range(3)) for size in (1_000_000, 8_000_000))
    assert large < 40 * max(small, 0.001)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    reply = Reply()
    reply.feed(b"data: " + b"x" * LONGEST_LINE)
    assert isinstance(reply.error, MalformedReply)


@pytest.mark.parametrize(
    "choices",
    [
        [],
        None,
        [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
        [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "stop"}],
    ],
)
def test_every_form_of_the_usage_chunk_is_read_once(choices: object) -> None:
    last = data({"id": "gen-1", "model": "maker/model", "choices": choices, "usage": USAGE})
    text, reply = read(chunk("a"), FINISH, last, DONE)
    assert text == "a"
    assert reply.finish_reason == "stop"
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.reasoning_tokens) == (9, 3)
    assert (reply.usage.cached_tokens_read, reply.usage.cached_tokens_written) == (4, 2)
    assert str(reply.usage.cost_usd) == "0.00000735"


def test_what_a_plain_server_does_not_say_is_none() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    line = {"id": "chatcmpl-7", "model": "qwen", "choices": [{"delta": {"content": "a"}}], "usage": usage}
    reply = read(data(line), FINISH, DONE)[1]
    assert reply.usage is not None
    assert reply.usage.total_tokens == 7
    assert (reply.usage.cost_usd, reply.usage.cached_tokens_read, reply.usage.cached_tokens_written) == (
        None,
        None,
        None,
    )


def test_the_ids_of_plain_servers_are_not_generations() -> None:
    line = {"id": "chatcmpl-7", "model": "qwen", "choices": [{"delta": {"content": "a"}}]}
    reply = read(data(line))[1]
    assert (reply.generation_id, reply.provider, reply.model) == (None, None, "qwen")


@pytest.mark.parametrize("cost", [-0.5, "NaN", 1e300])
def test_a_nonsensical_cost_is_unknown(cost: object) -> None:
    reply = read(chunk("a", finish="stop", usage=USAGE | {"cost": cost}))[1]
    assert reply.usage is not None
    assert reply.usage.cost_usd is None


def test_a_cost_of_zero_is_known() -> None:
    reply = read(chunk("a", finish="stop", usage=USAGE | {"cost": 0}))[1]
    assert reply.usage is not None
    assert reply.usage.cost_usd == 0


def test_an_empty_usage_object_says_nothing() -> None:
    assert read(chunk("a", finish="stop", usage={}))[1].usage is None


def test_reasoning_is_kept_apart_in_both_spellings() -> None:
    pieces = chunk(delta={"reasoning": "hm"}) + chunk(delta={"reasoning_content": "mm"}) + chunk("a")
    delta = Reply().feed(pieces)
    assert delta is not None
    assert (delta.reasoning, delta.content) == ("hmmm", "a")


def test_repeated_citations_come_once_and_only_from_the_web() -> None:
    def cited(*urls: str) -> bytes:
        sources = [{"url": url, "title": "T", "start_index": 0, "end_index": 3} for url in urls]
        return chunk(delta={"annotations": [{"type": "url_citation", "url_citation": s} for s in sources]})

    delta = Reply().feed(cited("https://a.example") + cited("https://a.example", "javascript:alert(1)"))
    assert delta is not None
    assert delta.citations == (Citation("https://a.example", "T", 0, 3),)


@pytest.mark.parametrize("annotations", ["x", [1], [{"url_citation": 4}], [{"url_citation": {"url": 1}}], {}])
def test_odd_annotations_never_cost_the_answer(annotations: object) -> None:
    text, reply = read(chunk("a", delta={"annotations": annotations}), FINISH)
    assert text == "a"
    assert reply.error is None


def test_attempts_are_read_from_the_routing_metadata() -> None:
    attempts = [{"model": "a", "status": 503}, {"model": "b", "status": 503}, {"model": "b", "status": 200}]
    reply = read(chunk("x", finish="stop"), chunk("", openrouter_metadata={"attempts": attempts}), DONE)[1]
    assert reply.models_attempted == ("a", "b")


def test_a_refusal_is_shown_as_the_answer() -> None:
    assert read(chunk(delta={"refusal": "I can't."}), FINISH)[0] == "I can't."


@pytest.mark.parametrize("mark", [FINISH, DONE])
def test_either_end_mark_ends_an_answer(mark: bytes) -> None:
    assert read(chunk("a"), mark)[1].error is None


def test_an_end_without_any_end_mark_is_an_interruption() -> None:
    text, reply = read(chunk("a"), chunk("b"))
    assert text == "ab"
    assert isinstance(reply.error, Interrupted)


def test_a_line_cut_in_the_middle_is_an_interruption() -> None:
    text, reply = read(chunk("a"), chunk("b")[:-20])
    assert text == "a"
    assert isinstance(reply.error, Interrupted)


def test_a_last_line_without_line_end_still_counts() -> None:
    assert read(chunk("a"), DONE.strip())[1].error is None


@pytest.mark.parametrize("nothing", [b"", COMMENT, b"\n\n"])
def test_a_stream_of_nothing_may_be_tried_again(nothing: bytes) -> None:
    reply = read(nothing)[1]
    assert isinstance(reply.error, UpstreamUnavailable)
    assert reply.error.automatic_retries == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        b"data: {broken\n\n",
        b"data: [1,2]\n\n",
        b"data: null\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":5}}]}\n\n',
        b'data: {"x":' + b"[" * 100_000 + b"}\n\n",
        b"<html>\n<p>Hello</p>\n",
        DONE,
    ],
)
def test_nonsense_is_a_malformed_reply(nonsense: bytes) -> None:
    assert isinstance(read(nonsense)[1].error, MalformedReply)


def test_text_before_nonsense_in_one_read_is_kept() -> None:
    text, reply = read(chunk("a") + b"data: {broken\n\n" + chunk("b"))
    assert text == "a"
    assert isinstance(reply.error, MalformedReply)


def test_a_json_answer_in_place_of_a_stream_is_read_whole() -> None:
    reply = WholeReply()
    body = {"id": "gen-2", "model": "m", "usage": USAGE}
    body["choices"] = [{"finish_reason": "stop", "message": {"content": "Salam", "reasoning": None}}]
    reply.feed(json.dumps(body).encode())
    delta = reply.end()
    assert delta is not None
    assert (delta.content, reply.finish_reason, reply.done) == ("Salam", "stop", True)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense", b""])
def test_json_that_is_no_answer_is_malformed(body: bytes) -> None:
    reply = WholeReply()
    reply.feed(body)
    reply.end()
    assert isinstance(reply.error, MalformedReply)


def test_what_the_parser_made_of_files_is_kept_once_even_where_the_answer_fails() -> None:
    parsed = {"type": "file", "file": {"hash": "1", "name": "a.pdf", "content": []}}
    noted = data({"choices": [{"delta": {"content": "a", "annotations": [parsed, {"type": "file"}]}}]})
    assert read(noted, noted, FINISH)[1].files == [parsed]
    failed = {"error": {"code": 502, "message": "gone", "metadata": {"file_annotations": [parsed]}}}
    assert read(data(failed))[1].files == [parsed]

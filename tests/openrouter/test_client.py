"""The client against scripted bytes over real HTTP."""

import asyncio
import json
import logging
from typing import Any

import msgspec
import pytest

from tests.openrouter.conftest import QUICK
from tests.openrouter.server import (
    COMMENT,
    CUT,
    DONE,
    FINISH,
    HOLD,
    JSON,
    USAGE,
    ScriptedServer,
    chunk,
    data,
)
from wisqu.openrouter import errors
from wisqu.openrouter.client import ChatStream, OpenRouter
from wisqu.openrouter.types import ChatRequest, Delta, Message

ASK = ChatRequest("maker/model", (Message.text("user", "a secret question"),))
USED = data({"id": "gen-1", "model": "maker/model", "choices": [], "usage": USAGE})


def error(code: int, **extra: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": "no"} | extra}).encode()


def now() -> float:
    return asyncio.get_running_loop().time()


async def read(stream: ChatStream) -> str:
    text = ""
    async with stream:
        async for delta in stream:
            text += delta.content
    return text


async def failing(stream: ChatStream, kind: type[errors.OpenRouterError]) -> tuple[str, Any]:
    """The text that came before the failure, and the failure."""
    text: list[str] = []

    async def gather() -> None:
        async with stream:
            async for delta in stream:
                text.append(delta.content)  # noqa: PERF401 - a comprehension would lose it all on failure

    with pytest.raises(kind) as caught:
        await gather()
    return "".join(text), caught.value


async def test_an_answer_streams_and_ends_with_its_facts(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(COMMENT, chunk("Sal"), 0.01, chunk("am"), FINISH, USED, DONE)
    stream = client.stream(ASK)
    assert await read(stream) == "Salam"
    done = stream.completion
    assert (done.finish_reason, done.model, done.provider) == ("stop", "maker/model", "Host")
    assert done.generation_id == "gen-1"
    assert done.usage is not None
    assert done.usage.completion_tokens == 10


async def test_each_piece_comes_as_soon_as_it_is_sent(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), HOLD)
    async with client.stream(ASK) as stream:
        assert await asyncio.wait_for(anext(stream), 0.2) == Delta("a")
        assert stream.generation_id == "gen-1"


async def test_the_facts_of_attribution_go_with_the_request(server: ScriptedServer) -> None:
    server.answers(FINISH, headers={"content-type": "text/event-stream", "x-generation-id": "gen-9"})
    client = OpenRouter(
        api_key="sk-or-test", base_url=server.url, app_name="WisQu و", app_url="https://wisqu.example"
    )
    stream = client.stream(ASK)
    await read(stream)
    await client.close()
    sent = server.requests[0].headers
    assert sent["authorization"] == "bearer sk-or-test"
    assert (sent["x-openrouter-title"], sent["http-referer"]) == ("wisqu", "https://wisqu.example")
    assert sent["accept-encoding"] == "identity"
    assert stream.generation_id == "gen-9"


async def test_a_server_of_ones_own_needs_no_key_and_no_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.answers(chunk("a"), FINISH)
    client = OpenRouter(api_key="", base_url=server.url)
    assert await read(client.stream(ASK)) == "a"
    await client.close()


async def test_a_whole_answer_is_gathered(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("Sal"), chunk(delta={"reasoning": "hm"}), chunk("am"), FINISH, USED, DONE)
    done = await client.complete(ASK)
    assert (done.content, done.reasoning, done.finish_reason) == ("Salam", "hm", "stop")


async def test_a_server_that_does_not_stream_is_understood(
    server: ScriptedServer, client: OpenRouter
) -> None:
    answer = {"model": "m", "choices": [{"message": {"content": "Salam"}, "finish_reason": "stop"}]}
    server.answers(json.dumps(answer).encode(), headers=JSON)
    assert (await client.complete(ASK)).content == "Salam"


async def test_a_connection_is_used_again(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), FINISH, USED, DONE)
    for _ in range(3):
        assert await read(client.stream(ASK)) == "a"
    assert server.connections == 1


# --- what ends an answer badly ---


async def test_a_broken_socket_keeps_what_came_before(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a") + chunk("b"), CUT)
    text, _failure = await failing(client.stream(ASK), errors.Interrupted)
    assert text == "ab"
    assert len(server.requests) == 1


async def test_a_slow_reader_loses_nothing_to_a_broken_socket(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("a"), 0.01, chunk("b"), USED, CUT)
    async with client.stream(ASK) as stream:
        assert await anext(stream) == Delta("a")
        await asyncio.sleep(0.05)
        assert await anext(stream) == Delta("b")
        with pytest.raises(errors.Interrupted):
            await anext(stream)
        assert stream.usage is not None


async def test_a_clean_end_without_an_end_mark_is_an_interruption(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("a"))
    assert (await failing(client.stream(ASK), errors.Interrupted))[0] == "a"


async def test_an_answer_that_broke_after_its_finish_is_whole(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("a"), FINISH, CUT)
    stream = client.stream(ASK)
    assert await read(stream) == "a"
    assert stream.completion.usage is None


async def test_a_web_page_is_no_answer(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(b"<html>Sign in</html>", headers={"content-type": "text/html; charset=utf-8"})
    await failing(client.stream(ASK), errors.MalformedReply)
    assert len(server.requests) == 1


async def test_an_error_with_status_200_is_an_error(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(error(402), headers=JSON)
    _text, failure = await failing(client.stream(ASK), errors.OperatorError)
    assert failure.status == 402


async def test_an_error_in_a_choice_is_an_error(server: ScriptedServer, client: OpenRouter) -> None:
    choice = {"message": {"content": ""}, "finish_reason": "error", "error": {"code": 400, "message": "x"}}
    server.answers(json.dumps({"choices": [choice]}).encode(), headers=JSON)
    await failing(client.stream(ASK), errors.InvalidRequest)


async def test_an_error_in_mid_stream_keeps_text_and_usage(
    server: ScriptedServer, client: OpenRouter
) -> None:
    broken = {"code": 502, "message": "gone", "metadata": {"error_type": "provider_unavailable"}}
    server.answers(chunk("a"), 0.01, chunk("", error=broken, usage=USAGE), DONE)
    stream = client.stream(ASK)
    text, failure = await failing(stream, errors.Interrupted)
    assert (text, failure.status) == ("a", 502)
    assert stream.usage is not None
    with pytest.raises(RuntimeError):
        _ = stream.completion


async def test_a_late_refusal_stays_a_refusal(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), chunk("", error={"code": 403, "metadata": {"reasons": ["violence"]}}))
    assert (await failing(client.stream(ASK), errors.ContentRefused))[0] == "a"


async def test_a_finish_for_the_reason_error_is_no_end(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), chunk("", finish="error"), DONE)
    await failing(client.stream(ASK), errors.Interrupted)


# --- deadlines ---


async def test_silence_before_the_first_byte_ends(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(HOLD)
    started = now()
    await failing(client.stream(ASK), errors.UpstreamTimeout)
    assert now() - started == pytest.approx(QUICK.first_byte)
    await asyncio.wait_for(server.left.wait(), 1)
    assert len(server.requests) == 1


async def test_keep_alive_comments_are_no_first_byte(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(*[COMMENT, 0.03] * 50)
    started = now()
    await failing(client.stream(ASK), errors.UpstreamTimeout)
    assert now() - started == pytest.approx(QUICK.first_byte)


async def test_keep_alive_comments_are_no_life(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), *[COMMENT, 0.03] * 50)
    started = now()
    assert (await failing(client.stream(ASK), errors.UpstreamTimeout))[0] == "a"
    assert now() - started == pytest.approx(QUICK.silence)


async def test_a_comment_split_over_reads_is_no_life(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), *[b": OPEN", 0.03, b"ROUTER\n\n", 0.03] * 30)
    started = now()
    await failing(client.stream(ASK), errors.UpstreamTimeout)
    assert now() - started == pytest.approx(QUICK.silence)


async def test_a_long_line_that_trickles_in_is_life(server: ScriptedServer, client: OpenRouter) -> None:
    line = chunk("a long piece of text")
    pieces = [line[at : at + 25] for at in range(0, len(line), 25)]
    server.answers(*[step for piece in pieces for step in (piece, 0.05)], FINISH)
    assert await read(client.stream(ASK)) == "a long piece of text"


async def test_the_total_ends_an_answer_that_goes_on_and_on(server: ScriptedServer) -> None:
    client = OpenRouter(
        api_key="sk-or-test", base_url=server.url, deadlines=QUICK.__class__(total=0.2, silence=5.0)
    )
    await client.connect()
    server.answers(*[chunk("a"), 0.02] * 100)
    started = now()
    text, _failure = await failing(client.stream(ASK), errors.UpstreamTimeout)
    assert text.startswith("aaa")
    assert now() - started == pytest.approx(0.2)
    await client.close()


async def test_the_total_ends_a_line_that_comes_byte_by_byte(server: ScriptedServer) -> None:
    client = OpenRouter(
        api_key="sk-or-test", base_url=server.url, deadlines=QUICK.__class__(total=0.3, silence=5.0)
    )
    await client.connect()
    endless = chunk("x" * 400)
    server.answers(chunk("a"), *[step for at in range(400) for step in (endless[at : at + 1], 0.02)])
    started = now()
    text, _failure = await failing(client.stream(ASK), errors.UpstreamTimeout)
    assert (text, now() - started) == ("a", pytest.approx(0.3))
    await client.close()


async def test_an_answer_that_does_not_stop_is_cut_at_what_its_tokens_can_mean(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(*[step for _ in range(500) for step in (chunk("x" * 100), 0.001)], HOLD)
    stream = client.stream(msgspec.structs.replace(ASK, max_tokens=100))
    text = await read(stream)
    assert 3_400 <= len(text) < 30_000
    assert (stream.completion.finish_reason, stream.completion.usage) == ("length", None)
    assert stream.generation_id


async def test_a_slow_reader_of_ours_is_not_a_silent_server(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("a"), 0.05, chunk("b"), FINISH, DONE)
    text = ""
    async with client.stream(ASK) as stream:
        async for delta in stream:
            text += delta.content
            await asyncio.sleep(0.3)
    assert text == "ab"


async def test_a_server_that_never_hangs_up_after_the_finish_is_not_waited_for(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("a"), FINISH, HOLD)
    stream = client.stream(ASK)
    assert await asyncio.wait_for(read(stream), 1.0) == "a"
    assert stream.completion.finish_reason == "stop"


# --- leaving ---


async def test_leaving_ends_the_work_upstream_at_once(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), HOLD)
    async with client.stream(ASK) as stream:
        await anext(stream)
    await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize("steps", [(HOLD,), (chunk("a"), HOLD)])
async def test_another_task_may_close_a_waiting_stream(
    steps: tuple[Any, ...], server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(*steps)
    stream = client.stream(ASK)
    reading = asyncio.create_task(read(stream))
    await asyncio.sleep(0.05)
    await stream.close()
    await asyncio.wait_for(reading, 5)
    await asyncio.wait_for(server.left.wait(), 5)


async def test_a_pause_before_a_retry_can_be_closed(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(error(429), status=429, headers=JSON | {"retry-after": "0.3"})
    stream = client.stream(ASK)
    reading = asyncio.create_task(read(stream))
    while not server.requests:
        await asyncio.sleep(0.01)
    await stream.close()
    assert await asyncio.wait_for(reading, 5) == ""
    await asyncio.sleep(0.4)
    assert len(server.requests) == 1


async def test_a_cancelled_reader_ends_the_work_upstream(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chunk("a"), HOLD)
    reading = asyncio.create_task(read(client.stream(ASK)))
    while not server.requests:
        await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.wait_for(server.left.wait(), 5)


# --- retries ---


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504, 524, 529])
async def test_passing_trouble_is_tried_twice_more(
    status: int, server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(error(status), status=status, headers=JSON)
    _text, failure = await failing(client.stream(ASK), errors.OpenRouterError)
    assert failure.status == status
    assert len(server.requests) == 3


async def test_a_second_try_may_succeed(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(error(503), status=503, headers=JSON)
    server.answers(chunk("a"), FINISH, DONE)
    assert await read(client.stream(ASK)) == "a"


async def test_a_connection_cut_before_the_first_token_is_tried_again(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(COMMENT, CUT)
    server.answers(chunk("a"), FINISH, DONE)
    assert await read(client.stream(ASK)) == "a"


async def test_an_early_error_in_the_stream_is_tried_again(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("", error={"code": 503, "message": "busy"}))
    server.answers(chunk("a"), FINISH, DONE)
    assert await read(client.stream(ASK)) == "a"


async def test_a_failure_that_was_billed_is_not_tried_again(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(chunk("", error={"code": 503, "message": "busy"}, usage=USAGE))
    stream = client.stream(ASK)
    await failing(stream, errors.UpstreamUnavailable)
    assert len(server.requests) == 1
    assert stream.usage is not None


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (401, 1), (402, 1), (403, 1), (404, 1), (500, 2)])
async def test_lasting_trouble_is_not_tried_again(
    status: int, tries: int, server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(error(status), status=status, headers=JSON)
    await failing(client.stream(ASK), errors.OpenRouterError)
    assert len(server.requests) == tries


async def test_retry_after_is_honoured(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(error(429), status=429, headers=JSON | {"retry-after": "0.2"})
    server.answers(FINISH)
    started = now()
    await read(client.stream(ASK))
    assert now() - started == pytest.approx(0.2)


async def test_a_long_retry_after_is_handed_on(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(error(429), status=429, headers=JSON | {"retry-after": "45"})
    started = now()
    _text, failure = await failing(client.stream(ASK), errors.RateLimited)
    assert failure.retry_after == 45
    assert now() - started == 0


async def test_no_server_at_all_is_unavailable() -> None:
    client = OpenRouter(api_key="sk-or-test", base_url="http://127.0.0.1:9/api/v1", deadlines=QUICK)
    await client.connect()
    await failing(client.stream(ASK), errors.UpstreamUnavailable)
    await client.close()


async def test_a_redirect_does_not_carry_the_key_away(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(status=307, headers={"location": server.url + "/elsewhere"})
    await failing(client.stream(ASK), errors.OperatorError)
    assert len(server.requests) == 1


async def test_neither_key_nor_prompt_is_logged(
    server: ScriptedServer, client: OpenRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(error(503), status=503, headers=JSON)
    server.answers(error(401, message="sk-or-test: a secret question"), status=401, headers=JSON)
    await failing(client.stream(ASK), errors.OperatorError)
    assert "refuses us" in caplog.text
    assert "sk-or-test" not in caplog.text
    assert "secret question" not in caplog.text


# --- the rest of the API ---


async def test_the_catalogue_is_followed_over_its_pages(server: ScriptedServer, client: OpenRouter) -> None:
    following = "https://elsewhere.example/api/v1/models?offset=1"
    server.answers(json.dumps({"data": [{"id": "a/b"}], "links": {"next": following}}).encode(), headers=JSON)
    server.answers(json.dumps({"data": [{"id": "c/d"}], "links": {"next": None}}).encode(), headers=JSON)
    assert [model.id for model in await client.models()] == ["a/b", "c/d"]
    every = "output_modalities=all"
    asked = [request.path for request in server.requests]
    assert asked == [f"/api/v1/models?{every}", f"/api/v1/models?{every}&offset=1"]


async def test_a_generation_is_looked_up(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(b'{"data": {"id": "gen-1", "total_cost": 0.5}}', headers=JSON)
    found = await client.generation("gen-1")
    assert found is not None
    assert str(found.cost_usd) == "0.5"
    assert server.requests[0].path == "/api/v1/generation?id=gen-1"


@pytest.mark.parametrize("body", [b"404 page not found", error(404)])
async def test_an_unknown_generation_is_none(body: bytes, server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(body, status=404, headers=JSON)
    assert await client.generation("gen-1") is None


async def test_look_ups_are_tried_again_and_have_a_deadline(
    server: ScriptedServer, client: OpenRouter
) -> None:
    server.answers(error(503), status=503, headers=JSON)
    server.answers(HOLD)
    with pytest.raises(errors.UpstreamTimeout):
        await client.models()
    assert len(server.requests) == 2

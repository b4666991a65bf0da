"""The client against the sandbox: the same code paths as against OpenRouter."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.live import Sandbox
from wisqu.openrouter import errors
from wisqu.openrouter.client import Deadlines, OpenRouter
from wisqu.openrouter.routing import preferences
from wisqu.openrouter.types import CachePoint, ChatRequest, Message, TextPart, WebSearch

MODEL = "openai/gpt-4o-mini"
DEADLINES = Deadlines(first_byte=4.0, silence=4.0, total=60.0, tail=1.0, longest_wait=0.5, backoff=0.01)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[OpenRouter]:
    client = OpenRouter(api_key=sandbox.key, base_url=sandbox.url, deadlines=DEADLINES)
    await client.connect()
    yield client
    await client.close()


def ask(text: str, **options: Any) -> ChatRequest:
    return ChatRequest(options.pop("model", MODEL), (Message.text("user", text),), **options)


async def test_an_answer_says_what_it_cost_and_the_look_up_agrees(client: OpenRouter) -> None:
    done = await client.complete(ask("[[pace:fast]] Write two paragraphs"))
    assert done.content
    assert done.finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.cost_usd is not None
    assert done.generation_id is not None
    found = await client.generation(done.generation_id)
    assert found is not None
    assert (found.cost_usd, found.prompt_tokens) == (done.usage.cost_usd, done.usage.prompt_tokens)


async def test_the_reply_asked_for_arrives_to_the_letter(client: OpenRouter) -> None:
    text = "بسم الله ۱۲۳ 🌙 | a <b> `c`"
    assert (await client.complete(ask(f"[[reply:{text}]]"))).content == text


@pytest.mark.parametrize("form", ["empty", "null-choice", "repeat"])
async def test_every_usage_form_is_read(form: str, client: OpenRouter) -> None:
    done = await client.complete(ask(f"[[pace:fast]] [[usage:{form}]] [[words:5]]"))
    assert done.finish_reason == "stop"
    assert done.usage is not None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", errors.InvalidRequest),
        ("400-model", errors.ModelUnavailable),
        ("400-context", errors.ContextTooLong),
        ("400-policy", errors.ContentRefused),
        ("401", errors.OperatorError),
        ("402", errors.OperatorError),
        ("402-key", errors.OperatorError),
        ("402-in-flight", errors.RateLimited),
        ("403", errors.ContentRefused),
        ("403-region", errors.ModelUnavailable),
        ("404", errors.ModelUnavailable),
        ("404-deprecated", errors.ModelUnavailable),
        ("408", errors.UpstreamTimeout),
        ("413", errors.ContextTooLong),
        ("422", errors.InvalidRequest),
        ("429-bare", errors.RateLimited),
        ("429-platform", errors.RateLimited),
        ("429-capacity", errors.RateLimited),
        ("500", errors.UpstreamUnavailable),
        ("503", errors.UpstreamUnavailable),
        ("524", errors.UpstreamTimeout),
        ("529", errors.UpstreamUnavailable),
        ("200-html", errors.MalformedReply),
        ("200-empty", errors.MalformedReply),
        ("stall-first", errors.UpstreamTimeout),
        ("stall-headers", errors.UpstreamTimeout),
        ("stall-comments", errors.UpstreamTimeout),
        ("stall-mid", errors.UpstreamTimeout),
        ("stall-mid-comments", errors.UpstreamTimeout),
        ("error-mid", errors.Interrupted),
        ("error-mid-null", errors.Interrupted),
        ("error-mid-string", errors.Interrupted),
        ("cut", errors.Interrupted),
        ("cut-first", errors.UpstreamUnavailable),
        ("silent-end", errors.Interrupted),
        ("broken-json", errors.MalformedReply),
        ("bad-utf8", errors.MalformedReply),
        ("wrong-shape", errors.MalformedReply),
    ],
)
async def test_every_scripted_failure_becomes_its_type(
    fault: str, kind: type[Exception], client: OpenRouter
) -> None:
    with pytest.raises(errors.OpenRouterError) as caught:
        await client.complete(ask(f"[[pace:fast]] [[fault:{fault}]] Hello"))
    assert type(caught.value) is kind


@pytest.mark.parametrize("fault", ["200-error", "200-choice-error", "200-null-choices", "error-bare"])
async def test_an_answer_that_is_no_answer_never_looks_complete(fault: str, client: OpenRouter) -> None:
    with pytest.raises(errors.OpenRouterError):
        await client.complete(ask(f"[[pace:fast]] [[fault:{fault}]] Hello"))


@pytest.mark.parametrize("fault", ["no-done", "no-finish", "huge-line", "error-first times=2"])
async def test_harmless_oddities_end_well(fault: str, client: OpenRouter) -> None:
    assert (await client.complete(ask(f"[[pace:fast]] [[fault:{fault}]] Hello"))).content


async def test_a_bad_key_is_the_operators_trouble(sandbox: Sandbox) -> None:
    client = OpenRouter(api_key="sk-or-bad", base_url=sandbox.url)
    with pytest.raises(errors.OperatorError):
        await client.complete(ask("Hello"))
    await client.close()


async def test_another_model_answers_when_the_first_fails(client: OpenRouter) -> None:
    other = "anthropic/claude-sonnet-4.5"
    done = await client.complete(
        ask("[[pace:fast]] [[fault:503 model=first]] Hello", fallback_models=(other,), user="fallback")
    )
    assert done.models_attempted == (MODEL, done.model)
    assert done.model is not None
    assert done.model.startswith("anthropic/")  # its dated slug


async def test_a_repeated_prefix_is_read_from_the_cache(client: OpenRouter) -> None:
    system = Message("system", (TextPart("Know this. " * 2000, CachePoint()),))
    request = ChatRequest(
        "anthropic/claude-sonnet-4.5",
        (system, Message.text("user", "[[pace:fast]] [[words:3]]")),
        session_id="client-cache",
    )
    first, second = await client.complete(request), await client.complete(request)
    assert first.usage is not None
    assert second.usage is not None
    assert first.usage.cached_tokens_written
    assert second.usage.cached_tokens_read == first.usage.cached_tokens_written
    assert (second.usage.cost_usd or 1) < (first.usage.cost_usd or 0)


async def test_web_search_brings_citations(client: OpenRouter) -> None:
    done = await client.complete(ask("[[pace:fast]] What is new?", web_search=WebSearch()))
    assert done.citations
    assert all(citation.url.startswith("https://") for citation in done.citations)


async def test_a_schema_is_obeyed(client: OpenRouter) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    done = await client.complete(ask("[[pace:fast]] Who?", response_schema=schema))
    assert set(json.loads(done.content)) == {"name", "age"}


async def test_leaving_is_noticed_upstream(sandbox: Sandbox, client: OpenRouter) -> None:
    async with client.stream(ask("[[pace:slow]] [[words:500]]", user="leaver")) as stream:
        await anext(stream)
    for _ in range(300):
        await asyncio.sleep(0.1)
        entry = (await asyncio.to_thread(sandbox.ledger, user="leaver"))[0]
        if entry["status"] != "running" and entry.get("outcome") != "running":
            break
    assert "aborted" in json.dumps(entry)


async def test_the_strategy_is_accepted(client: OpenRouter) -> None:
    done = await client.complete(ask("[[pace:fast]] [[words:3]]", provider=preferences("latency")))
    assert done.provider


async def test_the_catalogue_has_exact_prices(client: OpenRouter) -> None:
    models = {model.id: model for model in await client.models()}
    prompt = models[MODEL].pricing["prompt"]
    assert prompt is not None
    assert 0 < prompt < 1
    assert any(model.output_modalities and "image" in model.output_modalities for model in models.values())
    assert all(msgspec.json.encode(model) for model in models.values())


async def test_fifty_streams_at_once_lose_nothing(client: OpenRouter) -> None:
    texts = [f"[[reply:{'word ' * 50}{number}]] [[pace:1ms]]" for number in range(50)]
    done = await asyncio.gather(*(client.complete(ask(text)) for text in texts))
    assert [answer.content for answer in done] == [f"{'word ' * 50}{number}" for number in range(50)]

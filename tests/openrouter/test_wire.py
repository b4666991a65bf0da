import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from wisqu.openrouter.encoding import encode_request
from wisqu.openrouter.errors import InvalidRequest, MalformedReply
from wisqu.openrouter.routing import preferences
from wisqu.openrouter.types import (
    AudioPart,
    CachePoint,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    Part,
    TextPart,
    WebSearch,
)
from wisqu.openrouter.wire import (
    WireUsage,
    decode_generation,
    decode_models,
    usage_from,
)


def body(*parts: Part, **options: Any) -> Any:
    return json.loads(encode_request(ChatRequest("maker/model", (Message("user", parts),), **options)))


def test_text_without_a_mark_is_a_plain_string() -> None:
    assert body(TextPart("a"), TextPart("b"))["messages"] == [{"role": "user", "content": "ab"}]


def test_automatic_caching_is_switched_off_only_on_wish() -> None:
    history = (Message.text("user", "hello"),)
    sent = json.loads(encode_request(ChatRequest("m", history, automatic_cache=False)))
    assert sent["prompt_cache_options"] == {"mode": "explicit"}
    assert "prompt_cache_options" not in json.loads(encode_request(ChatRequest("m", history)))


def test_a_cache_mark_makes_a_list_of_parts() -> None:
    content = body(TextPart("long", CachePoint("1h")), TextPart("new"))["messages"][0]["content"]
    assert content == [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "new"},
    ]


def test_five_minutes_are_the_default_and_not_written() -> None:
    content = body(TextPart("long", CachePoint()))["messages"][0]["content"]
    assert content[0]["cache_control"] == {"type": "ephemeral"}


def test_files_images_and_sound_have_their_forms() -> None:
    content = body(
        ImagePart("https://a.example/b.png"), FilePart("a.pdf", "data:,"), AudioPart("QUJD", "wav")
    )
    assert content["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:,"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    ]


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    assert set(body(TextPart("a"))) == {"model", "messages", "stream", "stream_options"}


def test_options_keep_their_names() -> None:
    options = {"temperature": 0.0, "max_tokens": 5, "top_p": 0.5, "session_id": "s", "user": "u"}
    assert options.items() <= body(TextPart("a"), **options).items()


def test_fallbacks_go_beside_the_model() -> None:
    sent = body(TextPart("a"), fallback_models=("x/y",))
    assert (sent["model"], sent["models"]) == ("maker/model", ["x/y"])


def test_a_schema_is_strict_and_wants_a_provider_that_obeys() -> None:
    sent = body(TextPart("a"), response_schema={"type": "object"}, provider=preferences("price"))
    assert sent["response_format"]["json_schema"] == {
        "name": "answer",
        "strict": True,
        "schema": {"type": "object"},
    }
    assert sent["provider"] == {"allow_fallbacks": True, "sort": "price", "require_parameters": True}


def test_web_search_is_the_server_tool() -> None:
    assert body(TextPart("a"), web_search=WebSearch())["tools"] == [{"type": "openrouter:web_search"}]


def test_the_options_of_a_search_go_along_in_either_form() -> None:
    wanted = WebSearch(max_results=3, allowed_domains=("a.example",), excluded_domains=("b.example",))
    (tool,) = body(TextPart("a"), web_search=wanted)["tools"]
    sent = body(TextPart("a"), web_search=msgspec.structs.replace(wanted, as_plugin=True))
    assert tool["parameters"] == {
        "max_results": 3,
        "allowed_domains": ["a.example"],
        "excluded_domains": ["b.example"],
    }
    assert "tools" not in sent
    assert sent["plugins"] == [
        {"id": "web", "max_results": 3, "include_domains": ["a.example"], "exclude_domains": ["b.example"]}
    ]


def test_the_fees_of_tools_are_what_the_model_did_not_cost() -> None:
    sent = WireUsage(
        prompt_tokens=1,
        cost=Decimal("0.0071"),
        cost_details={"upstream_inference_cost": 0.0001},
        server_tool_use_details={"web_search_requests": 2},
    )
    found = usage_from(sent)
    assert found is not None
    assert (found.fees_usd, found.web_searches) == (Decimal("0.007"), 2)


@pytest.mark.parametrize(
    "odd", [None, 7, "x", [], {"upstream_inference_cost": "?", "web_search_requests": "?"}]
)
def test_odd_details_cost_no_usage(odd: object) -> None:
    found = usage_from(
        WireUsage(prompt_tokens=1, cost=Decimal(1), cost_details=odd, server_tool_use_details=odd)
    )
    assert found is not None
    assert (found.fees_usd, found.web_searches, found.cost_usd) == (None, None, Decimal(1))


@pytest.mark.parametrize(
    ("strategy", "sent"),
    [
        ("auto", None),
        ("price", {"allow_fallbacks": True, "sort": "price"}),
        ("latency", {"allow_fallbacks": True, "sort": "latency"}),
        ("uptime", {"allow_fallbacks": True}),
    ],
)
def test_strategies_become_provider_preferences(strategy: Any, sent: object) -> None:
    assert body(TextPart("a"), provider=preferences(strategy)).get("provider") == sent


def test_equal_history_gives_byte_equal_prefixes() -> None:
    history = tuple(Message.text("user", f"question {n}") for n in range(50))
    one = encode_request(ChatRequest("m", history))
    two = encode_request(ChatRequest("m", (*history, Message.text("user", "more"))))
    assert two.startswith(one[: one.index(b"]")])


def test_a_lone_surrogate_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidRequest):
        body(TextPart("\ud83d"))


def test_the_catalogue_is_read_with_exact_prices() -> None:
    entry = {
        "id": "maker/model",
        "canonical_slug": "maker/model-20260101",
        "context_length": 1000,
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        "top_provider": {"max_completion_tokens": 64},
        "pricing": {
            "prompt": "0.000003",
            "request": "-1",
            "image": "soon",
            "overrides": [{"min_prompt_tokens": 200000.0, "prompt": "0.000006"}, {"utc_start": 100}],
        },
    }
    models, following = decode_models(json.dumps({"data": [entry], "links": {"next": None}}).encode())
    assert following is None
    assert models[0].pricing == {"prompt": Decimal("0.000003"), "request": None, "image": None}
    assert models[0].price_overrides[0].min_prompt_tokens == 200000
    assert models[0].price_overrides[0].pricing == {"prompt": Decimal("0.000006")}
    assert (models[0].max_completion_tokens, models[0].input_modalities) == (64, ("text", "image"))


def test_a_plain_catalogue_leaves_the_rest_unknown() -> None:
    entry = {"id": "qwen3:8b", "object": "model", "created": 1, "owned_by": "library"}
    models, _following = decode_models(json.dumps({"object": "list", "data": [entry]}).encode())
    assert (models[0].id, models[0].context_length, models[0].pricing) == ("qwen3:8b", None, {})


def test_one_unreadable_entry_does_not_cost_the_catalogue() -> None:
    models, _following = decode_models(b'{"data": [{"id": 5}, {"id": "a/b"}]}')
    assert [model.id for model in models] == ["a/b"]


@pytest.mark.parametrize("nonsense", [b"<html>", b"{}", b"[]", b'{"data": 5}'])
def test_a_page_that_is_no_catalogue_is_malformed(nonsense: bytes) -> None:
    with pytest.raises(MalformedReply):
        decode_models(nonsense)


def test_a_generation_prefers_the_billed_counts() -> None:
    found = decode_generation(
        b'{"data": {"id": "gen-1", "model": "m", "tokens_prompt": 9, "native_tokens_prompt": 11,'
        b' "total_cost": 0.0012, "cache_discount": -0.0003}}'
    )
    assert found.prompt_tokens == 11
    assert (found.cost_usd, found.cache_discount_usd) == (Decimal("0.0012"), Decimal("-0.0003"))


def test_a_reader_of_files_stands_beside_a_search_and_annotations_go_back_as_they_came() -> None:
    parsed = {"type": "file", "file": {"hash": "1", "name": "a.pdf", "content": []}}
    asked = ChatRequest(
        model="maker/model",
        messages=(Message("assistant", (TextPart("a"),), (parsed,)),),
        web_search=WebSearch(as_plugin=True),
        pdf_engine="cloudflare-ai",
    )
    sent = json.loads(encode_request(asked))
    assert sent["messages"][0] == {"role": "assistant", "content": "a", "annotations": [parsed]}
    assert [plugin["id"] for plugin in sent["plugins"]] == ["web", "file-parser"]
    assert sent["plugins"][1]["pdf"] == {"engine": "cloudflare-ai"}

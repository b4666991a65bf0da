"""Pictures against scripted bytes: both ways of asking, what a reply may hold, and as few tries as can be."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from tests.openrouter.server import CUT, HOLD, JSON, ScriptedServer
from wisqu.openrouter import errors
from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.images import ImageRequest, NoImage, image_traits
from wisqu.openrouter.painting import paint

PIXELS = b"\x89PNG pixels"
TEXT = base64.b64encode(PIXELS).decode()
CHAT = ImageRequest("google/gemini-2.5-flash-image", "A star", "chat", aspect_ratio="16:9", seed=3, user="u")
ENDPOINT = ImageRequest("black-forest-labs/flux.2-pro", "A star", "images", aspect_ratio="3:4")


def chat_reply(url: str | None = f"data:image/png;base64,{TEXT}", **choice: Any) -> bytes:
    images = [{"type": "image_url", "image_url": {"url": url}}] if url else []
    message = {"role": "assistant", "content": "Here.", "images": images}
    body = {"id": "gen-1", "model": "google/dated", "provider": "Google", "usage": {"cost": 0.0387}}
    return json.dumps({**body, "choices": [{"message": message, "finish_reason": "stop", **choice}]}).encode()


def endpoint_reply(**datum: Any) -> bytes:
    return json.dumps({"created": 1, "data": [{"b64_json": TEXT, **datum}], "usage": {"cost": 0.03}}).encode()


async def test_a_chat_is_asked_with_modalities(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(chat_reply(), headers=JSON)
    found = await paint(client, CHAT)
    assert (found.image, found.text, found.generation_id, found.provider) == (
        PIXELS,
        "Here.",
        "gen-1",
        "Google",
    )
    sent = server.requests[0]
    assert sent.path == "/api/v1/chat/completions"
    assert sent.json["modalities"] == ["image", "text"]
    assert sent.json["image_config"] == {"aspect_ratio": "16:9"}
    assert (sent.json["seed"], sent.json["user"]) == (3, "u")


async def test_the_endpoint_is_asked_for_one_picture(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(endpoint_reply(), headers={**JSON, "X-Generation-Id": "gen-7"})
    noted: list[str] = []

    async def note(generation_id: str) -> None:
        noted.append(generation_id)

    found = await paint(client, ENDPOINT, on_begin=note)
    assert (found.image, found.generation_id, noted) == (PIXELS, "gen-7", ["gen-7"])
    assert server.requests[0].path == "/api/v1/images"
    assert server.requests[0].json["n"] == 1


async def test_pictures_to_start_from_go_along_in_either_way(
    server: ScriptedServer, client: OpenRouter
) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    server.answers(chat_reply(), headers=JSON)
    server.answers(endpoint_reply(), headers=JSON)
    for request in (CHAT, ENDPOINT):
        await paint(client, ImageRequest(request.model, "x", request.way, inputs=(part["image_url"]["url"],)))
    assert server.requests[0].json["messages"][0]["content"][1] == part
    assert server.requests[1].json["input_references"] == [part]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (chat_reply(None), NoImage),
        (chat_reply("https://example.org/x.png"), NoImage),
        (chat_reply("data:image/png;base64,!!"), errors.MalformedReply),
        (chat_reply(None, finish_reason="content_filter"), errors.ContentRefused),
        (chat_reply(None, native_finish_reason="IMAGE_SAFETY"), errors.ContentRefused),
        (chat_reply(error={"code": 502, "message": "no"}), errors.UpstreamUnavailable),
        (b'{"error": {"code": 403, "metadata": {"flagged_input": "x"}}}', errors.ContentRefused),
        (b'{"choices": [], "data": []}', NoImage),
        (b'{"data": "none"}', errors.MalformedReply),
        (b"{}", errors.MalformedReply),
        (b"<!doctype html>", errors.MalformedReply),
    ],
)
async def test_a_reply_without_a_picture_says_why(
    server: ScriptedServer, client: OpenRouter, body: bytes, kind: type[Exception]
) -> None:
    server.answers(body, headers=JSON)
    with pytest.raises(kind):
        await paint(client, CHAT)


async def test_a_status_that_may_pass_is_tried_again(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(b"{}", status=503, headers={**JSON, "Retry-After": "0"})
    server.answers(endpoint_reply(), headers=JSON)
    assert (await paint(client, ENDPOINT)).image == PIXELS


async def test_a_line_that_broke_is_not_asked_again(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(endpoint_reply()[:40], CUT, headers=JSON)
    with pytest.raises(errors.MalformedReply):
        await paint(client, ENDPOINT)
    assert len(server.requests) == 1


async def test_a_server_that_says_nothing_is_given_up(server: ScriptedServer, client: OpenRouter) -> None:
    server.answers(HOLD, headers=JSON)
    with pytest.raises(errors.UpstreamTimeout):
        await paint(client, ENDPOINT, within_s=0.2)
    await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize(
    ("model", "modalities", "way"),
    [
        ("google/gemini-2.5-flash-image", ("text", "image"), "chat"),
        ("openai/gpt-5-image-mini", ("text", "image"), "images"),
        ("black-forest-labs/flux.2-pro", ("image",), "images"),
        ("maker/unknown", ("image",), "images"),
        ("maker/unknown", ("text", "image"), "chat"),
    ],
)
def test_each_family_has_its_way(model: str, modalities: tuple[str, ...], way: str) -> None:
    assert image_traits(model, output_modalities=modalities).way == way


def test_a_model_that_reads_no_pictures_starts_from_none() -> None:
    assert not image_traits("maker/unknown", input_modalities=("text",)).takes_input

"""Every reply against the official SDK's own models: nothing swallowed, nothing missing."""

import json
from typing import Any

import pytest
from openrouter import components, errors, operations

from tests.sandbox.asking import CLAUDE, MODEL, Sandbox, body, checked, deltas

# Real, but unknown to the SDK's chat models: checked one by one below.
BESIDE = {"provider", "native_finish_reason", "annotations", "images", "index", "type", "image_tokens"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FUNCTION = {"type": "function", "function": {"name": "find", "parameters": SCHEMA}}
ASKS: dict[str, dict[str, Any]] = {
    "plain": {"text": "Hello"},
    "reasoning": {"text": "Hello", "reasoning": {"effort": "low"}},
    "anthropic": {"text": "Hello", "model": CLAUDE},
    "web": {"text": "Hello", "plugins": [{"id": "web"}]},
    "image": {"text": "A star", "model": "google/gemini-2.5-flash-image", "modalities": ["image", "text"]},
    "tool": {"text": "[[tool:find]]", "tools": [FUNCTION]},
    "structured": {
        "text": "Hello",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    },
    "length": {"text": "Hello", "max_tokens": 2},
}


@pytest.mark.parametrize("name", ASKS)
def test_completions_are_the_sdks(box: Sandbox, name: str) -> None:
    box.client.headers["X-OpenRouter-Metadata"] = "enabled"
    try:
        reply = box.complete(**ASKS[name])
    finally:
        del box.client.headers["X-OpenRouter-Metadata"]
    assert checked(components.ChatResult, reply) <= BESIDE
    assert isinstance(reply["provider"], str)
    assert isinstance(reply["choices"][0]["native_finish_reason"], str)
    assert reply["usage"]["cost_details"]["upstream_inference_cost"] <= reply["usage"]["cost"]


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("form", ["empty", "null-choice", "repeat"])
def test_chunks_are_the_sdks(box: Sandbox, name: str, form: str) -> None:
    ask = {**ASKS[name], "text": f"{ASKS[name]['text']} [[usage:{form}]]"}
    for event in box.events(**ask):
        assert checked(components.ChatStreamChunk, event) <= BESIDE
        assert "system_fingerprint" in event


@pytest.mark.parametrize("fault", ["error-mid", "error-mid-null", "error-first"])
def test_error_chunks_are_the_sdks(box: Sandbox, fault: str) -> None:
    last = box.events(f"[[words:9]] [[fault:{fault}]]")[-1]
    assert checked(components.ChatStreamChunk, last) <= BESIDE
    assert last["error"]["code"] == 502


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", errors.BadRequestResponseErrorData),
        ("401", errors.UnauthorizedResponseErrorData),
        ("402-in-flight", errors.PaymentRequiredResponseErrorData),
        ("403", errors.ForbiddenResponseErrorData),
        ("404", errors.NotFoundResponseErrorData),
        ("408", errors.RequestTimeoutResponseErrorData),
        ("429", errors.TooManyRequestsResponseErrorData),
        ("500", errors.InternalServerResponseErrorData),
        ("502", errors.BadGatewayResponseErrorData),
        ("503", errors.ServiceUnavailableResponseErrorData),
        ("529", errors.ProviderOverloadedResponseErrorData),
    ],
)
def test_error_bodies_are_the_sdks(box: Sandbox, fault: str, kind: Any) -> None:
    assert checked(kind, box.post(f"[[fault:{fault}]]").json()) <= {"availability"}


@pytest.mark.parametrize("wanted", ["", "?output_modalities=image", "?output_modalities=all"])
def test_the_model_list_is_the_sdks(box: Sandbox, wanted: str) -> None:
    listed = box.client.get(f"/models{wanted}").json()
    assert checked(components.ModelsListResponse, listed) == set()
    assert listed["total_count"] == len(listed["data"])
    for row in listed["data"]:
        assert {"per_request_limits", "default_parameters", "supported_voices", "links"} <= set(row)


def test_one_model_and_its_endpoints_are_the_sdks(box: Sandbox) -> None:
    assert checked(components.ModelResponse, box.client.get(f"/model/{CLAUDE}").json()) == set()
    endpoints = box.client.get(f"/models/{CLAUDE}/endpoints").json()
    assert checked(operations.ListEndpointsResponse, endpoints) == set()


def test_image_models_are_the_sdks(box: Sandbox) -> None:
    assert checked(components.ImageModelsListResponse, box.client.get("/images/models").json()) == set()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_key_and_credits_are_the_sdks(box: Sandbox) -> None:
    key = box.client.get("/key").json()
    assert checked(operations.GetCurrentKeyResponse, key) == set()
    assert len(key["data"]) >= 24
    assert checked(operations.GetCreditsResponse, box.client.get("/credits").json()) == set()


@pytest.mark.parametrize("fields", [{}, {"model": CLAUDE, "stream": True}, {"models": ["openai/gpt-4o"]}])
def test_generations_are_the_sdks(box: Sandbox, fields: dict[str, Any]) -> None:
    box.post("[[words:3]] [[fault:503 model=first times=1 key=x]]", **fields)
    box.post("[[words:3]]", **fields)
    found = box.client.get("/generation", params={"id": box.last()["id"]}).json()
    assert checked(components.GenerationResponse, found) == set()
    assert len(found["data"]) >= 42


def test_embeddings_are_the_sdks(box: Sandbox) -> None:
    reply = box.client.post(
        "/embeddings", json={"model": "openai/text-embedding-3-small", "input": ["a", "b"]}
    )
    assert checked(operations.CreateEmbeddingsResponseBody, reply.json()) == set()


def test_images_are_the_sdks(box: Sandbox) -> None:
    request = {"model": "black-forest-labs/flux.2-pro", "prompt": "A star [[pace:fast]]", "resolution": "512"}
    assert (
        checked(components.ImageGenerationResponse, box.client.post("/images", json=request).json()) == set()
    )
    streamed = box.client.post("/images", json={**request, "stream": True}).text.split("\n\n")
    for line in streamed[:-2]:
        event = {"data": json.loads(line.removeprefix("data: "))}
        assert checked(components.ImageStreamingResponse, event) == set()


@pytest.mark.parametrize("form", ["json", "verbose_json"])
def test_transcriptions_are_the_sdks(box: Sandbox, form: str) -> None:
    request = {
        "model": "openai/whisper-1",
        "input_audio": {"data": "AAAA" * 9000, "format": "mp3"},
        "response_format": form,
    }
    reply = box.client.post("/audio/transcriptions", json=request).json()
    assert checked(components.STTResponse, reply) == set()


def test_images_annotations_and_citations_beside_the_sdk_are_well_formed(box: Sandbox) -> None:
    (image,) = deltas(box.events(**ASKS["image"]), "images")
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    for citation in deltas(box.events(**ASKS["web"]), "annotations"):
        assert set(citation["url_citation"]) == {"url", "title", "content", "start_index", "end_index"}


def test_without_a_key_nothing_is_told(box: Sandbox) -> None:
    paths = (
        "/models",
        "/key",
        "/credits",
        "/generation?id=x",
        f"/models/{MODEL}/endpoints",
        "/images/models",
    )
    for path in paths:
        assert box.client.get(path, headers={"Authorization": ""}).status_code == 401
    for path in ("/chat/completions", "/images", "/embeddings", "/audio/transcriptions"):
        answer = box.client.post(path, headers={"Authorization": "Bearer sk-or-bad"}, json=body("hi"))
        assert answer.status_code == 401

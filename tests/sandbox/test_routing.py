import pytest

from tests.sandbox.asking import CLAUDE, MODEL, Sandbox

SECOND = "openai/gpt-4o"


def test_the_model_comes_back_as_its_canonical_slug(box: Sandbox) -> None:
    reply = box.complete("[[words:1]]", model=CLAUDE)
    assert reply["model"] == "anthropic/claude-4.6-sonnet-20260217"
    assert reply["provider"] == "Anthropic"


@pytest.mark.parametrize("suffix", [":online", ":nitro", ":floor", "@preset/short"])
def test_a_suffix_does_not_change_the_model(box: Sandbox, suffix: str) -> None:
    assert box.complete("[[words:1]]", model=MODEL + suffix)["model"] == MODEL


def test_the_next_model_answers_when_the_first_fails(box: Sandbox) -> None:
    reply = box.complete("[[fault:503 model=first]] [[words:1]]", models=[SECOND])
    assert reply["model"] == SECOND
    assert [each["status"] for each in box.last()["attempts"]] == [503, 200]


def test_the_last_error_is_returned_when_all_fail(box: Sandbox) -> None:
    text = f"[[fault:503 model={MODEL}]] [[fault:429 model={SECOND}]]"
    assert box.post(text, models=[SECOND]).status_code == 429


def test_attempts_are_told_to_those_who_ask(box: Sandbox) -> None:
    box.client.headers["X-OpenRouter-Metadata"] = "enabled"
    try:
        told = box.complete("[[fault:502 model=first]] [[words:1]]", models=[SECOND])["openrouter_metadata"]
        streamed = box.events("[[words:1]]")[-1]["openrouter_metadata"]
    finally:
        del box.client.headers["X-OpenRouter-Metadata"]
    assert [(each["model"], each["status"]) for each in told["attempts"]] == [(MODEL, 502), (SECOND, 200)]
    assert streamed["strategy"] == "direct"


def test_attempts_are_not_told_unasked(box: Sandbox) -> None:
    assert "openrouter_metadata" not in box.complete("[[words:1]]")


def test_an_unknown_model_is_400_and_a_retired_one_404(box: Sandbox) -> None:
    unknown, retired = box.post("hi", model="no/such"), box.post("hi", model="anthropic/claude-3.5-sonnet")
    assert (unknown.status_code, retired.status_code) == (400, 404)
    assert unknown.json()["error"]["availability"]["code"] == "model_not_found"
    assert retired.json()["error"]["availability"]["code"] == "model_deprecated"


def test_a_prompt_beyond_the_context_is_refused_or_goes_to_a_larger_model(box: Sandbox) -> None:
    long = "light " * 30_000
    small = {"model": "google/gemini-2.5-flash-image", "max_tokens": 8000}
    response = box.post(long, **small)
    assert response.json()["error"]["metadata"]["error_type"] == "context_length_exceeded"
    assert box.complete(f"[[words:1]] {long}", models=[SECOND], **small)["model"] == SECOND


def test_an_input_the_model_cannot_take_has_no_endpoint(box: Sandbox) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [{"role": "user", "content": [picture, {"type": "text", "text": "[[pace:fast]]"}]}]
    assert box.post(messages, model="deepseek/deepseek-v3.2").status_code == 404
    assert box.post(messages, model=MODEL).status_code == 200


def test_a_model_that_does_not_chat_has_no_endpoint(box: Sandbox) -> None:
    assert box.post("hi", model="openai/text-embedding-3-small").status_code == 404


def test_a_price_limit_below_the_models_price_has_no_endpoint(box: Sandbox) -> None:
    assert box.post("hi", provider={"max_price": {"prompt": 0.1}}).status_code == 404
    assert box.post("[[words:1]]", provider={"max_price": {"prompt": "0.15"}}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": []},
        {"messages": [{"role": "nobody", "content": "x"}]},
        {"messages": [{"role": "user", "content": 7}]},
        {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"model": None},
        {"max_tokens": 0},
        {"session_id": "x" * 257},
    ],
)
def test_nonsense_is_400(box: Sandbox, wrong: dict[str, object]) -> None:
    assert box.post("hi", **wrong).status_code == 400


def test_a_body_that_is_no_json_is_400(box: Sandbox) -> None:
    for content in (b"{", b"[]", b"\xff", b"[" * 100_000):
        assert box.client.post("/chat/completions", content=content).status_code == 400

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


def served(box: Sandbox, session: str = "s", **provider: object) -> str:
    return box.complete("[[words:1]]", session_id=session, provider=provider)["provider"]


def test_preferences_choose_the_provider(box: Sandbox) -> None:
    assert served(box, "none") == "OpenAI"
    assert served(box, "cheap", sort="price") == "Fireworks"
    assert served(box, "quick", sort={"by": "latency", "partition": None}) == "Azure"
    assert served(box, "order", order=["nobody", "azure", "openai"]) == "Azure"
    assert served(box, "ignore", ignore=["openai"]) == "Azure"


def test_an_order_without_the_others_may_leave_nobody(box: Sandbox) -> None:
    wanted = {"order": ["nobody"], "allow_fallbacks": False}
    assert box.post("[[words:1]]", provider=wanted).status_code == 404


def test_a_conversation_stays_with_its_provider_unless_an_order_says_otherwise(box: Sandbox) -> None:
    assert served(box, order=["azure"]) == served(box) == "Azure"
    assert served(box, order=["openai"]) == "OpenAI"


def test_a_cheaper_provider_costs_less(box: Sandbox) -> None:
    usual = box.complete("[[words:9]]")["usage"]["cost"]
    cheap = box.complete("[[words:9]]", provider={"sort": "price"})["usage"]["cost"]
    assert cheap == pytest.approx(0.8 * usual)


def test_another_provider_has_not_the_same_cache(box: Sandbox) -> None:
    def cached(*order: str) -> int:
        usage = box.complete("light " * 2000 + "[[words:1]]", session_id="x", provider={"order": [*order]})
        return usage["usage"]["prompt_tokens_details"]["cached_tokens"]

    assert cached("openai") == cached("azure") == 0
    assert cached("openai") > 0


def test_uptimes_are_what_a_test_says(box: Sandbox) -> None:
    wish = {"model": MODEL, "provider": "azure", "uptime": 12.5}
    assert box.client.post(f"{box.root}/sandbox/uptime", json=wish).status_code == 200
    assert box.client.post(f"{box.root}/sandbox/uptime", json={}).status_code == 400
    listed = box.client.get(f"/models/{MODEL}/endpoints").json()["data"]["endpoints"]
    assert {each["tag"]: each["uptime_last_30m"] for each in listed} == {
        "openai": 99.9,
        "azure": 12.5,
        "fireworks": 95.0,
    }


BEGUN = [{"role": "user", "content": "[[words:5]] [[pace:fast]]"}, {"role": "assistant", "content": "w1 w2"}]
CUT = {"role": "user", "content": "That was cut off. Begin with these characters:\nw2"}


def answer(box: Sandbox, messages: list[dict[str, str]], **fields: object) -> str:
    return box.complete(messages, **fields)["choices"][0]["message"]["content"]


def test_an_unfinished_answer_is_gone_on_with(box: Sandbox) -> None:
    assert answer(box, BEGUN) == " w3 w4 w5"
    assert answer(box, [*BEGUN, CUT]) == "w2 w3 w4 w5"


def test_another_answers_beginning_is_answered_anew(box: Sandbox) -> None:
    assert answer(box, [BEGUN[0], {"role": "assistant", "content": "Salam"}]) == "w1 w2 w3 w4 w5"


def test_later_claudes_refuse_to_go_on_by_themselves(box: Sandbox) -> None:
    assert box.post(BEGUN, model=CLAUDE).status_code == 400
    assert answer(box, [*BEGUN, CUT], model=CLAUDE) == "w2 w3 w4 w5"
    assert answer(box, BEGUN, model="anthropic/claude-sonnet-4.5") == " w3 w4 w5"

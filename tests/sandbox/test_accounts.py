from tests.sandbox.asking import CLAUDE, Sandbox, usage_of


def generation(box: Sandbox, generation_id: str) -> dict[str, object]:
    response = box.client.get("/generation", params={"id": generation_id})
    assert response.status_code == 200, response.text
    return response.json()["data"]


def test_a_generation_agrees_with_its_stream(box: Sandbox) -> None:
    usage = usage_of(box.events("[[words:9]] [[reasoning:4]]", model=CLAUDE, session_id="s"))
    found = generation(box, box.last()["id"])
    assert found["total_cost"] == found["usage"] == usage["cost"]
    assert found["native_tokens_prompt"] == usage["prompt_tokens"]
    assert found["native_tokens_completion"] == usage["completion_tokens"] == 13
    assert found["native_tokens_reasoning"] == 4
    assert (found["session_id"], found["streamed"], found["provider_name"]) == ("s", True, "Anthropic")
    assert found["native_finish_reason"] == "end_turn"


def test_a_generation_lists_the_attempts(box: Sandbox) -> None:
    box.post("[[fault:429 model=first]] [[words:1]]", models=["openai/gpt-4o"])
    responses = generation(box, box.last()["id"])["provider_responses"]
    assert [each["status"] for each in responses] == [429, 200]


def test_an_unknown_generation_is_404(box: Sandbox) -> None:
    assert box.client.get("/generation?id=gen-none").status_code == 404


def test_a_late_generation_is_404_for_a_moment(box: Sandbox) -> None:
    box.post("[[words:1]] [[fault:generation-late seconds=600]]")
    params = {"id": box.last()["id"]}
    assert box.client.get("/generation", params=params).status_code == 404
    box.advance(600)
    assert box.client.get("/generation", params=params).status_code == 200


def test_a_generation_may_stay_unknown(box: Sandbox) -> None:
    box.post("[[words:1]] [[fault:generation-never]]")
    assert box.client.get("/generation", params={"id": box.last()["id"]}).status_code == 404


def test_another_keys_generation_is_404(box: Sandbox) -> None:
    box.post("[[words:1]]")
    headers = {"Authorization": "Bearer sk-or-other"}
    params = {"id": box.last()["id"]}
    assert box.client.get("/generation", params=params, headers=headers).status_code == 404


def test_key_and_credits_count_what_was_spent(box: Sandbox) -> None:
    box.post("[[words:1000]]", model=CLAUDE)
    spent = box.last()["cost"]
    key = box.client.get("/key").json()["data"]
    assert key["usage"] == spent
    assert key["limit_remaining"] == key["limit"] - spent
    assert box.client.get("/credits").json()["data"]["total_usage"] == spent


def test_models_list_text_models_only_unless_asked(box: Sandbox) -> None:
    plain = {row["id"] for row in box.client.get("/models").json()["data"]}
    images = {row["id"] for row in box.client.get("/models?output_modalities=image").json()["data"]}
    every = {row["id"] for row in box.client.get("/models?output_modalities=all").json()["data"]}
    assert "black-forest-labs/flux.2-pro" in images - plain
    assert "anthropic/claude-3.5-sonnet" not in every
    assert plain | images < every


def test_prices_are_texts_per_token_with_overrides(box: Sandbox) -> None:
    rows = {row["id"]: row for row in box.client.get("/models").json()["data"]}
    pricing = rows["anthropic/claude-sonnet-4.5"]["pricing"]
    assert pricing["prompt"] == "0.000003"
    assert pricing["overrides"][0]["min_prompt_tokens"] == 200000


def test_an_unknown_models_endpoints_are_404(box: Sandbox) -> None:
    assert box.client.get("/models/no/such/endpoints").status_code == 404
    assert box.client.get("/nothing").status_code == 404

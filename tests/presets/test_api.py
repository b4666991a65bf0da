"""GET /models."""

import pytest
from django.test import Client

from presets import catalogue
from presets.models import CatalogueModel
from tests.people import make_user, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _configured(settings) -> None:
    settings.LLM_MODEL = "anthropic/claude-sonnet-4.5"
    settings.DEFAULT_FALLBACK_MODELS = ["openai/gpt-4o-mini"]


def models(plan: str) -> dict[str, dict]:
    user = signed_in(make_user(f"{plan}@example.org", plan))
    return {model["id"]: model for model in user.get("/api/v1/models").json()["results"]}


def test_a_model_shows_prices_and_abilities() -> None:
    model = models("premium")["anthropic/claude-sonnet-4.5"]

    assert model["pricing"]["prompt"] == 0.000003
    assert model["pricing"]["image_output"] is None
    assert (model["context_length"], model["cache"]) == (1_000_000, {"mode": "explicit", "min_tokens": 1024})
    assert "structured_outputs" in model["supported_parameters"]
    assert (model["advanced"], model["available"], model["reason"]) == (True, True, None)


def test_a_free_user_sees_advanced_models_locked_and_why() -> None:
    shown = models("free")

    assert shown["anthropic/claude-sonnet-4.5"]["available"] is False
    assert "advanced" in shown["anthropic/claude-sonnet-4.5"]["reason"]
    assert shown["openai/gpt-4o-mini"]["available"] is True


@pytest.mark.parametrize(
    ("plan", "default"), [("free", "openai/gpt-4o-mini"), ("premium", "anthropic/claude-sonnet-4.5")]
)
def test_one_model_is_marked_as_the_default(plan: str, default: str) -> None:
    assert [name for name, model in models(plan).items() if model["is_default"]] == [default]


def test_retired_models_are_left_out() -> None:
    assert "anthropic/claude-3.5-sonnet" not in models("premium")


def test_a_blocked_model_says_why() -> None:
    CatalogueModel.objects.filter(slug="openai/gpt-4o-mini").update(price_prompt=None)
    catalogue.invalidate()

    assert models("premium")["openai/gpt-4o-mini"]["reason"] == "It can't be used: its price is not known."


def test_an_empty_catalogue_is_an_empty_list(settings) -> None:
    settings.OPENROUTER_BASE_URL = "https://openrouter.ai/api/v1"
    CatalogueModel.objects.all().delete()
    catalogue.invalidate()

    assert models("premium") == {}


def test_a_stranger_is_asked_to_sign_in() -> None:
    assert Client().get("/api/v1/models").status_code == 401


def test_it_takes_one_query_for_the_plan(django_assert_num_queries) -> None:
    client = signed_in(make_user())
    catalogue.get("openai/gpt-4o")

    with django_assert_num_queries(2):  # who it is, and on which plan
        client.get("/api/v1/models")


def test_staff_cannot_save_a_price_that_would_block_the_model(admin_client: Client) -> None:
    row = CatalogueModel.objects.get(slug="openai/gpt-4o-mini")
    address = f"/admin/presets/cataloguemodel/{row.pk}/change/"
    form = admin_client.get(address).context["adminform"].form
    values = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}

    assert admin_client.post(address, values | {"price_prompt": "0.5"}).status_code == 200
    assert admin_client.post(address, values | {"price_prompt": "0.000001"}).status_code == 302

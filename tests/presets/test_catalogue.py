"""Which model is which, who may use it, and what it costs."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.errors import FeatureRequired
from billing.models import PlanLimit
from presets import catalogue
from presets.models import CatalogueModel
from tests.presets.test_pricing import used
from wisqu.api.problems import Invalid

pytestmark = pytest.mark.django_db

OPENROUTER = "https://openrouter.ai/api/v1"
OWN_SERVER = "http://127.0.0.1:8080/v1"


@pytest.fixture(autouse=True)
def _on_openrouter(settings) -> None:
    settings.OPENROUTER_BASE_URL = OPENROUTER
    settings.LLM_MODEL = "anthropic/claude-sonnet-4.5"
    settings.DEFAULT_FALLBACK_MODELS = ["openai/gpt-4o", "openai/gpt-4o-mini"]


def change(slug: str, **values: object) -> None:
    model = CatalogueModel.objects.get(slug=slug)
    for name, value in values.items():
        setattr(model, name, value)
    model.save()


def plan(slug: str) -> PlanLimit:
    return PlanLimit.objects.get(slug=slug)


def test_a_model_is_found_by_its_id_and_by_its_dated_slug() -> None:
    dated = catalogue.get("anthropic/claude-4.5-sonnet-20250929")

    assert dated == catalogue.get("anthropic/claude-sonnet-4.5")
    assert dated is not None
    assert (dated.context_length, dated.cache_mode, dated.cache_min_tokens) == (1_000_000, "explicit", 1024)


def test_a_retired_model_is_answered_by_its_successor() -> None:
    model = catalogue.get("anthropic/claude-3.5-sonnet")

    assert model is not None
    assert model.id == "anthropic/claude-sonnet-4.5"


def test_an_unknown_model_is_none_on_openrouter() -> None:
    assert catalogue.get("no/such") is None


def test_an_unknown_model_is_let_through_to_a_server_of_ones_own(settings) -> None:
    settings.OPENROUTER_BASE_URL, settings.OPENROUTER_API_KEY = OWN_SERVER, "none"
    model = catalogue.get("llama3.2:3b")

    assert model is not None
    assert (model.id, model.is_known, model.advanced) == ("llama3.2:3b", False, False)
    assert catalogue.cost(model, used(100, 100)) is None


def test_two_names_of_one_model_are_the_same() -> None:
    assert catalogue.is_same("anthropic/claude-4.6-sonnet-20260217", "anthropic/claude-sonnet-4.6")
    assert catalogue.is_same("no/such", "no/such")
    assert not catalogue.is_same("no/such", "none/either")


def test_models_from_a_dollar_a_million_on_are_advanced() -> None:
    advanced = {model.id for model in catalogue.all_models() if model.advanced}

    assert {"anthropic/claude-sonnet-4.5", "anthropic/claude-haiku-4.5", "openai/gpt-4o"} <= advanced
    assert not {"openai/gpt-4o-mini", "anthropic/claude-haiku-5.5", "google/gemini-2.5-flash"} & advanced


def test_the_default_is_the_configured_model() -> None:
    assert catalogue.default_model(allow_advanced=True).id == "anthropic/claude-sonnet-4.5"


def test_the_default_without_advanced_models_is_the_first_fallback_that_is_none() -> None:
    assert catalogue.default_model(allow_advanced=False).id == "openai/gpt-4o-mini"


def test_the_default_is_the_cheapest_where_nothing_configured_may_be_used(settings) -> None:
    settings.DEFAULT_FALLBACK_MODELS = []

    assert catalogue.default_model(allow_advanced=False).id == "google/gemma-4-31b-it:free"


def test_the_default_passes_over_a_blocked_model() -> None:
    change("anthropic/claude-sonnet-4.5", blocked_reason="being looked into")

    assert catalogue.default_model(allow_advanced=True).id == "openai/gpt-4o"


def test_there_is_no_default_in_an_empty_catalogue() -> None:
    CatalogueModel.objects.all().delete()
    catalogue.invalidate()

    with pytest.raises(Invalid):
        catalogue.default_model(allow_advanced=True)


def test_the_configured_models_are_the_catalogue_of_a_server_of_ones_own(settings) -> None:
    settings.OPENROUTER_BASE_URL, settings.OPENROUTER_API_KEY = OWN_SERVER, "none"
    settings.LLM_MODEL, settings.DEFAULT_FALLBACK_MODELS = "llama3.2:3b", []

    assert [model.id for model in catalogue.all_models()] == ["llama3.2:3b"]
    assert catalogue.default_model(allow_advanced=False).id == "llama3.2:3b"


def test_a_saved_model_is_seen_at_once_and_costs_no_query_afterwards(django_assert_num_queries) -> None:
    change("openai/gpt-4o-mini", name="Small")
    found = catalogue.get("openai/gpt-4o-mini")
    assert found is not None
    assert found.name == "Small"

    with django_assert_num_queries(0):
        catalogue.get("openai/gpt-4o")
        catalogue.default_model(allow_advanced=False)


def test_a_change_by_another_process_is_seen_once_the_copy_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.get("openai/gpt-4o-mini")
    CatalogueModel.objects.filter(slug="openai/gpt-4o-mini").update(name="Small")
    names = [catalogue.get("openai/gpt-4o-mini").name]
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0)
    names.append(catalogue.get("openai/gpt-4o-mini").name)

    assert names == ["OpenAI: GPT-4o-mini", "Small"]


def test_cost_knows_the_dearer_prices_of_long_prompts() -> None:
    assert catalogue.cost("anthropic/claude-sonnet-4.5", used(200_000)) == Decimal("0.6")
    assert catalogue.cost("anthropic/claude-sonnet-4.5", used(200_001)) == Decimal("1.200006")


def test_cost_takes_the_dated_slug_too() -> None:
    assert catalogue.cost("anthropic/claude-4.5-sonnet-20250929", used(1000)) == Decimal("0.003")
    assert catalogue.cost("no/such", used(1000)) is None


def test_savings_and_cost_without_cache_agree() -> None:
    usage = used(10_000, 100, read=9_000)
    model = catalogue.get("anthropic/claude-sonnet-4.6")
    assert model is not None

    assert catalogue.savings(model, usage) == Decimal("0.0243")
    assert catalogue.cost_without_cache(model, usage) == Decimal("0.0315")


@pytest.mark.parametrize("values", [{"price_prompt": None}, {"price_completion": None}, {"price_prompt": 1}])
def test_a_missing_or_absurd_price_blocks_the_model(values: dict[str, object]) -> None:
    change("openai/gpt-4o-mini", **values)
    model = catalogue.get("openai/gpt-4o-mini")

    assert model is not None
    assert model.blocked_reason
    with pytest.raises(Invalid, match="can't be used"):
        catalogue.require("openai/gpt-4o-mini", plan=plan("free"))


def test_a_bad_override_blocks_the_model() -> None:
    change("openai/gpt-4o-mini", overrides=[{"min_prompt_tokens": 5, "prompt": "-1"}])
    model = catalogue.get("openai/gpt-4o-mini")

    assert model is not None
    assert "below zero" in model.blocked_reason


def test_the_database_takes_no_negative_price() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        CatalogueModel.objects.filter(slug="openai/gpt-4o-mini").update(price_prompt=-1)


def test_an_advanced_model_needs_the_plan() -> None:
    with pytest.raises(FeatureRequired):
        catalogue.require("openai/gpt-4o", plan=plan("free"))

    assert catalogue.require("openai/gpt-4o", plan=plan("premium")).id == "openai/gpt-4o"


@pytest.mark.parametrize("name", ["no/such", "black-forest-labs/flux.2-pro"])
def test_what_cannot_chat_is_422_and_names_the_field(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        catalogue.require(name, plan=plan("premium"), field_name="fallback_models")

    assert (refused.value.status, refused.value.errors[0].field) == (422, "fallback_models")


def test_a_retired_model_without_successor_is_unknown() -> None:
    change("anthropic/claude-3.5-sonnet", successor="")

    with pytest.raises(Invalid):
        catalogue.require("anthropic/claude-3.5-sonnet", plan=plan("premium"))

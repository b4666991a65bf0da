"""The catalogue follows OpenRouter's list, and believes it only so far."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from billing.errors import FeatureRequired
from billing.models import PlanLimit
from presets import catalogue, sync, tasks
from presets.models import CatalogueModel
from tests.people import make_user, signed_in
from tests.presets.test_pricing import used
from wisqu.api.problems import Invalid
from wisqu.openrouter.types import ModelInfo, PriceOverride

pytestmark = pytest.mark.django_db

MINI = "openai/gpt-4o-mini"
PRICES = {"prompt": Decimal("0.00000015"), "completion": Decimal("0.0000006")}


def listed(**changes: dict[str, Any] | None) -> list[ModelInfo]:
    """Return a list of everything that is on offer, unchanged but for the models named by their id's last part."""
    infos = []
    for row in CatalogueModel.objects.filter(is_listed=True).exclude(slug__startswith="new/"):
        change = changes.get(row.slug.partition("/")[2].replace("-", "_"), {})
        if change is not None:
            infos.append(info(row, **change))
    return infos


def info(row: CatalogueModel, **changes: Any) -> ModelInfo:
    prices = {name: getattr(row, f"price_{name}") for name in sync.PRICE_NAMES}
    values: dict[str, Any] = {
        "id": row.slug,
        "canonical_slug": row.canonical_slug,
        "name": row.name,
        "context_length": row.context_length,
        "max_completion_tokens": row.max_completion_tokens,
        "input_modalities": tuple(row.input_modalities),
        "output_modalities": tuple(row.output_modalities),
        "supported_parameters": tuple(row.supported_parameters),
        "pricing": {name: price for name, price in prices.items() if price is not None},
        "price_overrides": tuple(
            PriceOverride(
                each["min_prompt_tokens"],
                {name: Decimal(text) for name, text in each.items() if name != "min_prompt_tokens"},
            )
            for each in row.overrides
        ),
    }
    return ModelInfo(**values | changes)


def new(**changes: Any) -> ModelInfo:
    values: dict[str, Any] = {
        "id": "new/model",
        "name": "New",
        "input_modalities": ("text",),
        "output_modalities": ("text",),
    }
    return ModelInfo(**values | {"pricing": PRICES} | changes)


def row(slug: str = MINI) -> CatalogueModel:
    return CatalogueModel.objects.get(slug=slug)


def dearer(times: int) -> dict[str, Any]:
    return {"pricing": {name: price * times for name, price in PRICES.items()}}


def use(slug: str, plan: str = "premium") -> catalogue.Model:
    return catalogue.require(slug, plan=PlanLimit.objects.get(slug=plan))


def test_an_unchanged_list_changes_nothing() -> None:
    assert sync.apply(listed()) == sync.Report()


def test_the_sandbox_lists_what_the_product_ships_with_and_models_for_other_doors() -> None:
    report = sync.run()
    assert (report.unlisted, report.blocked) == ([], [])
    assert not any(use(slug).chats for slug in report.changed if "flux" not in slug)
    assert {"embeddings", "transcription"} == {row(slug).output_modalities[0] for slug in report.added}

    said = StringIO()
    call_command("sync_models", stdout=said)
    assert said.getvalue().splitlines() == ["added: 0", "changed: 0", "unlisted: 0", "blocked: 0"]
    assert row().seen_at is not None


def test_a_new_model_can_be_used_at_once() -> None:
    report = sync.apply([*listed(), new(context_length=9000, supported_parameters=("tools",))])

    assert report.added == ["new/model"]
    model = use("new/model", "free")
    assert (model.prices.prompt, model.context_length) == (PRICES["prompt"], 9000)


def test_a_new_model_from_a_dollar_a_million_on_is_advanced() -> None:
    sync.apply([*listed(), new(pricing={"prompt": Decimal("0.000001"), "completion": Decimal("0.000001")})])

    with pytest.raises(FeatureRequired):
        use("new/model", "free")


def test_a_model_that_is_gone_is_unlisted_and_kept() -> None:
    assert sync.apply(listed(gpt_4o_mini=None)).unlisted == [MINI]

    with pytest.raises(Invalid, match="There is no model"):
        use(MINI)
    assert catalogue.cost(MINI, used(1000)) == Decimal("0.00015")


def test_a_model_that_comes_back_is_listed_again() -> None:
    everything = listed()
    sync.apply(listed(gpt_4o_mini=None))
    sync.apply(everything)

    assert use(MINI).id == MINI


def test_prices_and_abilities_follow() -> None:
    change = {"context_length": 5, "supported_parameters": ("stop",), **dearer(2)}

    assert sync.apply(listed(gpt_4o_mini=change)).changed == [MINI]
    model = use(MINI)
    assert (model.prices.prompt, model.context_length) == (PRICES["prompt"] * 2, 5)
    assert model.supported_parameters == {"stop"}


@pytest.mark.parametrize(
    ("pricing", "reason"),
    [
        ({**PRICES, "prompt": None}, "the prompt price is below zero or not a number"),
        ({**PRICES, "input_cache_read": None}, "the input_cache_read price is below zero or not a number"),
        ({"prompt": Decimal(0)}, "the completion price is missing"),
        ({**PRICES, "completion": Decimal("0.5")}, "the completion price is absurd"),
        (
            {**PRICES, "prompt": Decimal("0.0000015")},
            "the prompt price rose from 0.15 USD a million tokens to 1.5 USD a million tokens",
        ),
        (
            {**PRICES, "completion": Decimal("0.000000000006")},
            "the completion price fell from 0.6 USD a million tokens to 0.000006 USD a million tokens",
        ),
    ],
)
def test_a_price_that_cannot_be_believed_blocks_the_model_and_says_why(
    pricing: dict[str, Decimal | None], reason: str
) -> None:
    report = sync.apply(listed(gpt_4o_mini={"pricing": pricing}))

    assert report.blocked == [MINI]
    with pytest.raises(Invalid) as refused:
        use(MINI)
    assert refused.value.errors[0].code == "model_blocked"
    assert reason in refused.value.detail
    assert row().price_prompt == PRICES["prompt"]  # what was believed is what is kept


def test_a_new_model_without_a_believable_price_is_blocked_and_for_nobody_free() -> None:
    report = sync.apply([*listed(), new(pricing={"prompt": None, "completion": None})])

    assert (report.added, report.blocked) == (["new/model"], ["new/model"])
    assert row("new/model").advanced


def test_a_leap_of_the_price_of_long_prompts_blocks_too() -> None:
    override = PriceOverride(100, {"prompt": PRICES["prompt"] * 10})

    assert sync.apply(listed(gpt_4o_mini={"price_overrides": (override,)})).blocked == [MINI]


def test_a_blocked_model_shows_its_reason_in_the_list() -> None:
    sync.apply(listed(gpt_4o_mini=dearer(10)))
    models = signed_in(make_user()).get("/api/v1/models").json()["results"]

    (shown,) = [model for model in models if model["id"] == MINI]
    assert (shown["available"], "rose from" in shown["reason"]) == (False, True)


def test_the_old_price_coming_back_does_not_unblock() -> None:
    before = listed()
    sync.apply(listed(gpt_4o_mini=dearer(10)))
    sync.apply(before)

    assert row().blocked_reason


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        ({name: price * 10 for name, price in PRICES.items()}, PRICES["prompt"] * 10),
        ({name: Decimal("0.5") for name in PRICES}, Decimal("0.5")),
        (dict.fromkeys(PRICES), None),
        ({}, None),
    ],
)
def test_what_staff_accept_is_used_and_blocks_no_second_time(
    pricing: dict[str, Decimal | None], price: Decimal | None
) -> None:
    offer = listed(gpt_4o_mini={"pricing": pricing})
    sync.apply(offer)
    sync.accept(row())

    assert sync.apply(offer).blocked == []
    assert use(MINI).prices.prompt == price


def test_an_unknown_price_is_nobodys_cheapest_choice(settings) -> None:
    settings.LLM_MODEL, settings.DEFAULT_FALLBACK_MODELS = "no/such", []
    cheapest = row("google/gemma-4-31b-it:free")
    cheapest.price_prompt = cheapest.price_completion = None
    sync.accept(cheapest)

    assert catalogue.default_model(allow_advanced=True).id == "meta-llama/llama-3.1-8b-instruct"


def test_an_accepted_price_that_changes_anew_blocks_again() -> None:
    sync.apply(listed(gpt_4o_mini=dearer(10)))
    sync.accept(row())

    assert sync.apply(listed(gpt_4o_mini=dearer(100))).blocked == [MINI]


def test_what_staff_have_set_stays() -> None:
    model = row()
    model.price_prompt, model.advanced, model.blocked_reason = Decimal("0.1"), True, "not for us"
    sync.pin(model, ["price_prompt", "is_listed"])
    model.save()
    sync.apply(listed(gpt_4o_mini={"name": "Renamed", **dearer(2)}))

    model = row()
    assert (model.price_prompt, model.advanced, model.blocked_reason) == (Decimal("0.1"), True, "not for us")
    assert (model.name, model.price_completion) == ("Renamed", PRICES["completion"] * 2)


@pytest.mark.parametrize(
    "answer",
    [[], [ModelInfo(id="a/b")], [new()], [new(id="x" * 201)]],
    ids=["empty", "without prices", "nearly empty", "unusable"],
)
def test_a_broken_list_changes_nothing(answer: list[ModelInfo]) -> None:
    before = list(CatalogueModel.objects.order_by("slug").values())

    with pytest.raises(sync.BrokenAnswer):
        sync.apply(answer)
    assert list(CatalogueModel.objects.order_by("slug").values()) == before


def test_sizes_that_cannot_be_are_unknown() -> None:
    sync.apply([*listed(), new(context_length=-5, max_completion_tokens=10**15, name="n" * 900)])

    found = row("new/model")
    assert (found.context_length, found.max_completion_tokens, len(found.name)) == (None, None, 200)


def test_the_command_says_what_went_wrong(settings) -> None:
    settings.OPENROUTER_BASE_URL = "http://127.0.0.1:9/api/v1"
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("sync_models")

    settings.OPENROUTER_API_KEY = "none"
    with pytest.raises(CommandError, match="is not OpenRouter"):
        call_command("sync_models")


def test_the_job_looks_once_a_day(settings) -> None:
    assert [tasks.sync_models(), tasks.sync_models()] == [True, False]

    CatalogueModel.objects.update(seen_at=timezone.now() - timedelta(hours=25))
    settings.OPENROUTER_BASE_URL = "http://127.0.0.1:9/api/v1"
    assert tasks.sync_models() is False  # and is not an error: it is tried again


def test_a_look_costs_few_queries(django_assert_max_num_queries) -> None:
    everything = listed()
    with django_assert_max_num_queries(6):
        sync.apply(everything)


# --- the desk ---


def change(client: Client, slug: str = MINI, **values: Any) -> None:
    address = f"/admin/presets/cataloguemodel/{row(slug).pk}/change/"
    form = client.get(address).context["adminform"].form
    known = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    hidden = {f"initial-{name}": known[name] for name in known if form.fields[name].show_hidden_initial}
    assert client.post(address, known | hidden | values).status_code == 302


def test_staff_see_what_openrouter_lists_and_accept_it_by_emptying_the_reason(admin_client: Client) -> None:
    sync.apply(listed(gpt_4o_mini=dearer(10)))
    page = admin_client.get(f"/admin/presets/cataloguemodel/{row().pk}/change/").content.decode()
    assert "prompt 0.0000015" in page

    change(admin_client, blocked_reason="")
    assert use(MINI).prices.prompt == PRICES["prompt"] * 10
    assert row().pinned == []


def test_staff_accept_many_prices_at_once(admin_client: Client) -> None:
    sync.apply(listed(gpt_4o_mini=dearer(10), gpt_4o={"pricing": {}}))
    blocked = CatalogueModel.objects.exclude(blocked_reason="")
    chosen = {"action": "accept_prices", "_selected_action": [str(each.pk) for each in blocked]}
    admin_client.post("/admin/presets/cataloguemodel/?blocked=yes", chosen)

    assert not blocked.all().exists()
    assert use("openai/gpt-4o").prices.prompt is None


def test_a_field_that_staff_edit_is_kept_until_they_follow_again(admin_client: Client) -> None:
    everything = listed()
    change(admin_client, name="Ours")
    sync.apply(everything)
    assert row().name == "Ours"

    chosen = {"action": "follow_again", "_selected_action": [str(row().pk)]}
    admin_client.post("/admin/presets/cataloguemodel/", chosen)
    sync.apply(everything)
    assert row().name == "OpenAI: GPT-4o-mini"

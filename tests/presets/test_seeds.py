"""The catalogue that the product ships with."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from presets import seeds
from presets.models import CatalogueModel

pytestmark = pytest.mark.django_db

ENTRY = {
    "id": "x/y",
    "name": "Y",
    "status": "listed",
    "context_length": 1000,
    "max_completion_tokens": None,
    "input_modalities": ["text"],
    "output_modalities": ["text"],
    "pricing": {"prompt": "0.000001", "completion": "0.000002"},
    "cache": {"mode": "none listed", "min_tokens": None},
}


def run(*command: str) -> str:
    said = StringIO()
    call_command(*command, stdout=said)
    return said.getvalue()


def test_every_shipped_model_is_there_with_its_exact_prices() -> None:
    shipped = json.loads(seeds.SHIPPED.read_text(encoding="utf-8"))["models"]

    assert CatalogueModel.objects.count() == len(shipped)
    for entry in shipped:
        assert CatalogueModel.objects.get(slug=entry["id"]).price_prompt == Decimal(
            entry["pricing"]["prompt"]
        )


def test_no_shipped_model_is_blocked() -> None:
    assert not CatalogueModel.objects.exclude(blocked_reason="").exists()


def test_seeding_twice_keeps_what_staff_changed() -> None:
    CatalogueModel.objects.filter(slug="openai/gpt-4o").update(advanced=False)

    assert "All models are there" in run("seed_models")
    assert not CatalogueModel.objects.get(slug="openai/gpt-4o").advanced


def test_seeding_with_reset_puts_every_model_back() -> None:
    CatalogueModel.objects.filter(slug="openai/gpt-4o").update(advanced=False)
    run("seed_models", "--reset")

    assert CatalogueModel.objects.get(slug="openai/gpt-4o").advanced


@pytest.mark.parametrize("price", ["-1", "NaN", "7"])
def test_a_price_that_cannot_be_blocks_the_model_and_is_not_kept(price: str) -> None:
    values = seeds.row_values(ENTRY | {"pricing": {"prompt": price, "completion": "0.000002"}})

    assert values["blocked_reason"]
    assert values["price_prompt"] is values["price_completion"] is None


def test_an_unheard_of_cache_mode_is_none() -> None:
    assert seeds.row_values(ENTRY)["cache_mode"] == "none"

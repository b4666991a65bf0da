"""The models as the page offers them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from billing.models import PlanLimit
from chat import choosing
from chat.models import Conversation
from presets import catalogue
from presets.models import CatalogueModel
from tests.people import make_alice, make_user, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_catalogue() -> Iterator[None]:
    catalogue.invalidate()
    yield
    catalogue.invalidate()


def offered(plan: str) -> choosing.Choices:
    return choosing.choices(PlanLimit.objects.get(slug=plan))


@pytest.mark.parametrize(
    ("price", "shown"),
    [
        ("0.000003", "$3.00"),
        ("0.00000015", "$0.15"),
        ("0.000000075", "$0.075"),
        ("0.0006", "$600.00"),
        ("0", "$0.00"),
    ],
)
def test_a_price_is_for_a_million_tokens(price: str, shown: str) -> None:
    assert choosing.per_million(Decimal(price)) == shown


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(128_000, "128K"), (1_048_576, "1.05M"), (1_000_000, "1M"), (512, "512"), (None, "")],
)
def test_a_context_is_written_short(tokens: int | None, shown: str) -> None:
    assert choosing.shortened_count(tokens) == shown


def test_what_a_larger_plan_would_add_is_shown_apart() -> None:
    free, premium = offered("free"), offered("premium")

    assert {each.id for each in free.locked} >= {"anthropic/claude-opus-5.5"}
    assert not premium.locked
    assert len(premium.open) == len(free.open) + len(free.locked)


def test_the_usual_model_comes_first() -> None:
    assert offered("premium").open[0].is_default
    assert offered("free").open[0].is_default


def test_what_nobody_may_use_is_not_offered() -> None:
    row = CatalogueModel.objects.get(slug="openai/gpt-4o")
    row.blocked_reason = "its price is absurd"
    row.save()

    assert "openai/gpt-4o" not in {each.id for each in offered("premium").open}


def test_the_list_is_fetched_as_a_part_of_the_page() -> None:
    page = signed_in(make_user(plan="free")).get("/?part=models").content.decode()

    assert 'data-model="openai/gpt-4o-mini"' in page
    assert page.count('aria-disabled="true"') == len(offered("free").locked)
    assert "Your plan does not have advanced models." in page


def test_a_stranger_gets_no_list() -> None:
    assert Client().get("/?part=models").status_code == 302


def test_a_conversation_shows_the_model_that_it_keeps_to() -> None:
    conversation = Conversation.objects.create(owner=make_alice(), model="openai/gpt-4o-mini")

    assert choosing.chosen_name(conversation) == "GPT-4o-mini"
    assert choosing.chosen_name(Conversation()) == choosing.chosen_name(None) == ""

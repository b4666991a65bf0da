"""Plans, subscriptions, and what is used of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine

from billing import plans
from billing.errors import FeatureRequired, PlansMissing
from billing.models import Feature, PlanLimit, Subscription
from billing.quota import Amounts
from tests.billing.held import hold, limit_to, settle
from tests.people import make_user
from wisqu.accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def dave() -> User:
    """Somebody who has just signed up."""
    return User.objects.create_user("dave@example.org")


def test_everybody_starts_on_free(dave: User) -> None:
    assert plans.plan_for(dave.pk).slug == "free"
    assert Subscription.objects.get(user=dave).status == "active"


def test_a_known_subscription_is_one_query(dave: User, django_assert_num_queries) -> None:
    plans.subscription_for(dave.pk)

    with django_assert_num_queries(1):
        assert plans.subscription_for(dave.pk).plan.name == "Free"


@pytest.mark.parametrize(
    ("status", "plan"),
    [
        ("active", "premium"),
        ("trialing", "premium"),
        ("past_due", "premium"),
        ("canceled", "free"),
        ("expired", "free"),
    ],
)
def test_a_plan_holds_while_its_subscription_does(status: str, plan: str) -> None:
    alice = make_user("alice@example.org", "premium")
    Subscription.objects.update(status=status)

    assert plans.plan_for(alice.pk).slug == plan


def test_without_seeds_it_says_what_to_run(dave: User) -> None:
    PlanLimit.objects.all().delete()

    with pytest.raises(PlansMissing, match="seed_plans"):
        plans.plan_for(dave.pk)


def test_a_missing_feature_is_403_and_names_it() -> None:
    free = PlanLimit.objects.get(slug="free")

    with pytest.raises(FeatureRequired) as refused:
        plans.require_feature(free, Feature.ADVANCED_MODELS)
    body = refused.value.body()
    assert (body["status"], body["code"], body["feature"]) == (
        403,
        "plan_feature_required",
        "advanced_models",
    )


def test_a_feature_that_the_plan_has_passes() -> None:
    plans.require_feature(PlanLimit.objects.get(slug="free"), Feature.WEB_SEARCH)


def test_the_plans_are_those_of_the_product() -> None:
    plans.seed(reset=True)  # tests ask more often than plans allow, and have lifted that
    free, premium, unlimited, enterprise = PlanLimit.objects.all()

    assert (free.messages, free.tokens, free.max_context, free.requests_per_minute) == (
        100,
        100_000,
        4_000,
        10,
    )
    assert (premium.price_usd, premium.images, premium.presets) == (Decimal("19.99"), 100, 20)
    assert (unlimited.documents, unlimited.priority_support) == (5_000, True)
    assert (enterprise.tokens, enterprise.audio_seconds) == (500_000_000, 600_000)
    assert [feature for feature in Feature if free.has(feature)] == [Feature.WEB_SEARCH]


def test_usage_of_a_new_account_is_nothing(dave: User) -> None:
    usage = plans.usage(dave.pk)

    assert usage["messages"] == {"used": 0, "limit": 100, "remaining": 100}
    assert usage["audio_minutes"] == {"used": 0, "limit": 5, "remaining": 5}
    assert (usage["total_cost_usd"], usage["cache_savings_usd"]) == (0, 0)


def test_what_is_held_is_not_used_but_no_longer_remains(dave: User) -> None:
    settle(hold(dave), Amounts(messages=1, tokens=40), cost_usd=Decimal("0.5"), cost_source="upstream")
    hold(dave, Amounts(messages=1, tokens=10))

    usage = plans.usage(dave.pk)
    assert usage["messages"] == {"used": 1, "limit": 100, "remaining": 98}
    assert usage["tokens"] == {"used": 40, "limit": 100_000, "remaining": 99_950}
    assert usage["total_cost_usd"] == Decimal("0.5")


def test_begun_audio_minutes_count_whole(dave: User) -> None:
    settle(hold(dave), Amounts(audio_seconds=61))

    assert plans.usage(dave.pk)["audio_minutes"] == {"used": 2, "limit": 5, "remaining": 3}


def test_no_limit_is_shown_as_null(dave: User) -> None:
    limit_to("free", messages=None, audio_minutes=None)

    usage = plans.usage(dave.pk)
    assert usage["messages"] == {"used": 0, "limit": None, "remaining": None}
    assert usage["audio_minutes"] == {"used": 0, "limit": None, "remaining": None}


def test_nothing_remains_after_an_overrun(dave: User) -> None:
    limit_to("free", tokens=10)
    settle(hold(dave), Amounts(tokens=35))

    assert plans.usage(dave.pk)["tokens"] == {"used": 35, "limit": 10, "remaining": 0}


def test_usage_starts_again_on_the_anniversary(dave: User) -> None:
    plans.subscription_for(dave.pk)
    Subscription.objects.update(started_at=datetime(2026, 1, 31, tzinfo=UTC))
    with time_machine.travel(datetime(2026, 2, 1, tzinfo=UTC), tick=False):
        settle(hold(dave))
    with time_machine.travel(datetime(2026, 2, 28, tzinfo=UTC), tick=False):
        usage = plans.usage(dave.pk)

    assert usage["messages"]["used"] == 0
    assert usage["period_start"] == datetime(2026, 2, 28, tzinfo=UTC)
    assert usage["period_end"] == datetime(2026, 3, 31, tzinfo=UTC)

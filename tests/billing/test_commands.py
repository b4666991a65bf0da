"""Commands for operators, and the sweeper."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.models import PlanLimit, Subscription
from billing.tasks import release_expired_reservations
from tests.billing.held import counters, hold, limit_to, state
from tests.people import make_user

pytestmark = pytest.mark.django_db


def run(*command: str) -> str:
    said = StringIO()
    call_command(*command, stdout=said)
    return said.getvalue()


def test_seeding_writes_what_is_missing() -> None:
    PlanLimit.objects.filter(slug__in=["free", "premium"]).delete()

    assert "free, premium" in run("seed_plans")
    assert PlanLimit.objects.count() == 4


def test_seeding_twice_keeps_what_staff_changed() -> None:
    limit_to("free", messages=7)
    run("seed_plans")

    assert PlanLimit.objects.get(slug="free").messages == 7


def test_seeding_with_reset_puts_every_plan_back() -> None:
    limit_to("free", messages=7)
    run("seed_plans", "--reset")

    assert PlanLimit.objects.get(slug="free").messages == 100


def test_an_operator_puts_a_user_on_a_plan() -> None:
    alice = make_user("alice@example.org", "free")
    Subscription.objects.update(status="expired")

    assert "Premium" in run("set_plan", "Alice@Example.org", "premium")
    assert (alice.subscription.plan_id, alice.subscription.status) == ("premium", "active")


def test_an_operator_hears_of_an_unknown_address() -> None:
    with pytest.raises(CommandError, match="no user with the address"):
        run("set_plan", "nobody@example.org", "premium")


def test_an_operator_hears_which_plans_there_are() -> None:
    make_user("alice@example.org")

    with pytest.raises(CommandError, match="free, premium, unlimited, enterprise"):
        run("set_plan", "alice@example.org", "gold")


def test_the_sweeper_frees_what_is_over_and_nothing_else() -> None:
    alice = make_user("alice@example.org")
    over, running = hold(alice, minutes=0), hold(alice)

    assert release_expired_reservations() == 1
    assert (state(over), state(running), counters(alice).held_messages) == ("released", "held", 1)

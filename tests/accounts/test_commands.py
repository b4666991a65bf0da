"""Demo accounts, and the housekeeping."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import plans
from tests.accounts.clients import Api, make_verified, problem, sign_in
from wisqu.accounts import demo, tokens
from wisqu.accounts.models import RefreshToken, Session, TokenFamily, User
from wisqu.accounts.tasks import forget_expired_sign_ins

pytestmark = pytest.mark.django_db


@pytest.fixture
def _development(settings):
    settings.DEBUG = True
    plans.seed(reset=False)


@pytest.mark.usefixtures("_development")
def test_the_demo_accounts_sign_in_on_their_plans():
    call_command("seed_demo", verbosity=0)
    seen = {u.email: (plans.plan_for(u.pk).slug, u.is_staff, u.is_superuser) for u in User.objects.all()}
    assert seen["demo@wisqu.local"] == ("premium", False, False)
    assert seen["free@wisqu.local"] == ("free", False, False)
    assert seen["admin@wisqu.local"][1:] == (True, True)
    for email in seen:
        assert sign_in(email, "demo-wisqu")["access"]


@pytest.mark.usefixtures("_development")
def test_seeding_again_changes_nothing():
    call_command("seed_demo", verbosity=0)
    before = list(User.objects.order_by("pk").values())
    call_command("seed_demo", verbosity=0)
    assert list(User.objects.order_by("pk").values()) == before


def test_the_demo_accounts_are_refused_without_debug(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError):
        call_command("seed_demo")
    assert not User.objects.exists()


@pytest.mark.usefixtures("_development")
def test_a_development_database_that_is_served_loses_its_demo_accounts():
    call_command("seed_demo", verbosity=0)
    make_verified()
    assert demo.retire() == 3
    assert list(User.objects.filter(is_active=True).values_list("email", flat=True)) == ["alice@example.org"]
    answer = Api().send("POST", "/auth/token", {"email": "admin@wisqu.local", "password": "demo-wisqu"})
    assert problem(answer) == (401, "invalid_credentials")


def test_what_has_expired_is_forgotten_and_the_rest_stays(client):
    user = make_verified()
    client.force_login(user)
    kept, gone = tokens.open_family(user), tokens.open_family(user)
    past = timezone.now() - timedelta(days=1)
    Session.objects.create(session_key="x" * 32, session_data="", expire_date=past)
    RefreshToken.objects.filter(secret_hash=tokens.hashed(gone.refresh)).update(expires_at=past)
    forget_expired_sign_ins()
    assert Session.objects.count() == TokenFamily.objects.count() == 1
    assert tokens.read_access(kept.access)

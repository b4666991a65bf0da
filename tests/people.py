"""The people of the tests: Alice owns, Bob was given access, Charlie must see nothing."""

from __future__ import annotations

from typing import Any

from django.test import Client

from billing import plans
from billing.models import PlanLimit
from wisqu.accounts.models import User

PASSWORD = "correct horse battery"


def make_user(email: str = "alice@example.org", plan: str = "free", **fields: Any) -> User:
    """Make a user on a plan, who signs in with PASSWORD; the plans are seeded when they are missing."""
    if not PlanLimit.objects.exists():
        plans.seed(reset=False)
    user = User.objects.create_user(email, fields.pop("password", PASSWORD), **fields)
    plans.put_on(user_id=user.pk, plan=PlanLimit.objects.get(slug=plan))
    return user


def make_alice(plan: str = "premium", **fields: Any) -> User:
    """Make the one who owns things."""
    return make_user("alice@example.org", plan, **fields)


def make_bob(plan: str = "premium", **fields: Any) -> User:
    """Make the one whom Alice lets in."""
    return make_user("bob@example.org", plan, **fields)


def make_charlie(plan: str = "premium", **fields: Any) -> User:
    """Make the one who must see nothing of it."""
    return make_user("charlie@example.org", plan, **fields)


def signed_in(user: User) -> Client:
    """Return a browser in which the user has signed in."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client

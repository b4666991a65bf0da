"""The demo accounts of a development server, whose password everybody knows."""

from __future__ import annotations

from dataclasses import dataclass

from wisqu.accounts.models import User

PASSWORD = "demo-wisqu"  # noqa: S105 - printed at every start


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account and the plan it shows."""

    email: str
    name: str
    plan: str
    is_admin: bool = False


ACCOUNTS = (
    DemoAccount("demo@wisqu.local", "Demo", "premium"),
    DemoAccount("free@wisqu.local", "Free", "free"),
    DemoAccount("admin@wisqu.local", "Admin", "premium", is_admin=True),
)


def retire() -> int:
    """Deactivate demo accounts in a database that is served now (DEBUG=false); return how many."""
    found = User.objects.filter(email__in=[account.email for account in ACCOUNTS], is_active=True)
    for user in found:
        user.is_active = False
        user.set_unusable_password()
        user.save()
    return len(found)

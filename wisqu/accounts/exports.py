"""Everything kept about a person, to take along. Upper apps register what they keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wisqu.accounts.models import User

Part = Callable[[User], Any]

_parts: dict[str, Part] = {}


def register(name: str, function: Part) -> None:
    """Add a part: `function(user)` returns values that JSON can hold.

    Raises ValueError for a name that is taken.
    """
    if _parts.get(name, function) is not function:
        raise ValueError(f"the export has a part {name} already")
    _parts[name] = function


def export(user: User) -> dict[str, Any]:
    """Return every part by its name."""
    return {name: function(user) for name, function in sorted(_parts.items())}


def account_facts(user: User) -> dict[str, Any]:
    """Return what this app keeps; secrets and their hashes are no facts about a person."""
    facts = ("id", "email", "name", "language", "theme", "time_zone", "joined_at", "last_login")
    return {
        **{name: getattr(user, name) for name in facts},
        "email_addresses": list(user.addresses.values("email", "verified", "primary")),
        "api_keys": list(
            user.api_keys.values("id", "name", "prefix", "scopes", "created_at", "last_used_at", "revoked_at")
        ),
        "sign_ins": list(user.token_families.values("id", "created_at", "revoked_at")),
    }


register("account", account_facts)

"""Writing down what staff do. Call it in the transaction of the act, where there is one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest

from console.models import AuditEntry
from wisqu.accounts.models import User

LONGEST_VALUE = 200


def note(
    request: HttpRequest,
    verb: AuditEntry.Verb,
    about: Model | type[Model] | None = None,
    *,
    person_id: UUID | None = None,
    why: str = "",
    **facts: Any,
) -> AuditEntry:
    """Write one entry by whoever asks. `about` is the object, or the table for what concerns many."""
    key = str(about.pk)[:100] if isinstance(about, Model) else ""
    if person_id is None and isinstance(about, Model):
        person_id = about.pk if isinstance(about, User) else getattr(about, "user_id", None)
    return AuditEntry.objects.create(
        actor_id=request.user.pk,
        verb=verb,
        kind=about._meta.label_lower if about is not None else "",
        object_id=key,
        person_id=person_id,
        why=why.strip()[:300],
        facts={name: plain(value) for name, value in facts.items()},
        request_id=getattr(request, "request_id", "")[:128],
    )


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it, and not longer than anybody reads."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value[:100]]
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"

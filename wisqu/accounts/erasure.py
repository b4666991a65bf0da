"""Erasing an account: nothing that tells of the person stays."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from wisqu.accounts.models import User


def erase(user: User) -> None:
    """Delete the user and, by cascade, everything that is theirs; open sockets end within seconds.

    What must outlive a person (the ledger) points at its user with SET_NULL, and holds nothing of them.
    """
    with transaction.atomic():
        # The admin's history repeats the address in words; who did what to which id may stay.
        history = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
        )
        history.update(object_repr="erased account", change_message="")
        User.objects.get(pk=user.pk).delete()

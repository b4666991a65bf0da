"""Erasing an account: nothing that tells of the person stays."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from wisqu.accounts.models import User

Step = Callable[[User], None]

_first: list[Step] = []


def first(function: Step) -> None:
    """Let an upper app do something outside this database before a user is erased; what it raises prevents that."""
    if function not in _first:
        _first.append(function)


def erase(user: User) -> None:
    """Delete the user and, by cascade, everything that is theirs; open sockets end within seconds.

    What must outlive a person (the ledger) points at its user with SET_NULL, and holds nothing of them.
    """
    for function in _first:
        function(user)
    with transaction.atomic():
        forget_history(user)
        User.objects.get(pk=user.pk).delete()


def forget_history(user: User) -> None:
    """Take the address out of the admin's history, which repeats it in words; who did what to which id stays."""
    mine = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    )
    mine.update(object_repr="erased account", change_message="")

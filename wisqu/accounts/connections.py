"""Ends open sockets and streams whose right to be open has gone: sign-out, revoked key, deactivated user.

One task for each event loop asks for everything that is open in at most four queries every three seconds.
It starts with the first connection and ends with the last, so that an idle process asks nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import uuid
import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from wisqu.accounts.credentials import Credential
from wisqu.accounts.models import APIKey, Session, TokenFamily, User
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 3.0
# SQLite takes no more than 999 values in one statement on old builds.
BATCH = 500

OnRevoked = Callable[[], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """One open connection."""

    user_id: uuid.UUID
    credential: Credential
    on_revoked: OnRevoked


class _Watch:
    """The connections of one event loop and the task that looks after them."""

    def __init__(self) -> None:
        self.open: set[Tracked] = set()
        self.task: asyncio.Task[None] | None = None

    def add(self, tracked: Tracked) -> None:
        self.open.add(tracked)
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._run(), name="accounts-connections")

    async def _run(self) -> None:
        while self.open:
            await asyncio.sleep(INTERVAL_SECONDS)
            asked = frozenset(self.open)
            if not asked:
                return
            try:
                revoked = await in_thread(find_revoked, asked)
            except DatabaseError:
                # Nobody can do anything new meanwhile either: every action asks the same database.
                log.exception("could not check open connections")
                continue
            for tracked in revoked & self.open:
                self.open.discard(tracked)
                await _end(tracked)


_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = weakref.WeakKeyDictionary()


def track(user_id: uuid.UUID, credential: Credential, on_revoked: OnRevoked) -> Callable[[], None]:
    """Call `on_revoked` (sync or async, in this event loop) once the user or the credential ends.

    Return the function that ends the tracking; call it when the connection closes by itself.
    """
    watch = _watches.setdefault(asyncio.get_running_loop(), _Watch())
    tracked = Tracked(user_id, credential, on_revoked)
    watch.add(tracked)
    return lambda: watch.open.discard(tracked)


async def _end(tracked: Tracked) -> None:
    try:
        result = tracked.on_revoked()
        if inspect.isawaitable(result):
            await asyncio.wait_for(result, timeout=INTERVAL_SECONDS)
    except Exception:
        log.exception("could not end a connection")


def find_revoked(tracked: Iterable[Tracked]) -> set[Tracked]:
    """Return those whose user is gone, inactive or signed out everywhere, or whose credential has ended."""
    everything = list(tracked)
    epochs = dict(_rows({one.user_id for one in everything}, _find_users))
    holding = {kind: _holding(kind, everything) for kind in {one.credential.kind for one in everything}}
    return {one for one in everything if not _holds(one, epochs, holding[one.credential.kind])}


def _holds(one: Tracked, epochs: dict[Any, int], holding: set[str]) -> bool:
    epoch = epochs.get(one.user_id)
    if epoch is None or one.credential.id not in holding:
        return False
    # A key is not part of a sign-in: it lives until it is revoked itself.
    return one.credential.kind == "key" or epoch == one.credential.epoch


def _holding(kind: str, everything: list[Tracked]) -> set[str]:
    """Return the ids of the credentials of this kind that still hold."""
    ids = {one.credential.id for one in everything if one.credential.kind == kind}
    return {str(one) for one in _rows(ids, _FINDERS[kind])}


def _find_users(ids: list[Any]) -> Iterable[Any]:
    return User.objects.filter(id__in=ids, is_active=True).values_list("id", "credential_epoch")


def _find_keys(ids: list[Any]) -> Iterable[Any]:
    return APIKey.objects.filter(id__in=ids, revoked_at=None).values_list("id", flat=True)


def _find_families(ids: list[Any]) -> Iterable[Any]:
    return TokenFamily.objects.filter(id__in=ids, revoked_at=None).values_list("id", flat=True)


def _find_sessions(ids: list[Any]) -> Iterable[Any]:
    live = Session.objects.filter(session_key__in=ids, expire_date__gt=timezone.now())
    return live.values_list("session_key", flat=True)


_FINDERS = {"key": _find_keys, "token": _find_families, "session": _find_sessions}


def _rows(ids: set[Any], find: Callable[[list[Any]], Iterable[Any]]) -> Iterator[Any]:
    remaining = iter(ids)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield from find(batch)

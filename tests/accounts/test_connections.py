"""Open connections end when their right to be open does."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.accounts.clients import make_verified
from wisqu.accounts import connections, tokens
from wisqu.accounts.connections import Tracked, find_revoked
from wisqu.accounts.credentials import Credential, make_key, revoke_key
from wisqu.accounts.models import Session


def session_of(user):
    client = Client()
    client.force_login(user)
    key = client.session.session_key
    return client, Credential(kind="session", id=key, epoch=user.credential_epoch)


def key_of(user):
    row, _ = make_key(user=user, name="robot", scopes=["read"])
    return row, Credential(kind="key", id=str(row.id), epoch=user.credential_epoch)


def token_of(user):
    pair = tokens.open_family(user)
    return pair, tokens.read_access(pair.access)[1]


def open_ones(user):
    return [Tracked(user.pk, make(user)[1], lambda: None) for make in (session_of, key_of, token_of)]


def kinds(tracked):
    return sorted(one.credential.kind for one in tracked)


@pytest.mark.django_db
def test_what_holds_stays_open():
    assert find_revoked(open_ones(make_verified())) == set()


@pytest.mark.django_db
def test_a_deactivated_or_erased_user_loses_everything():
    alice, bob = make_verified(), make_verified("bob@example.org")
    tracked = open_ones(alice) + open_ones(bob)
    alice.is_active = False
    alice.save()
    bob.delete()
    assert len(find_revoked(tracked)) == 6


@pytest.mark.django_db
def test_a_password_change_ends_sessions_and_tokens_but_no_keys():
    alice = make_verified()
    tracked = open_ones(alice)
    alice.set_password("another long one")
    alice.save()
    assert kinds(find_revoked(tracked)) == ["session", "token"]


@pytest.mark.django_db
def test_signing_out_ends_that_session_alone():
    alice = make_verified()
    tracked = open_ones(alice)
    client, credential = session_of(alice)
    client.logout()
    mine = Tracked(alice.pk, credential, lambda: None)
    assert find_revoked([*tracked, mine]) == {mine}


@pytest.mark.django_db
def test_a_revoked_key_and_a_revoked_token_end():
    alice = make_verified()
    row, key = key_of(alice)
    pair, token = token_of(alice)
    tracked = [Tracked(alice.pk, key, lambda: None), Tracked(alice.pk, token, lambda: None)]
    revoke_key(user=alice, key_id=row.id)
    tokens.revoke_family(pair.refresh)
    assert find_revoked(tracked) == set(tracked)


@pytest.mark.django_db
def test_a_thousand_connections_cost_as_many_queries_as_three():
    alice = make_verified()
    kinds_of_credential = [one.credential for one in open_ones(alice)]
    tracked = [Tracked(alice.pk, credential, lambda: None) for credential in kinds_of_credential * 333]
    with CaptureQueriesContext(connection) as queries:
        find_revoked(tracked)
    assert len(queries) == 4


@pytest.mark.django_db(transaction=True)
async def test_a_deactivated_user_is_out_within_five_seconds():
    user = await sync_to_async(make_verified)()
    _, credential = await sync_to_async(key_of)(user)
    ended = asyncio.Event()
    connections.track(user.pk, credential, ended.set)
    user.is_active = False
    await sync_to_async(user.save)()
    await asyncio.wait_for(ended.wait(), timeout=60)
    assert connections.INTERVAL_SECONDS < 5


@pytest.mark.django_db(transaction=True)
async def test_one_task_serves_all_and_ends_with_the_last(monkeypatch):
    monkeypatch.setattr(connections, "INTERVAL_SECONDS", 0.05)
    user = await sync_to_async(make_verified)()
    _, credential = await sync_to_async(key_of)(user)
    closers = [connections.track(user.pk, credential, lambda: None) for _ in range(3)]
    (task,) = [one for one in asyncio.all_tasks() if one.get_name() == "accounts-connections"]
    for close in closers:
        close()
    await asyncio.wait_for(task, timeout=60)
    connections.track(user.pk, credential, lambda: None)()
    assert [one for one in asyncio.all_tasks() if one.get_name() == "accounts-connections" and not one.done()]


@pytest.mark.django_db(transaction=True)
async def test_one_that_fails_to_close_does_not_keep_the_others_open(monkeypatch):
    monkeypatch.setattr(connections, "INTERVAL_SECONDS", 0.05)
    user = await sync_to_async(make_verified)()
    _, credential = await sync_to_async(session_of)(user)
    ended: list[str] = []

    async def close() -> None:
        ended.append("closed")

    def fail() -> None:
        raise RuntimeError

    for callback in (fail, close, fail, close):
        connections.track(user.pk, credential, callback)
    await sync_to_async(Session.objects.all().delete)()
    async with asyncio.timeout(3):
        while len(ended) < 2:
            await asyncio.sleep(0.02)

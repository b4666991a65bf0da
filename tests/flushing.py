"""Puts the tables back as they were before a transactional test, and soon: a thousand tests ask for it.

Django's own flush empties every table, one by one, and makes content types, permissions and seeds anew. Here only what
a test has changed is emptied, and filled from copies that were made once. Triggers that keep a table append-only are
lifted for that length: PostgreSQL fires none for a replica, SQLite's are dropped and made again.
"""

from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase
from psycopg.errors import DeadlockDetected

_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%append-only%'"
_MOST_DEADLOCKS = 5
_copies: dict[str, str | None] = {}  # by table; None for one that was empty


def keep_seeds() -> None:
    """Remember what the tables hold now; from here on every transactional test ends with that."""
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            cursor.execute(f"SELECT 1 FROM {_quoted(table)} LIMIT 1")
            copy = _copies[table] = f"seeds_of_{table}" if cursor.fetchone() else None
            if copy:
                cursor.execute(f"CREATE TABLE {copy} AS SELECT * FROM {_quoted(table)}")
    # On the class: while Playwright's loop runs, Django opens another connection than before.
    setattr(TransactionTestCase, "_fixture_teardown", lambda _: restore())  # noqa: B010 - not to be assigned to


def restore() -> None:
    """Empty and fill again what is not as it was kept.

    A server that several tests share may be booking a cost at that moment: who of the two waits in vain for the other
    is told so by PostgreSQL, and here begins anew.
    """
    ContentType.objects.clear_cache()
    for _ in range(_MOST_DEADLOCKS):
        try:
            return _restore()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return _restore()


def _restore() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(map(_is_changed, _copies)))
        changed = [table for (table,) in cursor.fetchall()]
        triggers = []
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
        elif changed:
            triggers = cursor.execute(_TRIGGERS).fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        for table in changed:
            cursor.execute(f"DELETE FROM {_quoted(table)}")
            if copy := _copies[table]:
                cursor.execute(f"INSERT INTO {_quoted(table)} SELECT * FROM {copy}")
        for _, sql in triggers:
            cursor.execute(sql)


def _is_changed(table: str) -> str:
    rows, copy = _quoted(table), _copies[table]
    if copy is None:
        return f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {rows})"
    return (
        f"SELECT '{table}' WHERE (SELECT count(*) FROM {rows}) <> (SELECT count(*) FROM {copy})"
        f" OR EXISTS (SELECT * FROM {rows} EXCEPT SELECT * FROM {copy})"
    )


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)

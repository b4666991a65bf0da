"""Lets a transactional test empty the ledger and its like at its end on SQLite.

Django truncates on PostgreSQL, past the triggers, but deletes row by row on SQLite, where the triggers of
append-only tables rightly refuse. They are lifted for the length of that flush, which is one transaction, and put back.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%append-only%'"


def permit_flush() -> None:
    """Make flushes of this process lift the triggers.

    On the class: while Playwright's loop runs, Django opens another connection than before.
    """
    if connection.vendor != "sqlite":
        return
    operations = type(connection.ops)
    plain = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        statements = plain(self, style, tables, **options)
        if not statements:
            return statements
        with self.connection.cursor() as cursor:
            triggers = cursor.execute(TRIGGERS).fetchall()
        lift = [f"DROP TRIGGER {name}" for name, _ in triggers]
        return [*lift, *statements, *(sql for _, sql in triggers)]

    operations.sql_flush = sql_flush

"""Lets a transactional test empty the ledger and its like at its end, and soon.

Django deletes row by row on SQLite, where the triggers of append-only tables rightly refuse. They are lifted for the
length of that flush, which is one transaction, and put back.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%append-only%'"


def permit_flush() -> None:
    """Make flushes of this process lift the triggers, and on PostgreSQL empty no table that is empty.

    On the class: while Playwright's loop runs, Django opens another connection than before.
    """
    operations = type(connection.ops)
    plain = operations.sql_flush

    def lift_triggers(self: Any, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        statements = plain(self, style, tables, **options)
        if not statements:
            return statements
        with self.connection.cursor() as cursor:
            triggers = cursor.execute(TRIGGERS).fetchall()
        lift = [f"DROP TRIGGER {name}" for name, _ in triggers]
        return [*lift, *statements, *(sql for _, sql in triggers)]

    def empty_what_is_full(self: Any, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        if not tables:
            return []
        # To truncate a hundred tables takes a third of a second, a thousand times.
        names = [self.quote_name(table) for table in tables]
        looks = [f"SELECT {place} WHERE EXISTS (SELECT 1 FROM {name})" for place, name in enumerate(names)]
        with self.connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(looks))
            full = [names[place] for (place,) in cursor.fetchall()]
        # A replica checks no foreign keys and fires no triggers; until the end of the transaction that this is.
        return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {name}" for name in full)]

    flush = lift_triggers if connection.vendor == "sqlite" else empty_what_is_full
    setattr(operations, "sql_flush", flush)  # noqa: B010 - a method is not to be assigned to

"""Rows for `bench.numbers`: `python -m bench.business` makes a year of a large site, prints how, as JSON.

All of it is made inside PostgreSQL. `python -m bench.business plans` explains the queries of each report instead.
"""

import json
import os
import sys
import time

import django

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
PEOPLE, DAYS, EACH = 100_000, 365, 5
RANGES = (7, 30, 90, 365)

# An id as our own are, of the moment `at`.
_ID = """(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3)
         || '8' || substr(md5(random()::text), 1, 15))::uuid"""
# Tables that are filled: what is given of a row, and where from. The rest of what may not be null is empty.
_PEOPLE = (
    "accounts_user",
    {"id": _ID, "email": "'user' || n || '@example.net'", "language": "'en'", "theme": "'system'",
     "time_zone": "'UTC'", "is_active": "true", "joined_at": "at"},
    f"(SELECT n, now() - random() * interval '{DAYS} days' AS at FROM generate_series(1, {PEOPLE}) n)",
)  # fmt: skip
_NUMBERED = """
    CREATE TEMPORARY TABLE someone AS
    SELECT row_number() OVER (ORDER BY id) AS n, id,
           CASE WHEN random() < 0.8 THEN 'free' WHEN random() < 0.9 THEN 'premium' ELSE 'unlimited' END AS plan
    FROM accounts_user
"""
_SUBSCRIPTIONS = (
    "billing_subscription",
    {"id": _ID, "user_id": "id", "plan_id": "plan", "status": "'active'", "started_at": "at", "updated_at": "at",
     "provider": "CASE WHEN plan = 'free' THEN '' ELSE 'stripe' END", "interval": "'month'"},
    "(SELECT id, plan, now() - interval '1 day' AS at FROM someone "
    "WHERE id NOT IN (SELECT user_id FROM billing_subscription))",
)  # fmt: skip
# Some people come every day, most of them seldom; whoever comes asks several times, of one model of thirty.
_LEDGER = (
    "billing_ledgerentry",
    {"id": _ID, "user_id": "who", "created_at": "at", "period_start": "at - interval '9 days'", "plan": "plan",
     "kind": "kind", "model": "'maker/model-' || model", "provider": "'Azure'", "messages": "(kind = 'chat')::int",
     "tokens": "1500", "images": "(kind = 'image')::int", "prompt_tokens": "1200", "completion_tokens": "300",
     "cached_tokens_read": "(random() * 900)::int", "cached_tokens_written": "0", "cost_source": "'upstream'",
     "cost_usd": "round((random() / 100)::numeric, 12)", "savings_usd": "round((random() / 500)::numeric, 12)"},
    f"""(
        SELECT someone.id AS who, plan, floor(30 * random() ^ 2)::int AS model,
               least(at + random() * interval '1 hour', now() - random() * interval '3 minutes') AS at,
               CASE WHEN random() < 0.8 THEN 'chat' WHEN random() < 0.5 THEN 'title' ELSE 'image' END AS kind
        FROM (SELECT 1 + floor({PEOPLE} * random() ^ 2)::int AS n, now() - random() * interval '{DAYS} days' AS at
              FROM generate_series(1, {ROWS // EACH})) AS visit
        JOIN someone USING (n) CROSS JOIN generate_series(1, {EACH})
    )""",
)  # fmt: skip
_ATTEMPTS = (
    "chat_turnattempt",
    {"id": "id", "turn_id": "id", "owner_id": "user_id", "created_at": "created_at", "plan": "plan",
     "asked": "CASE WHEN random() < 0.98 THEN model ELSE 'maker/model-0' END", "model": "model", "is_last": "true",
     "status": "CASE WHEN random() < 0.98 THEN 'done' ELSE 'failed' END",
     "first_token_ms": "exp(5 + 2 * random())::int",
     "total_ms": "exp(7 + 2 * random())::int", "missed_savings_usd": "CASE WHEN random() < 0.2 THEN 0.0001 END"},
    "(SELECT * FROM billing_ledgerentry WHERE kind = 'chat')",
)  # fmt: skip
_INVOICES = (
    "billing_invoice",
    {"id": _ID, "user_id": "id", "number": "'B-' || n || '-' || month", "provider": "'stripe'", "state": "'paid'",
     "plan": "plan", "currency": "'USD'", "subtotal": "19", "total": "19", "paid": "19", "issued_at": "at",
     "paid_at": "at"},
    "(SELECT someone.*, month, now() - month * interval '30 days' - random() * interval '30 days' AS at "
    "FROM someone CROSS JOIN generate_series(0, 11) AS month WHERE plan <> 'free')",
)  # fmt: skip
_WARNINGS = (
    "billing_usagewarning",
    {"id": _ID, "user_id": "id", "period_start": "at - interval '20 days'", "measure": "'messages'",
     "percent": "CASE WHEN random() < 0.7 THEN 80 ELSE 100 END", "created_at": "at"},
    "(SELECT id, now() - month * interval '30 days' - random() * interval '30 days' AS at "
    "FROM someone CROSS JOIN generate_series(0, 11) AS month WHERE random() < 0.2)",
)  # fmt: skip
_CONVERSATIONS = (
    "chat_conversation",
    {"id": _ID, "owner_id": "who", "created_at": "at", "updated_at": "at", "last_message_at": "at"},
    "(SELECT user_id AS who, created_at AS at FROM billing_ledgerentry WHERE random() < 0.1)",
)


def make() -> dict[str, object]:
    """Fill the tables and build the sums; return a token of staff, and how long building took."""
    from django.db import connection

    from analytics import rollups
    from bench.crowd import person, token

    staff = person("staff")
    staff.is_staff = staff.is_superuser = True
    staff.save()
    with connection.cursor() as cursor:
        _fill(cursor, _PEOPLE)
        cursor.execute(_NUMBERED)
        _fill(cursor, _SUBSCRIPTIONS)
        with _without_indexes(cursor, "billing_ledgerentry", "chat_turnattempt"):
            _fill(cursor, _LEDGER)
            _fill(cursor, _ATTEMPTS)
        _fill(cursor, _INVOICES)
        _fill(cursor, _WARNINGS)
        _fill(cursor, _CONVERSATIONS)
    built_s = _timed(rollups.rebuild)
    with connection.cursor() as cursor:  # what autovacuum does in its own time
        cursor.execute("VACUUM ANALYZE")
    proven_s = _timed(rollups.wrong_days)
    return {"token": token(staff), "built_s": built_s, "proven_s": proven_s}


def _timed(work) -> float:
    began = time.perf_counter()
    found = work()
    assert not found, found
    return time.perf_counter() - began


class _without_indexes:  # noqa: N801
    """Drop the plain indexes of tables while they are filled."""

    def __init__(self, cursor, *tables: str) -> None:
        self.cursor, self.tables = cursor, tables

    def __enter__(self) -> None:
        self.cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary "
            "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)",
            [list(self.tables)],
        )
        self.indexes = self.cursor.fetchall()
        for name, _ in self.indexes:
            self.cursor.execute(f"DROP INDEX {name}")

    def __exit__(self, *failure: object) -> None:
        for _, definition in self.indexes:
            self.cursor.execute(definition)


def _fill(cursor, filling: tuple[str, dict[str, str], str]) -> None:
    """Insert the rows; what may not be null and is not given is false, zero or empty."""
    table, given, source = filling
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    )
    empty = {
        "boolean": "false",
        "jsonb": "'{}'",
        "integer": "0",
        "smallint": "0",
        "bigint": "0",
        "numeric": "0",
    }
    columns = {name: empty.get(kind, "''") for name, kind in cursor.fetchall()} | given
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {source} AS made"
    )


def explain() -> None:
    """Print, for each report over 30 days, each query that takes a while, with its plan."""
    from django.db import connection

    from analytics import reports

    days = reports.Days.lately(int(os.environ.get("BENCH_DAYS", "30")))
    for report in (reports.system_stats, reports.plan_distribution, reports.usage_trends, reports.top_users,
                   reports.model_usage, reports.cache_performance):  # fmt: skip
        seen: list[tuple[str, tuple]] = []

        def watch(execute, sql, params, many, context, seen=seen):
            seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            report(days)
        for sql, params in seen:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) {sql}", params)
                lines = [line for (line,) in cursor.fetchall()]
            print(f"== {report.__name__}\n{sql[:300]}\n" + "\n".join(lines), flush=True)


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:] == ["plans"]:
        explain()
    else:
        print(json.dumps(make()))

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
_PEOPLE = f"""
    INSERT INTO accounts_user (id, email, password, name, language, theme, time_zone, is_active, is_staff,
                               is_superuser, joined_at, credential_epoch)
    SELECT {_ID}, 'user' || n || '@example.net', '', '', 'en', 'system', 'UTC', true, false, false, at, 0
    FROM (SELECT n, now() - random() * interval '{DAYS} days' AS at FROM generate_series(1, {PEOPLE}) n) AS made
"""
_NUMBERED = """
    CREATE TEMPORARY TABLE someone AS
    SELECT row_number() OVER (ORDER BY id) AS n, id,
           CASE WHEN random() < 0.8 THEN 'free' WHEN random() < 0.9 THEN 'premium' ELSE 'unlimited' END AS plan
    FROM accounts_user
"""
_SUBSCRIPTIONS = f"""
    INSERT INTO billing_subscription (id, user_id, plan_id, status, started_at, provider, interval, customer_ref,
                                      subscription_ref, cancel_at_period_end, version, updated_at)
    SELECT {_ID}, id, plan, 'active', at, CASE WHEN plan = 'free' THEN '' ELSE 'stripe' END, 'month', '', '', false,
           0, at
    FROM (SELECT id, plan, now() - interval '1 day' AS at FROM someone) AS made
    ON CONFLICT DO NOTHING
"""
# Some people come every day, most of them seldom; whoever comes asks several times, of one model of thirty.
_LEDGER = f"""
    INSERT INTO billing_ledgerentry (
        id, user_id, created_at, period_start, plan, kind, generation_id, model, provider, messages, tokens, images,
        documents, audio_seconds, prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens_read,
        cached_tokens_written, cost_usd, cost_source, savings_usd)
    SELECT {_ID}, who, at, at - interval '9 days', plan, kind, '', 'maker/model-' || model, 'Azure',
           (kind = 'chat')::int, 1500, (kind = 'image')::int, 0, 0, 1200, 300, 0, (random() * 900)::int, 0,
           round((random() / 100)::numeric, 12), 'upstream', round((random() / 500)::numeric, 12)
    FROM (
        SELECT someone.id AS who, plan, floor(30 * random() ^ 2)::int AS model,
               least(at + random() * interval '1 hour', now() - random() * interval '3 minutes') AS at,
               CASE WHEN random() < 0.8 THEN 'chat' WHEN random() < 0.5 THEN 'title' ELSE 'image' END AS kind
        FROM (SELECT 1 + floor({PEOPLE} * random() ^ 2)::int AS n, now() - random() * interval '{DAYS} days' AS at
              FROM generate_series(1, {ROWS // EACH})) AS visit
        JOIN someone USING (n) CROSS JOIN generate_series(1, {EACH})
    ) AS made
"""
_ATTEMPTS = """
    INSERT INTO chat_turnattempt (id, turn_id, owner_id, created_at, plan, asked, model, is_last, status, error_code,
                                  first_token_ms, total_ms, missed_savings_usd)
    SELECT id, id, user_id, created_at, plan, CASE WHEN random() < 0.98 THEN model ELSE 'maker/model-0' END, model,
           true, CASE WHEN random() < 0.98 THEN 'done' ELSE 'failed' END, '', exp(5 + 2 * random())::int,
           exp(7 + 2 * random())::int, CASE WHEN random() < 0.2 THEN 0.0001 END
    FROM billing_ledgerentry WHERE kind = 'chat'
"""
_INVOICES = f"""
    INSERT INTO billing_invoice (id, user_id, number, provider, provider_ref, state, plan, currency, subtotal, tax,
                                 total, paid, issued_at, paid_at)
    SELECT {_ID}, id, 'B-' || n || '-' || month, 'stripe', '', 'paid', plan, 'USD', 19, 0, 19, 19, at, at
    FROM (SELECT someone.*, month, now() - month * interval '30 days' - random() * interval '30 days' AS at
          FROM someone CROSS JOIN generate_series(0, 11) AS month WHERE plan <> 'free') AS made
"""
_CONVERSATIONS = f"""
    INSERT INTO chat_conversation (id, owner_id, created_at, updated_at, last_message_at, {{columns}})
    SELECT {_ID}, who, at, at, at, {{values}}
    FROM (SELECT user_id AS who, created_at AS at FROM billing_ledgerentry WHERE random() < 0.1) AS made
"""


def make() -> dict[str, object]:
    """Fill the tables and build the sums; return a token of staff, and how long building took."""
    from django.db import connection

    from analytics import rollups
    from bench.crowd import person, token

    staff = person("staff")
    staff.is_staff = staff.is_superuser = True
    staff.save()
    with connection.cursor() as cursor:
        for statement in (_PEOPLE, _NUMBERED, _SUBSCRIPTIONS):
            cursor.execute(statement)
        with _without_indexes(cursor, "billing_ledgerentry", "chat_turnattempt"):
            cursor.execute(_LEDGER)
            cursor.execute(_ATTEMPTS)
        cursor.execute(_INVOICES)
        cursor.execute(_conversations(cursor))
    built_s, proven_s = _timed(rollups.rebuild), 0.0
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


def _conversations(cursor) -> str:
    """Return the statement with every column that must not be null: flags are false, texts empty."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'chat_conversation' "
        "AND is_nullable = 'NO' AND column_name NOT IN "
        "('id', 'owner_id', 'created_at', 'updated_at', 'last_message_at')"
    )
    columns = cursor.fetchall()
    empty = {"boolean": "false", "jsonb": "'{}'", "integer": "0", "smallint": "0", "bigint": "0"}
    return _CONVERSATIONS.format(
        columns=", ".join(name for name, _ in columns),
        values=", ".join(empty.get(kind, "''") for _, kind in columns),
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

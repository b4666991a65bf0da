"""The database itself refuses to change or delete an audit entry, as 0002 does for the ledger.

A later migration that makes SQLite rebuild the table must end with `RunPython(forbid, permit)` of its own.
"""

from django.db import migrations

TABLE = "billing_subscriptionchange"

POSTGRESQL = (
    f"""
    CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit entries are append-only'; END $$
    """,
    f"""
    CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()
    """,
)
POSTGRESQL_BACK = (
    f"DROP TRIGGER {TABLE}_append_only ON {TABLE}",
    f"DROP FUNCTION {TABLE}_refuse()",
)
SQLITE = tuple(
    f"""
    CREATE TRIGGER {TABLE}_no_{verb} BEFORE {verb} ON {TABLE}
    BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END
    """
    for verb in ("update", "delete")
)
SQLITE_BACK = tuple(f"DROP TRIGGER {TABLE}_no_{verb}" for verb in ("update", "delete"))


def forbid(apps, schema_editor):
    for statement in {"postgresql": POSTGRESQL, "sqlite": SQLITE}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def permit(apps, schema_editor):
    for statement in {"postgresql": POSTGRESQL_BACK, "sqlite": SQLITE_BACK}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_subscriptions")]
    operations = [migrations.RunPython(forbid, permit)]

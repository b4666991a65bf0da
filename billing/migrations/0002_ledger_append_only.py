"""The database itself refuses to change or delete a ledger entry, whoever asks.

A later migration that makes SQLite rebuild the table (any change of a column or constraint there) drops
its triggers: it must end with `RunPython(forbid, permit)` of its own. A test notices when it doesn't.
"""

from django.db import migrations

TABLE = "billing_ledgerentry"

POSTGRESQL = (
    f"""
    CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'ledger entries are append-only'; END $$
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
    BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END
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
    dependencies = [("billing", "0001_plans_quotas_ledger")]
    operations = [migrations.RunPython(forbid, permit)]

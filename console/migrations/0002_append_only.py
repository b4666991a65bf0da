"""The database itself refuses to change or delete what the console has written down.

A later migration that makes SQLite rebuild a table must end with `RunPython(forbid, permit)` of its own.
"""

from django.db import migrations

TABLES = ("console_auditentry", "console_planversion")


def _postgresql(table):
    return (
        f"""
        CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'this log is append-only'; END $$
        """,
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {table}_refuse()
        """,
    )


def _postgresql_back(table):
    return (f"DROP TRIGGER {table}_append_only ON {table}", f"DROP FUNCTION {table}_refuse()")


def _sqlite(table):
    return tuple(
        f"""
        CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, 'this log is append-only'); END
        """
        for verb in ("update", "delete")
    )


def _sqlite_back(table):
    return tuple(f"DROP TRIGGER {table}_no_{verb}" for verb in ("update", "delete"))


def forbid(apps, schema_editor):
    statements = {"postgresql": _postgresql, "sqlite": _sqlite}[schema_editor.connection.vendor]
    for table in TABLES:
        for statement in statements(table):
            schema_editor.execute(statement)


def permit(apps, schema_editor):
    statements = {"postgresql": _postgresql_back, "sqlite": _sqlite_back}[schema_editor.connection.vendor]
    for table in TABLES:
        for statement in statements(table):
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("console", "0001_audit_and_plan_versions")]
    operations = [migrations.RunPython(forbid, permit)]

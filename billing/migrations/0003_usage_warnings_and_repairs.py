"""Warnings at 80 and 100 %, and the notes of repaired counters, which the database itself keeps as they are."""

import django.db.models.deletion
import django.utils.timezone
import wisqu.api.ids
from django.conf import settings
from django.db import migrations, models

TABLE = "billing_usagerepair"

POSTGRESQL = (
    f"""
    CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'notes of repairs are append-only'; END $$
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
    BEGIN SELECT RAISE(ABORT, 'notes of repairs are append-only'); END
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

    dependencies = [
        ('billing', '0002_ledger_append_only'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='UsageRepair',
            fields=[
                ('id', models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('period_start', models.DateTimeField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('made_by', models.CharField(max_length=254)),
                ('reason', models.CharField(max_length=200)),
                ('found', models.JSONField()),
                ('repaired', models.JSONField()),
                ('user', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='UsageWarning',
            fields=[
                ('id', models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('period_start', models.DateTimeField()),
                ('measure', models.CharField(max_length=13)),
                ('percent', models.PositiveSmallIntegerField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('mailed_at', models.DateTimeField(blank=True, null=True)),
                ('dismissed_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='usage_warnings', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
                'indexes': [models.Index(condition=models.Q(('mailed_at', None)), fields=['created_at'], name='usage_warning_to_mail')],
                'constraints': [models.UniqueConstraint(fields=('user', 'period_start', 'measure', 'percent'), name='usage_warning_once')],
            },
        ),
        migrations.RunPython(forbid, permit),
    ]

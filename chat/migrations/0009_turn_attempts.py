import django.utils.timezone
from django.db import migrations, models

import wisqu.api.ids

# Of turns that ended before, the last attempt is known: it stands on the answer.
FILL = """
    INSERT INTO chat_turnattempt (id, turn_id, owner_id, created_at, plan, asked, model, is_last, status, error_code,
                                  first_token_ms, total_ms)
    SELECT turn.id, turn.id, turn.owner_id, COALESCE(turn.ended_at, turn.heartbeat_at), COALESCE(hold.plan, ''),
           answer.model, COALESCE(NULLIF(answer.final_model_used, ''), answer.model), true, turn.status,
           answer.error_code, answer.first_token_ms, answer.total_ms
    FROM chat_turn AS turn
    JOIN chat_message AS answer ON answer.id = turn.answer_id
    LEFT JOIN billing_reservation AS hold ON hold.key = turn.id
    WHERE turn.status <> 'running'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0005_subscription_audit_append_only"),
        ("chat", "0008_structured_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="TurnAttempt",
            fields=[
                ("id", models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("turn_id", models.UUIDField()),
                ("owner_id", models.UUIDField()),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("plan", models.CharField(blank=True, max_length=32)),
                (
                    "asked",
                    models.CharField(help_text="The model that the turn was to be answered by.", max_length=200),
                ),
                ("model", models.CharField(help_text="The model that this attempt asked.", max_length=200)),
                ("is_last", models.BooleanField()),
                (
                    "status",
                    models.CharField(help_text="done, stopped or failed; what broke off is failed.", max_length=7),
                ),
                ("error_code", models.CharField(blank=True, max_length=50)),
                ("first_token_ms", models.PositiveIntegerField(null=True)),
                ("total_ms", models.PositiveIntegerField(null=True)),
                (
                    "missed_savings_usd",
                    models.DecimalField(
                        decimal_places=12,
                        help_text="What prompt caching would have saved where it was off; empty where it was on or can't be.",
                        max_digits=20,
                        null=True,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_last", True)), fields=("turn_id",), name="attempt_one_last"
                    )
                ],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]

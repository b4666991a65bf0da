"""Titles made by a model. Who wrote the titles that are there already is not known: they are taken for people's own."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import wisqu.api.ids

OPEN = models.Q(("status__in", ("queued", "running")))


class Migration(migrations.Migration):
    dependencies = [("chat", "0002_prompt_estimates_and_conversation_habits")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="own_title_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When its owner wrote the title; empty: nobody did.",
                null=True,
            ),
        ),
        migrations.RunSQL(
            "UPDATE chat_conversation SET own_title_at = created_at WHERE title <> ''", migrations.RunSQL.noop
        ),
        migrations.CreateModel(
            name="TitleJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=7,
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When its owner asked for it; empty: nobody did, it is automatic.",
                        null=True,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="title_jobs",
                        to="chat.conversation",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(condition=OPEN, fields=["due_at"], name="title_job_due")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=OPEN, fields=("conversation",), name="title_job_one_open"
                    )
                ],
            },
        ),
    ]

"""Why another model answered, and generations whose cost is still to be asked."""

from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models

import wisqu.api.ids


class Migration(migrations.Migration):
    dependencies = [("chat", "0006_index_of_words")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="routing_reason",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.CreateModel(
            name="OwedGeneration",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("generation_id", models.CharField(max_length=100, unique=True)),
                ("owner_id", models.UUIDField()),
                ("message_id", models.UUIDField()),
                (
                    "turn_id",
                    models.UUIDField(
                        blank=True,
                        help_text="The turn to settle with it; empty for a broken attempt, which is free.",
                        null=True,
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=200)),
                ("provider", models.CharField(blank=True, max_length=100)),
                (
                    "tokens",
                    models.PositiveIntegerField(
                        default=0, help_text="Charged where nobody ever tells better."
                    ),
                ),
                ("is_charged", models.BooleanField(default=False)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("due_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
        ),
    ]

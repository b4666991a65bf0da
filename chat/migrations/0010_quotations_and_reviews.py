import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import wisqu.api.ids

SCHOLARS = "Scholars"
# A scholar works on the queue and on guidance, and reads nothing else of the admin.
MAY = {"review": ("view", "change"), "guidance": ("view", "add", "change")}


def make_group(apps, schema_editor):
    """Make the group with its permissions, which Django itself would only make after the last migration."""
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=SCHOLARS)
    for model, verbs in MAY.items():
        kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="chat", model=model)
        for verb in verbs:
            permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                codename=f"{verb}_{model}", content_type=kind, defaults={"name": f"Can {verb} {model}"}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("chat", "0009_turn_attempts"),
    ]

    operations = [
        migrations.AddField("message", "quotations", models.JSONField(blank=True, default=list)),
        migrations.AddField("message", "references", models.JSONField(blank=True, default=list)),
        migrations.AddField("message", "repair", models.JSONField(blank=True, null=True)),
        migrations.AddField("message", "guidance", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("check", "A quotation or reference failed the check"),
                            ("reaction", "Its reader says that it is not correct"),
                        ],
                        max_length=8,
                    ),
                ),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("right", "The answer is right"),
                            ("wrong", "The answer is wrong"),
                            ("corrected", "The answer is corrected"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "correction",
                    models.TextField(
                        blank=True,
                        help_text="What the reader is told, by mail and beneath the answer.",
                        max_length=5000,
                    ),
                ),
                ("reviewed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("told_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("seen_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="review", to="chat.message"
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at"],
                "indexes": [
                    models.Index(condition=models.Q(("verdict", "")), fields=["-opened_at"], name="review_open"),
                    models.Index(
                        condition=models.Q(("told_at", None), ("verdict", "corrected")),
                        fields=["reviewed_at"],
                        name="review_untold",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Guidance",
            fields=[
                ("id", models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "questions",
                    models.TextField(
                        help_text="Questions that it is meant for, one a line, in the languages in which they are asked.",
                        max_length=4000,
                    ),
                ),
                (
                    "text",
                    models.TextField(help_text="What an answer to them has to take into account.", max_length=2000),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chat.review",
                    ),
                ),
            ],
            options={"verbose_name_plural": "guidance", "ordering": ["-created_at"]},
        ),
        migrations.RunPython(make_group, migrations.RunPython.noop),
    ]

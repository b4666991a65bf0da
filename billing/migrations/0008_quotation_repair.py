from django.db import migrations, models


def give_to_paying_plans(apps, schema_editor):
    """Plans that may ask advanced models have everything that costs a call more."""
    apps.get_model("billing", "PlanLimit").objects.filter(advanced_models=True).update(quotation_repair=True)


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_fees_of_tools")]

    operations = [
        migrations.AddField("planlimit", "quotation_repair", models.BooleanField(default=False)),
        migrations.AlterField(
            "ledgerentry",
            "kind",
            models.CharField(
                choices=[
                    ("chat", "Chat"),
                    ("repair", "Repair of a quotation"),
                    ("title", "Title"),
                    ("image", "Image"),
                    ("transcription", "Transcription"),
                    ("embedding", "Embedding"),
                    ("correction", "Correction"),
                ],
                max_length=13,
            ),
        ),
        migrations.RunPython(give_to_paying_plans, migrations.RunPython.noop),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_people_and_credentials")]

    operations = [
        migrations.AddField(
            "user",
            "tradition",
            models.CharField(
                choices=[
                    ("general", "General: all schools, side by side"),
                    ("sunni", "Sunni"),
                    ("sunni_hanafi", "Sunni, Hanafi school"),
                    ("sunni_maliki", "Sunni, Maliki school"),
                    ("sunni_shafii", "Sunni, Shafi'i school"),
                    ("sunni_hanbali", "Sunni, Hanbali school"),
                    ("shia", "Shia"),
                ],
                default="general",
                max_length=13,
            ),
        ),
        migrations.AddField("user", "allows_reviews", models.BooleanField(default=False)),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('presets', '0003_catalogue_follows_openrouter'),
    ]

    operations = [
        migrations.AddField(
            model_name='modelpreset',
            name='web_search_options',
            field=models.JSONField(blank=True, null=True),
        ),
    ]

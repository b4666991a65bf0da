from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0010_quotations_and_reviews'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='fees_usd',
            field=models.DecimalField(blank=True, decimal_places=12, max_digits=20, null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='web_searches',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]

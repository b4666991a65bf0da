from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0006_extra_quota'),
    ]

    operations = [
        migrations.AddField(
            model_name='ledgerentry',
            name='fees_usd',
            field=models.DecimalField(decimal_places=12, help_text='What tools of the server took of the cost.', max_digits=20, null=True),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='web_searches',
            field=models.BigIntegerField(null=True),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0013_checks_of_quotations'),
    ]

    operations = [
        migrations.AddField(
            model_name='owedgeneration',
            name='kind',
            field=models.CharField(db_default='chat', default='chat', help_text="The ledger's kind of entry.", max_length=20),
        ),
        migrations.AlterField(
            model_name='owedgeneration',
            name='message_id',
            field=models.UUIDField(help_text='What it was for: an answer, or the conversation that got a title.'),
        ),
    ]

import django.db.models.deletion
import django.utils.timezone
import wisqu.api.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0011_fees_of_tools'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('sha256', models.CharField(editable=False, help_text='Of the bytes as they were sent.', max_length=64)),
                ('name', models.CharField(max_length=200)),
                ('family', models.CharField(choices=[('pdf', 'Pdf'), ('text', 'Text'), ('image', 'Image'), ('audio', 'Audio')], max_length=5)),
                ('media_type', models.CharField(max_length=100)),
                ('size', models.PositiveBigIntegerField(help_text='Bytes, as it is kept.')),
                ('key', models.CharField(help_text='Where the file is kept.', max_length=200)),
                ('thumbnail_key', models.CharField(blank=True, max_length=200)),
                ('pages', models.PositiveIntegerField(blank=True, null=True)),
                ('width', models.PositiveIntegerField(blank=True, null=True)),
                ('height', models.PositiveIntegerField(blank=True, null=True)),
                ('duration_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('text', models.TextField(blank=True)),
                ('token_estimate', models.PositiveIntegerField(default=0, help_text='Of the text.')),
                ('unread_from', models.PositiveIntegerField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('uploaded_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('used_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='MessageAttachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
        ),
        migrations.CreateModel(
            name='ParsedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('annotation', models.JSONField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
        ),
        migrations.AddField(
            model_name='message',
            name='attached',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='attachment',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='messageattachment',
            name='attachment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='links', to='chat.attachment'),
        ),
        migrations.AddField(
            model_name='messageattachment',
            name='message',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachment_links', to='chat.message'),
        ),
        migrations.AddField(
            model_name='parsedfile',
            name='attachment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parsed', to='chat.attachment'),
        ),
        migrations.AddField(
            model_name='parsedfile',
            name='conversation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parsed_files', to='chat.conversation'),
        ),
        migrations.AddIndex(
            model_name='attachment',
            index=models.Index(fields=['owner', '-id'], name='attachment_newest'),
        ),
        migrations.AddIndex(
            model_name='attachment',
            index=models.Index(condition=models.Q(('unread_from__isnull', False)), fields=['uploaded_at'], name='attachment_unread'),
        ),
        migrations.AddConstraint(
            model_name='attachment',
            constraint=models.UniqueConstraint(fields=('owner', 'sha256'), name='attachment_kept_once'),
        ),
        migrations.AddConstraint(
            model_name='messageattachment',
            constraint=models.UniqueConstraint(fields=('message', 'attachment'), name='message_attachment_once'),
        ),
        migrations.AddConstraint(
            model_name='parsedfile',
            constraint=models.UniqueConstraint(fields=('conversation', 'attachment'), name='parsed_file_once'),
        ),
    ]

import django.db.models.deletion
import django.utils.timezone
import wisqu.api.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('presets', '0001_model_catalogue'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelPreset',
            fields=[
                ('id', models.UUIDField(default=wisqu.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('slug', models.CharField(max_length=80)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('system_prompt', models.TextField(blank=True, max_length=50000)),
                ('model', models.CharField(blank=True, max_length=200)),
                ('fallback_models', models.JSONField(blank=True, null=True)),
                ('routing_strategy', models.CharField(blank=True, choices=[('auto', 'Auto'), ('price', 'Price'), ('latency', 'Latency'), ('uptime', 'Uptime')], max_length=10)),
                ('temperature', models.FloatField(blank=True, null=True)),
                ('top_p', models.FloatField(blank=True, null=True)),
                ('max_tokens', models.PositiveIntegerField(blank=True, null=True)),
                ('web_search', models.BooleanField(default=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('shipped_version', models.PositiveIntegerField(editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='presets', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'preset',
            },
        ),
        migrations.CreateModel(
            name='DefaultPreset',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='default_preset', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('preset', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='presets.modelpreset')),
            ],
        ),
        migrations.AddConstraint(
            model_name='modelpreset',
            constraint=models.UniqueConstraint(fields=('owner', 'slug'), name='preset_slug_once_an_owner'),
        ),
        migrations.AddConstraint(
            model_name='modelpreset',
            constraint=models.UniqueConstraint(condition=models.Q(('owner', None)), fields=('slug',), name='preset_slug_once_published'),
        ),
    ]

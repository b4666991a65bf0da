"""The model catalogue (what can be asked for, what it can do and what it costs), and people's presets."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from presets.querysets import PresetQuerySet
from wisqu.api.ids import uuid7

PRICES = (
    "prompt",
    "completion",
    "input_cache_read",
    "input_cache_write",
    "input_cache_write_1h",
    "image_output",
    "request",
)


def _price(name: str) -> Any:
    return models.DecimalField(name, max_digits=20, decimal_places=12, null=True, blank=True)


class CatalogueModel(models.Model):
    """One model as OpenRouter lists it. Prices are USD per token, `price_request` USD per request.

    An empty price is an unknown one, never zero: a model without prompt and completion price is not offered.
    """

    class CacheMode(models.TextChoices):
        """How the model family caches prompts."""

        NONE = "none", _("Not at all")
        AUTOMATIC = "automatic", _("By itself")
        EXPLICIT = "explicit", _("Where marked")
        BOTH = "automatic+explicit", _("By itself, or where marked")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField("model id", max_length=200, unique=True)
    canonical_slug = models.CharField(
        max_length=200, blank=True, db_index=True, help_text="The dated name that answers come back with."
    )
    name = models.CharField(max_length=200)
    context_length = models.PositiveIntegerField(null=True, blank=True)
    max_completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    input_modalities = models.JSONField(default=list, blank=True)
    output_modalities = models.JSONField(default=list, blank=True)
    supported_parameters = models.JSONField(default=list, blank=True)

    price_prompt = _price("prompt")
    price_completion = _price("completion")
    price_input_cache_read = _price("cache read")
    price_input_cache_write = _price("cache write")
    price_input_cache_write_1h = _price("cache write, kept one hour")
    price_image_output = _price("image token")
    price_request = _price("request")
    overrides = models.JSONField(
        "dearer prices of long prompts",
        default=list,
        blank=True,
        help_text="A list of prices (as text) that hold above `min_prompt_tokens`.",
    )

    cache_mode = models.CharField(max_length=18, choices=CacheMode.choices, default=CacheMode.NONE)
    cache_min_tokens = models.PositiveIntegerField(null=True, blank=True)
    advanced = models.BooleanField(default=False, help_text="Needs a plan with advanced models.")
    is_listed = models.BooleanField(default=True, help_text="Off for a model that was retired.")
    successor = models.CharField(
        max_length=200, blank=True, help_text="The model id that answers for a retired one."
    )
    blocked_reason = models.CharField(
        max_length=200,
        blank=True,
        help_text="Why nobody may use it. Empty it to accept the price that OpenRouter lists, and unblock the model.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    # What `presets.sync` knows of it. Prices as OpenRouter last listed them, believable or not, and those that staff
    # have accepted although they were not: the same ones block no second time.
    offered_prices = models.JSONField("listed by OpenRouter", default=dict, blank=True, editable=False)
    accepted_prices = models.JSONField("accepted by staff", null=True, blank=True, editable=False)
    pinned = models.JSONField(
        "kept as staff set it",
        default=list,
        blank=True,
        editable=False,
        help_text="Fields that the daily look at OpenRouter leaves alone.",
    )
    seen_at = models.DateTimeField("last listed by OpenRouter", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "model"
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(**{f"price_{name}": None}) | Q(**{f"price_{name}__gte": 0}),
                name=f"model_{name}_not_negative",
            )
            for name in PRICES
        ]

    def __str__(self) -> str:
        return self.slug


class ModelPreset(models.Model):
    """A way to answer, under a name: instructions, model and settings.

    One without an owner belongs to the house: staff have published it, and everybody may use it. An empty field
    leaves the choice to the product's settings. `presets.keeping` makes and changes them.
    """

    class Strategy(models.TextChoices):
        """How providers are chosen; the values are those of a question's `routing_strategy`."""

        AUTO = "auto"
        PRICE = "price"
        LATENCY = "latency"
        UPTIME = "uptime"

    LONGEST_NAME = 100
    LONGEST_SLUG = 80
    LONGEST_DESCRIPTION = 300
    LONGEST_PROMPT = 50_000
    MOST_FALLBACKS = 8

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="presets"
    )
    name = models.CharField(max_length=LONGEST_NAME)
    slug = models.CharField(max_length=LONGEST_SLUG)
    description = models.CharField(max_length=LONGEST_DESCRIPTION, blank=True)
    system_prompt = models.TextField(max_length=LONGEST_PROMPT, blank=True)
    model = models.CharField(max_length=200, blank=True)
    fallback_models = models.JSONField(null=True, blank=True)
    routing_strategy = models.CharField(max_length=10, choices=Strategy.choices, blank=True)
    temperature = models.FloatField(null=True, blank=True)
    top_p = models.FloatField(null=True, blank=True)
    max_tokens = models.PositiveIntegerField(null=True, blank=True)
    web_search = models.BooleanField(default=False)
    # {max_results, allowed_domains, excluded_domains}, as `presets.searching` reads them.
    web_search_options = models.JSONField(null=True, blank=True)
    # Counts the changes of what decides an answer, so that an answer can say which state it was made with.
    version = models.PositiveIntegerField(default=1, editable=False)
    # Of the file that it was seeded from, as long as nobody has changed it: a newer file then replaces it.
    shipped_version = models.PositiveIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PresetQuerySet.as_manager()

    class Meta:
        verbose_name = "preset"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "slug"], name="preset_slug_once_an_owner"),
            models.UniqueConstraint(
                fields=["slug"], condition=Q(owner=None), name="preset_slug_once_published"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_public(self) -> bool:
        """Whether it is published: everybody may read and use it."""
        return self.owner_id is None


class DefaultPreset(models.Model):
    """The preset with which a person's new conversations begin."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="default_preset"
    )
    preset = models.ForeignKey(ModelPreset, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.preset_id}"

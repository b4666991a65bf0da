"""The model catalogue: what can be asked for, what it can do and what it costs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

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

        NONE = "none", "Not at all"
        AUTOMATIC = "automatic", "By itself"
        EXPLICIT = "explicit", "Where marked"
        BOTH = "automatic+explicit", "By itself, or where marked"

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
    blocked_reason = models.CharField(max_length=200, blank=True, help_text="Why nobody may use it.")
    updated_at = models.DateTimeField(auto_now=True)

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

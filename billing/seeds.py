"""The four plans as the product ships them; staff edit them afterwards in the admin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

FREE = "free"

_EVERYTHING = {
    "web_search": True,
    "image_generation": True,
    "pdf": True,
    "audio": True,
    "prompt_caching": True,
    "advanced_models": True,
    "quotation_repair": True,
}

PLANS: tuple[dict[str, Any], ...] = (
    {
        "slug": FREE,
        "name": "Free",
        "position": 1,
        "price_usd": Decimal(0),
        "messages": 100,
        "tokens": 100_000,
        "images": 5,
        "documents": 10,
        "audio_minutes": 5,
        "presets": 3,
        "max_context": 4_000,
        "requests_per_minute": 10,
        "web_search": True,
    },
    {
        "slug": "premium",
        "name": "Premium",
        "position": 2,
        "price_usd": Decimal("19.99"),
        "messages": 2_000,
        "tokens": 5_000_000,
        "images": 100,
        "documents": 500,
        "audio_minutes": 100,
        "presets": 20,
        "max_context": 200_000,
        "requests_per_minute": 60,
        **_EVERYTHING,
    },
    {
        "slug": "unlimited",
        "name": "Unlimited",
        "position": 3,
        "price_usd": Decimal("99.99"),
        "messages": 10_000,
        "tokens": 50_000_000,
        "images": 1_000,
        "documents": 5_000,
        "audio_minutes": 1_000,
        "presets": 100,
        "max_context": 1_000_000,
        "requests_per_minute": 120,
        "priority_support": True,
        **_EVERYTHING,
    },
    {
        "slug": "enterprise",
        "name": "Enterprise",
        "position": 4,
        "price_usd": Decimal("499.99"),
        "messages": 100_000,
        "tokens": 500_000_000,
        "images": 10_000,
        "documents": 50_000,
        "audio_minutes": 10_000,
        "presets": 500,
        "max_context": 1_000_000,
        "requests_per_minute": 600,
        "priority_support": True,
        **_EVERYTHING,
    },
)

"""The presets that a person may choose from, as the composer offers them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from presets import catalogue, choosing, shipped
from presets.models import ModelPreset
from presets.naming import shown_name

_NEEDED = ("id", "owner_id", "name", "slug", "model", "web_search", "web_search_options", "shipped_version")


@dataclass(frozen=True, slots=True)
class Offer:
    """One choice; the model is empty where the preset leaves it open."""

    id: uuid.UUID
    name: str
    model: str
    model_name: str
    searches_web: bool = False
    search_options: str = ""  # JSON, as a question has them; empty where the preset says nothing of it


@dataclass(frozen=True, slots=True)
class Picker:
    """What is offered, which of it holds (`kept`), and which is shown as chosen: the one wished for, if there is one.

    None where the product answers without a preset.
    """

    own: list[Offer]
    published: list[Offer]
    kept: uuid.UUID | None
    chosen: uuid.UUID | None


def picker(user_id: uuid.UUID, *, is_new: bool, preset_id: uuid.UUID | None = None, wish: str = "") -> Picker:
    """Return the choices for a new conversation, or for one that has this preset; two queries at most.

    `wish` is an id or a slug; one that means nothing to this person is no wish.
    """
    rows = ModelPreset.objects.usable_by(user_id).own_first()
    own, published = in_order(rows.only(*_NEEDED))
    known = {row.id for row in (*own, *published)}
    if is_new:
        default = choosing.default_of(user_id)
        preset_id = default.id if default else None
    if preset_id not in known:
        preset_id = next((row.id for row in published if row.slug == shipped.STANDING), None)
    wished = [row.id for row in (*own, *published) if wish and wish in (row.slug, str(row.id))]
    chosen = wished[0] if wished else preset_id
    return Picker([_offer(row) for row in own], [_offer(row) for row in published], preset_id, chosen)


def in_order(rows: Iterable[ModelPreset]) -> tuple[list[ModelPreset], list[ModelPreset]]:
    """Return a person's own and the published ones, the product's first and in their order."""
    places = {slug: place for place, slug in enumerate(shipped.ORDER)}
    found = list(rows)
    published = [row for row in found if row.is_public]
    published.sort(key=lambda row: places.get(row.slug, len(places)))
    return [row for row in found if not row.is_public], published


def _offer(row: ModelPreset) -> Offer:
    model = catalogue.get(row.model) if row.model else None
    options = json.dumps(row.web_search_options) if row.web_search_options else ""
    model_name = model.name if model else row.model
    return Offer(row.id, shown_name(row), row.model, model_name, row.web_search, options)

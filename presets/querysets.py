"""Filters of presets, under the names that the rest of the app uses."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from presets.models import ModelPreset  # noqa: F401 - named in strings


class PresetQuerySet(models.QuerySet["ModelPreset"]):
    """Presets of one owner, of the house, or both."""

    def for_owner(self, owner_id: uuid.UUID) -> PresetQuerySet:
        """Only this person's own."""
        return self.filter(owner_id=owner_id)

    def published(self) -> PresetQuerySet:
        """Those that everybody may use."""
        return self.filter(owner=None)

    def usable_by(self, user_id: uuid.UUID) -> PresetQuerySet:
        """A person's own and the published ones; everything else does not exist for them."""
        return self.filter(Q(owner_id=user_id) | Q(owner=None))

    def own_first(self) -> PresetQuerySet:
        """A person's own before those of the house, each by name."""
        return self.order_by(F("owner").asc(nulls_last=True), "name", "id")

"""Which preset is meant: by name or id, by a conversation, by a person's own default. Read on the way of a turn."""

from __future__ import annotations

import uuid

from presets.models import DefaultPreset, ModelPreset
from wisqu.api import rows
from wisqu.api.problems import NotFound


def find(*, user_id: uuid.UUID, reference: str) -> ModelPreset:
    """Return the preset of this id or slug that the person may use; an own one before one of the house.

    Raises NotFound.
    """
    known = as_id(reference)
    if known is not None:
        found = by_id(user_id=user_id, preset_id=known)
    else:
        found = ModelPreset.objects.usable_by(user_id).filter(slug=reference).own_first().first()
    if found is None:
        raise NotFound(detail="There is no such preset, or it is not yours.")
    return found


def by_id(*, user_id: uuid.UUID, preset_id: uuid.UUID) -> ModelPreset | None:
    """Return the preset if the person may use it: one of the house may have been withdrawn since."""
    found = rows.find(ModelPreset, id=preset_id)
    return found if found is not None and found.owner_id in (None, user_id) else None


def default_of(user_id: uuid.UUID) -> ModelPreset | None:
    """Return the preset with which the person's new conversations begin, where they have chosen one."""
    found = rows.find(DefaultPreset, related="preset", user_id=user_id)
    return found.preset if found is not None and found.preset.owner_id in (None, user_id) else None


def as_id(text: str) -> uuid.UUID | None:
    """Return the id that the text is, or None."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

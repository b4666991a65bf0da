"""Presets as a file, out and in; and what a person takes along of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from presets.keeping import make, portable
from presets.models import DefaultPreset, ModelPreset
from wisqu.accounts.models import User
from wisqu.api.problems import FieldError, Problem

MOST_AT_ONCE = 100


def as_file(presets: Iterable[ModelPreset]) -> dict[str, Any]:
    """Return the presets as a document that can be imported."""
    return {
        "format": "wisqu.presets",
        "version": 1,
        "presets": [{"slug": preset.slug} | portable(preset) for preset in presets],
    }


@transaction.atomic
def take_in(*, owner_id: uuid.UUID, entries: Sequence[dict[str, Any]]) -> list[ModelPreset]:
    """Make all of these, or none. A slug that is taken is made anew from the name.

    Raises what `keeping.make` does, with the place of the entry in the name of each field.
    """
    taken = set(ModelPreset.objects.for_owner(owner_id).values_list("slug", flat=True))
    made = []
    for place, entry in enumerate(entries):
        values = entry if entry.get("slug") not in taken else {**entry, "slug": ""}
        try:
            preset = make(owner_id=owner_id, values=values)
        except Problem as problem:
            problem.errors = [
                FieldError(f"presets.{place}.{error.field}", error.code, error.detail)
                for error in problem.errors
            ]
            raise
        taken.add(preset.slug)
        made.append(preset)
    return made


def presets_of(user: User) -> dict[str, Any]:
    """Return the user's presets, oldest first, and which one new conversations begin with."""
    rows = list(ModelPreset.objects.for_owner(user.pk).order_by("id"))
    chosen = DefaultPreset.objects.filter(user=user).first()
    facts = [
        {"id": row.id, "version": row.version, "created_at": row.created_at, "updated_at": row.updated_at}
        for row in rows
    ]
    own = [fact | entry for fact, entry in zip(facts, as_file(rows)["presets"], strict=True)]
    return {"own": own, "default": chosen.preset_id if chosen else None}

"""Throwing images away, and taking that back."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from imagery import closing
from imagery.models import GeneratedImage
from imagery.reasons import CANCELED
from wisqu.api.problems import NotFound


def throw_away(*, owner_id: uuid.UUID, image_id: uuid.UUID) -> None:
    """Hide an image from everything; one that was not begun is not made. For five minutes it can be brought back.

    Raises NotFound.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = GeneratedImage.objects.for_owner(owner_id).filter(id=image_id)
        if not rows.update(deleted_at=now, updated_at=now):
            raise NotFound
        image = GeneratedImage.objects.get(id=image_id)
        if image.status == GeneratedImage.Status.QUEUED:
            closing.give_up(image, CANCELED)


def take_back(*, owner_id: uuid.UUID, image_id: uuid.UUID) -> GeneratedImage:
    """Bring an image back that was thrown away in the last five minutes, and return it. Raises NotFound."""
    now = timezone.now()
    rows = GeneratedImage.objects.filter(
        owner_id=owner_id, id=image_id, deleted_at__gt=now - GeneratedImage.UNDO_FOR
    )
    if not rows.update(deleted_at=None, updated_at=now):
        raise NotFound
    return GeneratedImage.objects.get(id=image_id)

"""What a person takes along of images, and what goes with an account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from imagery.documents import image_document
from imagery.models import GeneratedImage
from wisqu.accounts.models import User
from wisqu.files import storage


def images_of(user: User) -> list[dict[str, Any]]:
    """Return the user's images, oldest first, each with the address of its file; one query."""
    rows = GeneratedImage.objects.for_owner(user.pk).order_by("id")
    return [image_document(image) for image in rows.iterator(chunk_size=500)]


def files_of(user: User) -> Iterator[tuple[str, str]]:
    """Yield the name of each picture and the key it is kept under."""
    rows = GeneratedImage.objects.for_owner(user.pk).exclude(key="").order_by("id")
    for image_id, key in rows.values_list("id", "key").iterator():
        yield f"{image_id}.{key.rpartition('.')[2]}", key


def forget_files(user: User) -> None:
    """Delete the files of an account that is about to be erased; the rows go with it."""
    rows = GeneratedImage.objects.filter(owner_id=user.pk)
    with transaction.atomic():
        keys = [key for row in rows.values_list("key", "thumbnail_key", "input_key") for key in row if key]
        storage.delete_on_commit(*keys)

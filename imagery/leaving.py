"""What a person takes along of images, and the files that go when a row goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from imagery.documents import image_document
from imagery.models import GeneratedImage
from wisqu.accounts.models import User
from wisqu.files import storage


def images_of(user: User) -> list[dict[str, Any]]:
    """Return the user's images, oldest first, each with the address of its file; one query."""
    rows = GeneratedImage.objects.for_owner(user.pk).order_by("id")
    return [image_document(image) for image in rows.iterator(chunk_size=500)]


def files_of(user: User) -> Iterator[tuple[str, str]]:
    """Yield the name that each of the user's images has in the archive, and the key it is kept under."""
    rows = GeneratedImage.objects.for_owner(user.pk).exclude(key="").order_by("id")
    for image_id, key in rows.values_list("id", "key").iterator():
        yield f"{image_id}.{key.rpartition('.')[2]}", key


def watch() -> None:
    """Delete files with their row, however that goes: by itself, or with everything of an erased account."""
    post_delete.connect(_row_deleted, sender=GeneratedImage, dispatch_uid="image files")


def _row_deleted(instance: GeneratedImage, **kwargs: Any) -> None:
    storage.delete_on_commit(instance.key, instance.thumbnail_key)
    if instance.input_key:
        transaction.on_commit(lambda: _forget_input(instance.input_key))


def _forget_input(key: str) -> None:
    """Delete a picture that images were started from once it was the last of them."""
    if not GeneratedImage.objects.filter(input_key=key).exists():
        storage.delete(key)

"""Images in the words of the API's document; `documents.image_document` makes the values."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from imagery.documents import image_document
from imagery.models import GeneratedImage


class ImageSerializer(serializers.BaseSerializer[GeneratedImage]):
    """One image, read only."""

    def to_representation(self, instance: GeneratedImage) -> dict[str, Any]:
        """Return the document."""
        return image_document(instance)

"""An image as the outside sees it: over HTTP, over the socket and on the page."""

from __future__ import annotations

from typing import Any

import msgspec

from imagery.models import GeneratedImage
from imagery.reasons import RETRYABLE
from wisqu.api.bodies import encode_json

_TOLD = ("id", "batch_id", "status", "prompt", "model", "seed", "conversation_id", "after_message_id",
         "created_at", "started_at", "ended_at", "width", "height", "size")  # fmt: skip


def image_document(image: GeneratedImage) -> dict[str, Any]:
    """Return the image's facts; addresses only where there is a file."""
    address = f"/api/v1/images/{image.id}/file" if image.key else None
    error = None
    if image.status == GeneratedImage.Status.FAILED:
        is_retryable = image.error_code in RETRYABLE
        error = {"code": image.error_code, "detail": image.error_detail, "retryable": is_retryable}
    return {
        **{name: getattr(image, name) for name in _TOLD},
        "aspect_ratio": image.aspect_ratio or None,
        "input_image": image.input_id,
        "has_input": bool(image.input_key),
        "media_type": image.media_type or None,
        "url": address,
        "thumbnail_url": f"{address}?size=thumbnail" if address else None,
        "cost_usd": image.cost_usd,
        "generation_id": image.generation_id or None,
        "final_model_used": image.final_model or None,
        "error": error,
    }


def plain_document(image: GeneratedImage) -> Any:
    """Return the document in values that plain JSON knows, as a script reads it from the API."""
    return msgspec.json.decode(encode_json(image_document(image)))

"""The doors to making images: jobs, waited for as long as the asker likes. What is there is served by `viewsets`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Header, Router, Schema
from pydantic import AfterValidator, ConfigDict, Field

from imagery import wishes
from imagery.documents import image_document
from imagery.models import LONGEST_PROMPT, GeneratedImage
from imagery.wishes import LARGEST_SEED, MOST_AT_ONCE, Wish
from wisqu.api import idempotency
from wisqu.api.bodies import encode_json
from wisqu.api.shapes import StrictShape
from wisqu.api.threads import in_thread
from wisqu.api.waiting import seconds_to_wait

router = Router(tags=["images"])

_LOOK_EVERY_S = 0.25
# A data: URL of what one request may hold.
_LONGEST_INPUT = 2 * 1024 * 1024


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("Say what the image is to show.")
    return text.strip()


class GenerateInput(StrictShape):
    """A wish for images. Without a model the first one that the plan may use makes them."""

    model_config = ConfigDict(strict=True)

    prompt: Annotated[str, Field(max_length=LONGEST_PROMPT), AfterValidator(_not_blank)]
    model: Annotated[str, Field(max_length=200)] | None = None
    aspect_ratio: (
        Annotated[str, Field(max_length=5, description="Such as 16:9; each model has its own.")] | None
    ) = None
    n: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = 1
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None
    input_image: (
        Annotated[
            str,
            Field(
                max_length=_LONGEST_INPUT,
                description="A picture to start from: the id of an image or attachment of yours, or a data: URL.",
            ),
        ]
        | None
    ) = None
    conversation_id: Annotated[uuid.UUID, Field(strict=False)] | None = None
    after_message_id: Annotated[uuid.UUID, Field(strict=False)] | None = None

    def wish(self) -> Wish:
        """Return the wish in the words of the app."""
        return Wish(
            prompt=self.prompt,
            model=self.model or "",
            aspect_ratio=self.aspect_ratio or "",
            n=self.n,
            seed=self.seed,
            input_image=self.input_image or "",
            conversation_id=self.conversation_id,
            after_message_id=self.after_message_id,
        )


class ImageError(Schema):
    """Why an image could not be made. `retryable`: the same wish may well succeed a moment later."""

    code: str
    detail: str
    retryable: bool


class Image(Schema):
    """An image, or the job that makes it. Addresses and sizes are null until it is done."""

    id: uuid.UUID
    batch_id: uuid.UUID
    status: Literal["queued", "running", "done", "failed"]
    prompt: str
    model: str
    final_model_used: str | None
    aspect_ratio: str | None
    seed: int | None
    input_image: uuid.UUID | None
    has_input: bool
    conversation_id: uuid.UUID | None
    after_message_id: uuid.UUID | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    media_type: str | None
    width: int | None
    height: int | None
    size: int | None
    url: str | None
    thumbnail_url: str | None
    cost_usd: Decimal | None
    generation_id: str | None
    error: ImageError | None


class ImageBatch(Image):
    """The first of the images that were wished for; `images` are all of them, it included."""

    images: list[Image]


_Prefer = Annotated[str | None, Header(alias="Prefer")]
_Key = Annotated[str | None, Header(alias="Idempotency-Key")]


@router.post("/images/generate", response={201: ImageBatch, 202: ImageBatch}, summary="Make images")
async def generate(
    request: HttpRequest, body: GenerateInput, prefer: _Prefer = None, idempotency_key: _Key = None
) -> HttpResponse:
    """Have one to four images made.

    It is done by a job: 202, or with `Prefer: wait=N` 201 when all of them have ended within N (at most 60) seconds.
    Each image counts one when it is done; one that fails costs nothing and says why in `error`.
    """
    return await _answer(request, wishes.request, prefer, idempotency_key, body, wish=body.wish())


@router.post(
    "/images/{uuid:image_id}/regenerate",
    response={201: ImageBatch, 202: ImageBatch},
    summary="Make an image again",
)
async def regenerate(
    request: HttpRequest, image_id: uuid.UUID, prefer: _Prefer = None, idempotency_key: _Key = None
) -> HttpResponse:
    """Have another image made of the same wish; the first one stays."""
    return await _answer(request, wishes.again, prefer, idempotency_key, None, image_id=image_id)


async def _answer(
    request: HttpRequest,
    verb: Callable[..., list[GeneratedImage]],
    prefer: str | None,
    idempotency_key: str | None,
    body: GenerateInput | None,
    **options: Any,
) -> HttpResponse:
    """Call the verb, wait if it is wished, and tell what there is."""
    owner_id: uuid.UUID = request.auth[0].pk  # type: ignore[attr-defined]
    key = idempotency.read_key(idempotency_key)
    told = body.model_dump(mode="json", exclude_unset=True) if body else None
    mark = "" if key is None else idempotency.fingerprint("POST", request.path, told)
    images = await in_thread(verb, owner_id=owner_id, key=key, mark=mark, **options)
    wait = seconds_to_wait(prefer)
    if wait:
        images = await _ended(owner_id, images, within=wait)
    documents = [image_document(image) for image in images]
    is_over = not any(image.is_open for image in images)
    answer = HttpResponse(
        encode_json({**documents[0], "images": documents}),
        status=201 if is_over else 202,
        content_type="application/json",
    )
    answer["Location"] = f"/api/v1/images/{images[0].id}"
    if wait:
        answer["Preference-Applied"] = f"wait={wait}"
    return answer


async def _ended(owner_id: uuid.UUID, images: list[GeneratedImage], *, within: int) -> list[GeneratedImage]:
    """Return the images once all have ended, or as they are when the time is over."""
    until = time.monotonic() + within
    while True:
        images = await in_thread(wishes.batch, owner_id=owner_id, batch_id=images[0].batch_id)
        if not any(image.is_open for image in images) or time.monotonic() >= until:
            return images
        await asyncio.sleep(_LOOK_EVERY_S)

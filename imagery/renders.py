"""Making images: the worker's part. The row says what is to be done; conditional updates say who does it.

A row is claimed before anything happens, and marked as asked before anything is sent to OpenRouter. It is asked once:
whoever finds a row that a dead worker left does it again only if it was not asked yet. While it is made, a sign of life
is written every few seconds; `imagery.sweeping` looks for rows without one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from imagery import closing, inputs, palette
from imagery.closing import Outcome
from imagery.models import GeneratedImage
from imagery.reasons import BAD_IMAGE, NOT_KEPT, REFUSED, UNKNOWN, Reason
from presets.upstream import make_client, pseudonym
from wisqu.api.threads import at_last, drop_broken
from wisqu.files import storage
from wisqu.media import worker
from wisqu.media.refusals import FileRefused
from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.errors import ContentRefused, OpenRouterError
from wisqu.openrouter.images import ImageReply, ImageRequest, NoImage, image_traits
from wisqu.openrouter.painting import paint

log = logging.getLogger(__name__)

TASK = "imagery.tasks.make_image"
# A model that takes longer has failed: people have gone, and whoever waits for the job is promised an end.
ASK_WITHIN_S = 70.0
SIGN_EVERY_S = 4.0
# Of the worker's places, so that other jobs always find one. Images mostly wait for the network.
AT_ONCE = 3
# A job that makes what waits ends after this time, and another one goes on.
WORK_FOR_S = 240.0
# Models send up to some 30 MB of pixels; decoding and writing those anew takes this.
LIMITS = worker.Limits(memory=768 * 1024 * 1024, cpu_s=20.0, clock_s=25.0)

# Set once the worker was told to end: what is begun is finished, and nothing else is begun.
ending = threading.Event()
_places = threading.BoundedSemaphore(AT_ONCE)


@dataclass(slots=True)
class TakenOver(Exception):
    """The row is somebody else's by now: there is nothing left to do."""


def work(image_id: uuid.UUID) -> int:
    """Make this image and then those that wait, and return how many; 0 where enough are being made already."""
    if not _places.acquire(blocking=False):
        return 0  # the row waits; whoever is done first takes it
    try:
        until, made = time.monotonic() + WORK_FOR_S, 0
        following: uuid.UUID | None = image_id
        while following is not None and time.monotonic() < until and not ending.is_set():
            made += render(following)
            following = waiting().values_list("id", flat=True).first()
        return made
    finally:
        _places.release()


def waiting() -> QuerySet[GeneratedImage]:
    """Return the images that wait: first those of people for whom few are being made, then the oldest."""
    running = GeneratedImage.objects.filter(
        owner_id=OuterRef("owner_id"), status=GeneratedImage.Status.RUNNING
    )
    count = running.order_by().values("owner_id").annotate(count=Count("id")).values("count")
    rows = GeneratedImage.objects.filter(status=GeneratedImage.Status.QUEUED, deleted_at=None)
    busy = Coalesce(Subquery(count, output_field=IntegerField()), 0)
    return rows.annotate(busy=busy).order_by("busy", "id")


def render(image_id: uuid.UUID) -> bool:
    """Make one image unless it is done, being made, or not wanted any more; True when there is one now."""
    image = _claim(image_id)
    if image is None:
        return False
    try:
        outcome = async_to_sync(_make)(image)
    except TakenOver:
        return False
    except DatabaseError:
        raise  # nothing can be written; the row is swept
    except Exception:
        log.exception("an image could not be made", extra={"image_id": str(image_id)})
        outcome = Outcome.failed(UNKNOWN, generation_id=image.generation_id)
    return at_last(closing.close, image, outcome)


def _claim(image_id: uuid.UUID) -> GeneratedImage | None:
    now = timezone.now()
    rows = GeneratedImage.objects.filter(id=image_id, status=GeneratedImage.Status.QUEUED, deleted_at=None)
    claimed = rows.update(
        status=GeneratedImage.Status.RUNNING,
        started_at=now,
        heartbeat_at=now,
        updated_at=now,
        tries=F("tries") + 1,
    )
    return GeneratedImage.objects.filter(id=image_id).first() if claimed else None


async def _make(image: GeneratedImage) -> Outcome:
    client = make_client()
    try:
        async with _alive(image):
            request = await sync_to_async(_request)(image)
            await client.connect()  # takes a second the first time; whoever dies meanwhile has not asked
            await sync_to_async(at_last)(_mark_asked, image)
            reply = await _ask(image, client, request)
            return reply if isinstance(reply, Outcome) else await _keep(reply)
    finally:
        await client.close()


def _request(image: GeneratedImage) -> ImageRequest:
    painter = palette.painter_for(image.model)
    return ImageRequest(
        model=image.model,
        prompt=image.prompt,
        way=painter.traits.way if painter else image_traits(image.model).way,
        aspect_ratio=image.aspect_ratio,
        seed=image.seed,
        inputs=(inputs.as_url(image.input_key),) if image.input_key else (),
        user=pseudonym(image.owner_id) if settings.TRACK_USER_IDS else None,
        only_images=bool(painter and painter.only_images),
    )


def _mine(image: GeneratedImage) -> QuerySet[GeneratedImage]:
    """The row, as long as it is ours: whoever takes it over counts another try."""
    return GeneratedImage.objects.filter(id=image.id, status=GeneratedImage.Status.RUNNING, tries=image.tries)


def _mark_asked(image: GeneratedImage) -> None:
    if not _mine(image).filter(asked_at=None).update(asked_at=timezone.now()):
        raise TakenOver


async def _sign(image: GeneratedImage) -> bool:
    """Show that the image is being made, and by which generation; False once it is somebody else's.

    A database that is away for a moment ends no work: the next sign may get through, and the end waits for it.
    """
    try:
        signed = sync_to_async(_mine(image).update)
        return bool(await signed(heartbeat_at=timezone.now(), generation_id=image.generation_id))
    except DatabaseError:
        await sync_to_async(drop_broken)()
        return True


async def _ask(image: GeneratedImage, client: OpenRouter, request: ImageRequest) -> ImageReply | Outcome:
    """Ask OpenRouter, and note the generation's id as soon as it is known: what it costs can be asked by it."""
    begun = ""

    async def note(generation_id: str) -> None:
        nonlocal begun
        begun = image.generation_id = generation_id[:100]
        await _sign(image)

    try:
        return await paint(client, request, within_s=ASK_WITHIN_S, on_begin=note)
    except ContentRefused:
        return Outcome.failed(REFUSED, generation_id=begun)
    except NoImage as error:
        return Outcome.failed(Reason(error.code, error.detail), generation_id=begun, reply=error.reply)
    except OpenRouterError as error:
        log.info("an image could not be made", extra={"code": error.code, "image_id": str(image.id)})
        return Outcome.failed(Reason(error.code, error.detail), generation_id=begun)


async def _keep(reply: ImageReply) -> Outcome:
    """Decode what the model sent where that can do no harm, and store what is left of it."""
    try:
        picture = await asyncio.to_thread(worker.run, "pictures:clean", reply.image, limits=LIMITS)
    except FileRefused as refused:
        log.warning("a model sent no picture", extra={"why": refused.why})
        return Outcome.failed(BAD_IMAGE, reply=reply)
    try:
        return await asyncio.to_thread(_store, picture, reply)
    except Exception:  # whatever a storage raises
        log.exception("an image could not be stored")
        return Outcome.failed(NOT_KEPT, reply=reply)


def _store(picture: dict[str, object], reply: ImageReply) -> Outcome:
    data, thumbnail = picture["data"], picture["thumbnail"]
    assert isinstance(data, bytes)
    assert isinstance(thumbnail, bytes)
    media_type = str(picture["media_type"])
    ending = media_type.removeprefix("image/").replace("jpeg", "jpg")
    return Outcome(
        reply=reply,
        key=storage.save(folder=inputs.FOLDER, ending=ending, data=data),
        thumbnail_key=storage.save(folder=inputs.FOLDER, ending="webp", data=thumbnail),
        media_type=media_type,
        width=int(str(picture["width"])),
        height=int(str(picture["height"])),
        size=len(data),
    )


@contextlib.asynccontextmanager
async def _alive(image: GeneratedImage) -> AsyncIterator[None]:
    """Write a sign of life every few seconds; a row that was taken over ends the work."""
    worker_task = asyncio.current_task()
    assert worker_task is not None
    lost = False

    async def show() -> None:
        nonlocal lost
        while True:
            await asyncio.sleep(SIGN_EVERY_S)
            if not await _sign(image):
                lost = True
                worker_task.cancel()
                return

    signs = asyncio.create_task(show())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise TakenOver from None
        raise
    finally:
        signs.cancel()

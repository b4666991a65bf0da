"""What is left of dead processes: images that nobody makes, costs that nobody told, files that no row knows.

The worker's clock looks, and so does every web process: the one that died may be the one that looks. However a process
ends, an image that it was making has ended, or is made by another one, within `DEAD_AFTER` and a few seconds.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from billing.models import LedgerEntry
from billing.quota import EntryFacts
from imagery import closing, renders
from imagery.inputs import FOLDER
from imagery.models import GeneratedImage
from imagery.reasons import INTERRUPTED, NO_WORKER
from presets.upstream import make_client
from wisqu.api import jobs
from wisqu.api.threads import in_thread
from wisqu.api.vigil import AHEAD, Vigil
from wisqu.files import storage
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.types import Generation

log = logging.getLogger(__name__)

INTERVAL_S = 5.0
# Signs of life come every four seconds.
DEAD_AFTER = timedelta(seconds=30)
# A row is left to the job that was sent with it for this long before another one is sent.
OVERDUE = timedelta(seconds=5)
# Nobody began anything for this long: there is no worker. With `DEAD_AFTER` before it that is less than two minutes.
NOBODY_AFTER = timedelta(seconds=75)
MOST_TRIES = 3
_MOST_AT_ONCE = 50
_vigil = Vigil(for_s=9.0)


async def keep_sweeping() -> None:
    """Look for what was left behind as long as the process lives; a few small queries each time."""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await in_thread(sweep)
        except DatabaseError:
            log.warning("abandoned images could not be looked for")


def sweep(vigil: Vigil = _vigil) -> int:
    """End or send again what nobody makes; return how many rows were ended."""
    now = timezone.now()
    silent, forsaken = _silent(now), _forsaken(now)
    dead = vigil.dead(
        {image.id: image.heartbeat_at or image.updated_at for image in silent}
        | {image.id: image.updated_at for image in forsaken}
    )
    ended = sum(_rescue(image) for image in silent if image.id in dead)
    ended += sum(closing.give_up(image, NO_WORKER) for image in forsaken if image.id in dead)
    for image_id in (
        renders.waiting().filter(updated_at__lt=now - OVERDUE).values_list("id", flat=True)[: renders.AT_ONCE]
    ):
        jobs.send(renders.TASK, str(image_id))
    return ended


def _silent(now: datetime) -> list[GeneratedImage]:
    return list(GeneratedImage.objects.silent(since=now - DEAD_AFTER, until=now + AHEAD)[:_MOST_AT_ONCE])


def _rescue(image: GeneratedImage) -> bool:
    """Queue a row again that was not asked for yet; end any other. True when it was ended."""
    if image.asked_at is not None or image.tries >= MOST_TRIES:
        is_ended = closing.give_up(image, INTERRUPTED)
        if is_ended:
            log.warning("ended an abandoned image", extra={"image_id": str(image.id)})
        return is_ended
    rows = GeneratedImage.objects.filter(
        id=image.id, status=image.status, tries=image.tries, asked_at=None, heartbeat_at=image.heartbeat_at
    )
    if rows.update(status=GeneratedImage.Status.QUEUED, updated_at=timezone.now()):
        jobs.send(renders.TASK, str(image.id))
    return False


def _forsaken(now: datetime) -> list[GeneratedImage]:
    """Return what has waited too long while nobody made anything; a long queue that moves is no reason."""
    since = now - NOBODY_AFTER
    rows = GeneratedImage.objects.filter(status=GeneratedImage.Status.QUEUED, updated_at__lt=since)
    waited = list(rows.order_by("id")[:_MOST_AT_ONCE])
    if not waited or GeneratedImage.objects.filter(updated_at__gt=since, started_at__gt=since).exists():
        return []
    return waited


# --- Costs ----------------------------------------------------------------------------------------


def pay_owed() -> int:
    """Ask OpenRouter what broken generations cost and book it; return how many were done with."""
    now = timezone.now()
    rows = GeneratedImage.objects.filter(~Q(owed_until=None)).order_by("owed_until")[:_MOST_AT_ONCE]
    return sum(_pay(image, now) for image in rows)


def _pay(image: GeneratedImage, now: datetime) -> bool:
    found = async_to_sync(_look_up)(image.generation_id)
    assert image.owed_until is not None
    if found is None and image.owed_until > now:
        return False
    with transaction.atomic():
        mine = GeneratedImage.objects.filter(id=image.id, owed_until=image.owed_until)
        if not mine.update(owed_until=None, cost_usd=found.cost_usd if found else None):
            return False
        closing.book(image, _facts(image, found))
    return True


async def _look_up(generation_id: str) -> Generation | None:
    client = make_client()
    try:
        return await client.generation(generation_id)
    except OpenRouterError as error:
        log.warning("generation look-up failed", extra={"code": error.code})
        return None
    finally:
        await client.close()


def _facts(image: GeneratedImage, found: Generation | None) -> EntryFacts:
    source = LedgerEntry.CostSource.LOOKUP if found and found.cost_usd is not None else None
    return EntryFacts(
        kind=LedgerEntry.Kind.IMAGE,
        reference=image.id,
        generation_id=image.generation_id,
        model=(found.model if found else None) or image.model,
        provider=(found.provider if found else None) or "",
        prompt_tokens=(found.prompt_tokens if found else None) or 0,
        completion_tokens=(found.completion_tokens if found else None) or 0,
        cost_usd=found.cost_usd if found else None,
        cost_source=source or LedgerEntry.CostSource.UNKNOWN,
    )


# --- Rows and files -------------------------------------------------------------------------------


def clear_out() -> int:
    """Delete for good what was thrown away, with its files; return how many images."""
    before = timezone.now() - GeneratedImage.UNDO_FOR
    rows = GeneratedImage.objects.filter(deleted_at__lt=before).exclude(status__in=GeneratedImage.OPEN)
    ids = list(rows.filter(owed_until=None).values_list("id", flat=True)[:500])
    # Asked again: somebody may just have taken one back.
    deleted, _ = GeneratedImage.objects.filter(id__in=ids, deleted_at__lt=before).delete()
    return deleted


def sweep_files() -> int:
    """Delete files that no row knows; return how many."""
    return storage.sweep(FOLDER, known=_known)


def _known(keys: list[str]) -> list[str]:
    rows = GeneratedImage.objects.filter(
        Q(key__in=keys) | Q(thumbnail_key__in=keys) | Q(input_key__in=keys)
    ).values_list("key", "thumbnail_key", "input_key")
    return [key for row in rows for key in row]

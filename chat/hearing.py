"""Recordings: measured, counted by the second, and put into words where nobody else can hear them.

A recording that is sent to be transcribed is held, asked for, and settled or released. One that is attached counts when
it is kept (`chat.attaching`); its words are asked for once, when a question goes to a model that can't hear.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from billing import quota
from billing.amounts import NOTHING, Amounts
from billing.models import Feature, LedgerEntry
from billing.plans import require_feature, subscription_for
from chat.attaching import problem_of
from chat.enclosing import Unheard
from chat.errors import UpstreamFailed
from chat.models import Attachment
from chat.sounds import Sound, measure
from chat.upstream import client, pseudonym
from presets.tokens import estimate
from wisqu.api.ids import uuid7
from wisqu.api.problems import Problem
from wisqu.api.threads import in_thread
from wisqu.files import storage
from wisqu.media import sniffing
from wisqu.media.refusals import FileRefused, Why
from wisqu.openrouter.errors import OpenRouterError
from wisqu.openrouter.transcription import Recording, Transcription, transcribe

log = logging.getLogger(__name__)

# What OpenRouter takes in one request.
MOST_BYTES = 25_000_000
# Longer than a recording may take to be read and transcribed; a hold that is older belongs to a process that died.
_HOLD_LIFETIME = timedelta(minutes=5)
_NO_WORDS = "[No words could be heard in this recording.]"
_NOT_TRANSCRIBED = "[This recording could not be transcribed.]"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in a recording, and what it took. `id` is the hold's key."""

    id: uuid.UUID
    text: str
    sound: Sound
    model: str
    cost_usd: Decimal | None


# --- Transcribing -----------------------------------------------------------------------------------------------


async def put_into_words(
    owner_id: uuid.UUID, data: bytes, *, name: str, declared: str, language: str = "", prompt: str = ""
) -> Heard:
    """Return what a recording says; its seconds are counted once, or not at all where that fails.

    Raises Problem: 403 without the plan's feature, 413 and 422 for what is no recording, QuotaExceeded, and what
    stands for the failure of the model.
    """
    await in_thread(_require_audio, owner_id)
    try:
        sniffing.sniff(data, name=name, declared=declared)
        sound = await asyncio.to_thread(measure, data)
    except FileRefused as refused:
        raise problem_of(refused) from refused
    key = uuid7()
    await in_thread(_hold, owner_id, key, sound)
    try:
        said = await _ask(owner_id, sound, name=name, language=language, prompt=prompt)
    except BaseException as error:
        await in_thread(_release, key)
        if isinstance(error, OpenRouterError):
            raise UpstreamFailed(error) from error
        raise
    await in_thread(_settle, key, sound, said)
    cost = said.usage.cost_usd if said.usage else None
    return Heard(key, said.text, sound, settings.TRANSCRIPTION_MODEL, cost)


def _require_audio(owner_id: uuid.UUID) -> None:
    require_feature(subscription_for(owner_id).plan, Feature.AUDIO)


async def _ask(
    owner_id: uuid.UUID, sound: Sound, *, name: str = "", language: str = "", prompt: str = ""
) -> Transcription:
    return await transcribe(
        client(),
        Recording(sound.data, sound.kind.ending, name),
        model=settings.TRANSCRIPTION_MODEL,
        language=language,
        prompt=prompt,
        user=pseudonym(owner_id) if settings.TRACK_USER_IDS else None,
    )


@transaction.atomic
def _hold(owner_id: uuid.UUID, key: uuid.UUID, sound: Sound) -> None:
    amounts = Amounts(audio_seconds=sound.seconds)
    quota.reserve(user_id=owner_id, amounts=amounts, key=key, lifetime=_HOLD_LIFETIME)


@transaction.atomic
def _release(key: uuid.UUID) -> None:
    quota.release(key=key)


@transaction.atomic
def _settle(key: uuid.UUID, sound: Sound, said: Transcription) -> None:
    quota.settle(key=key, charge=Amounts(audio_seconds=sound.seconds), entry=_entry(said, reference=key))


def _entry(said: Transcription, *, reference: uuid.UUID) -> quota.EntryFacts:
    usage = said.usage
    has_cost = usage is not None and usage.cost_usd is not None
    return quota.EntryFacts(
        kind=LedgerEntry.Kind.TRANSCRIPTION,
        reference=reference,
        generation_id=said.generation_id,
        model=settings.TRANSCRIPTION_MODEL,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        cost_usd=usage.cost_usd if usage else None,
        cost_source=LedgerEntry.CostSource.UPSTREAM if has_cost else LedgerEntry.CostSource.UNKNOWN,
    )


# --- Attached recordings ----------------------------------------------------------------------------------------


async def heard_first(opening: Callable[[], T]) -> T:
    """Open a turn; what is attached and its model can't hear is put into words before. Raises what opening raises."""
    try:
        return await in_thread(opening)
    except Unheard as unheard:
        await asyncio.gather(*(_listen_once(each) for each in unheard.recordings))
    return await in_thread(opening)


_listening: dict[uuid.UUID, asyncio.Task[None]] = {}


async def _listen_once(recording: Attachment) -> None:
    """Join whoever listens to it already: two tabs, or a question asked again."""
    task = _listening.get(recording.id)
    if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
        task = _listening[recording.id] = asyncio.create_task(_listen(recording))
        task.add_done_callback(lambda _done: _listening.pop(recording.id, None))
    await asyncio.shield(task)


async def _listen(recording: Attachment) -> None:
    """Put an attached recording into words. Its seconds were counted when it came."""
    try:
        data = await asyncio.to_thread(storage.read, recording.key)
        kind = next(each for each in sniffing.RECORDINGS if each.media_type == recording.media_type)
        sound = Sound(data, kind, recording.duration_ms or 0)
        said = await _ask(recording.owner_id, sound, name=recording.name)
    except OpenRouterError as error:
        if error.retryable or error.operator:
            raise UpstreamFailed(error) from error
        log.info("a recording was refused by the model", extra={"code": error.code})
        said = Transcription(_NOT_TRANSCRIBED)
    except FileNotFoundError:
        said = Transcription(_NOT_TRANSCRIBED)
    await in_thread(_keep_words, recording, said)


@transaction.atomic
def _keep_words(recording: Attachment, said: Transcription) -> None:
    text = said.text or _NO_WORDS
    rows = Attachment.objects.filter(id=recording.id, text="")
    rows.update(text=text, token_estimate=estimate(text))
    if said.usage is not None:
        quota.record(user_id=recording.owner_id, charge=NOTHING, entry=_entry(said, reference=recording.id))


def too_large() -> Problem:
    """Return the refusal of a recording that no request may hold."""
    return Problem(413, Why.TOO_LARGE.value, f"A recording has at most {MOST_BYTES // 1_000_000} MB.")

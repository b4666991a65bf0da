"""Files of people: taken in, read, given out and thrown away. How a model gets them is said by `chat.enclosing`.

A file is opened by `wisqu.media.worker` alone. A PDF counts as one document of the plan: held while it is read, charged
in the transaction that stores its row, released where it is refused. What a dead process leaves is a hold that expires
and a file that has no row; both are swept.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.db.models.signals import post_delete
from django.utils import timezone

from billing import quota
from billing.amounts import Amounts
from billing.models import Feature, LedgerEntry
from billing.plans import plan_for, require_feature
from chat import search, sounds
from chat.models import Attachment, Message, MessageAttachment
from presets.tokens import estimate
from wisqu.api.ids import uuid7
from wisqu.api.jobs import send_on_commit
from wisqu.api.problems import FieldError, Invalid, NotFound, Problem
from wisqu.files import storage
from wisqu.media import sniffing, worker
from wisqu.media.refusals import FileRefused, Why
from wisqu.media.sniffing import Family, Kind

FOLDER = "attachments"
# Reading takes seconds; a hold that is older belongs to a process that died.
_HOLD_LIFETIME = timedelta(minutes=5)
# A file that nobody put to a question goes after this.
UNUSED_FOR = timedelta(hours=24)
# Pictures are scaled to this many pixels: no model looks closer, and every pixel is paid for.
LONGEST_SIDE = 2048
MOST_CHARACTERS = 2_000_000
_NOT_FOUND = "There is no such attachment, or it is not yours."


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read out of a file: the bytes to keep, and the facts as the row's fields have them."""

    data: bytes
    kind: Kind
    thumbnail: bytes = b""
    facts: dict[str, Any] = field(default_factory=dict)


# --- Taking in ------------------------------------------------------------------------------------------------


def take(
    *, owner_id: uuid.UUID, name: str, declared: str, data: bytes, is_written_here: bool = False
) -> Attachment:
    """Read a file, keep it and return it; the same bytes again are the same file, and cost nothing.

    `name` and `declared` (a media type) are what its sender says. A picture that was written anew here before, as its
    seal says, is kept as it is. Raises Problem 413 and 422 for what is not taken, QuotaExceeded for one document too
    many.
    """
    if len(data) > settings.ATTACHMENT_MAX_BYTES:
        raise too_large()
    digest = hashlib.sha256(data).hexdigest()
    if (known := _again(owner_id, digest)) is not None:
        return known
    attachment = Attachment(id=uuid7(), owner_id=owner_id, sha256=digest)
    try:
        kind = sniffing.sniff(data, name=name, declared=declared)
        if kind.family is Family.AUDIO:
            require_feature(plan_for(owner_id), Feature.AUDIO)
        _refuse_full(owner_id, len(data))
        _hold(attachment, kind)
        reading = READERS[kind.family](data, kind)
        if is_written_here and kind.family is Family.IMAGE and reading.kind == kind:
            reading = replace(reading, data=data)
        _hold_sound(attachment, reading)
    except FileRefused as refused:
        _release(attachment)
        raise problem_of(refused) from refused
    except BaseException:
        _release(attachment)
        raise
    attachment.name = sniffing.safe_name(name, reading.kind)
    return _keep(attachment, reading)


def _again(owner_id: uuid.UUID, digest: str) -> Attachment | None:
    """Return the file of these bytes, which counts as new from now on: whoever sends it means to use it."""
    rows = Attachment.objects.for_owner(owner_id).filter(sha256=digest)
    rows.update(uploaded_at=timezone.now(), used_at=None)
    return rows.for_list().first()


def _refuse_full(owner_id: uuid.UUID, size: int) -> None:
    kept = Attachment.objects.for_owner(owner_id).aggregate(size=Sum("size"))["size"] or 0
    if kept + size > settings.ATTACHMENT_STORAGE_BYTES:
        megabytes = settings.ATTACHMENT_STORAGE_BYTES // 1_000_000
        detail = f"Your files take all of the {megabytes:,} MB that are kept for you. Delete some that you don't need."
        raise Problem(422, "attachment_storage_full", detail)


@transaction.atomic
def _hold(attachment: Attachment, kind: Kind) -> None:
    if kind.family is Family.PDF:
        amounts = Amounts(documents=1)
        quota.reserve(
            user_id=attachment.owner_id, amounts=amounts, key=attachment.id, lifetime=_HOLD_LIFETIME
        )


@transaction.atomic
def _hold_sound(attachment: Attachment, reading: Reading) -> None:
    """Hold the seconds of a recording, which are known once it was read."""
    if reading.kind.family is Family.AUDIO:
        quota.reserve(
            user_id=attachment.owner_id,
            amounts=Amounts(audio_seconds=_seconds(reading.facts["duration_ms"])),
            key=attachment.id,
            lifetime=_HOLD_LIFETIME,
        )


def _seconds(duration_ms: int) -> int:
    """Return what counts of a recording: a begun second is one."""
    return -(-duration_ms // 1000)


@transaction.atomic
def _release(attachment: Attachment) -> None:
    quota.release(key=attachment.id)


def _keep(attachment: Attachment, reading: Reading) -> Attachment:
    """Store file and row, and charge the document. Of many who send the same file at once one stores it."""
    for name, value in reading.facts.items():
        setattr(attachment, name, value)
    attachment.family, attachment.media_type = reading.kind.family.value, reading.kind.media_type
    attachment.size = len(reading.data)
    attachment.token_estimate = estimate(attachment.text)
    attachment.key = storage.save(folder=FOLDER, ending=reading.kind.ending, data=reading.data)
    if reading.thumbnail:
        attachment.thumbnail_key = storage.save(folder=FOLDER, ending="webp", data=reading.thumbnail)
    try:
        with transaction.atomic():
            attachment.save(force_insert=True)
            if attachment.family in (Attachment.Family.PDF, Attachment.Family.AUDIO):
                _charge(attachment)
            if attachment.unread_from is not None:
                send_on_commit("chat.tasks.read_attachment", str(attachment.id))
    except BaseException as error:
        storage.delete(attachment.key, attachment.thumbnail_key)
        _release(attachment)
        known = _again(attachment.owner_id, attachment.sha256) if isinstance(error, IntegrityError) else None
        if known is None:
            raise
        return known
    return attachment


def _charge(attachment: Attachment) -> None:
    """Count a document, or the seconds of a recording; what a model takes for it is booked when it is asked."""
    is_sound = attachment.family == Attachment.Family.AUDIO
    kinds = LedgerEntry.Kind
    seconds = _seconds(attachment.duration_ms or 0)
    entry = quota.EntryFacts(
        kind=kinds.TRANSCRIPTION if is_sound else kinds.DOCUMENT,
        reference=attachment.id,
        cost_usd=Decimal(0),
        cost_source=LedgerEntry.CostSource.COMPUTED,
    )
    charge = Amounts(audio_seconds=seconds) if is_sound else Amounts(documents=1)
    quota.settle(key=attachment.id, charge=charge, entry=entry)


# --- Reading --------------------------------------------------------------------------------------------------


def _read_pdf(data: bytes, kind: Kind) -> Reading:
    found = worker.run(
        "pdf:inspect", data, max_pages=settings.ATTACHMENT_MAX_PAGES, most_characters=MOST_CHARACTERS
    )
    facts = {"pages": found["pages"], "text": found["text"], "unread_from": found["next_page"]}
    return Reading(data, kind, facts=facts)


def _read_text(data: bytes, kind: Kind) -> Reading:
    text = sniffing.decode(data)
    if not text.strip():
        raise FileRefused(Why.BROKEN, "The file is empty.")
    if len(text) > MOST_CHARACTERS:
        raise FileRefused(Why.TOO_LARGE, f"A text file has at most {MOST_CHARACTERS:,} characters.")
    return Reading(text.encode(), kind, facts={"text": text})


def _read_picture(data: bytes, kind: Kind) -> Reading:
    found = worker.run("pictures:clean", data, longest_side=LONGEST_SIDE)
    kept = next(each for each in sniffing.PICTURES if each.media_type == found["media_type"])
    facts = {"width": found["width"], "height": found["height"]}
    return Reading(found["data"], kept, found["thumbnail"], facts)


def _read_sound(data: bytes, kind: Kind) -> Reading:
    sound = sounds.measure(data)
    return Reading(sound.data, sound.kind, facts={"duration_ms": sound.duration_ms})


Reader = Callable[[bytes, Kind], Reading]
READERS: dict[Family, Reader] = {
    Family.PDF: _read_pdf,
    Family.TEXT: _read_text,
    Family.IMAGE: _read_picture,
    Family.AUDIO: _read_sound,
}


def read_on(attachment_id: uuid.UUID) -> bool:
    """Read the next pages of a long PDF into its row; False when nothing is left, or the file is gone."""
    attachment = Attachment.objects.filter(id=attachment_id, unread_from__isnull=False).first()
    if attachment is None:
        return False
    begin = attachment.unread_from
    try:
        data = storage.read(attachment.key)
        room = max(0, MOST_CHARACTERS - len(attachment.text))
        found = worker.run("pdf:read", data, first_page=begin, most_characters=room)
    except FileRefused as refused:
        if refused.why == Why.BUSY:
            return True
        found = {"text": "", "next_page": None}  # the rest of it is too hard to read
    except FileNotFoundError:
        found = {"text": "", "next_page": None}
    text = "\n\n".join(filter(None, (attachment.text, found["text"])))
    # Somebody else may have read the same pages meanwhile.
    rows = Attachment.objects.filter(id=attachment_id, unread_from=begin)
    rows.update(text=text, token_estimate=estimate(text), unread_from=found["next_page"])
    if found["next_page"] is not None:
        return True
    search.renew(attachment.owner_id, Message.objects.filter(attachment_links__attachment=attachment))
    return False


def unread(*, before: timedelta) -> list[uuid.UUID]:
    """Return the files whose text is still to be read although they came so long ago."""
    rows = Attachment.objects.filter(unread_from__isnull=False, uploaded_at__lt=timezone.now() - before)
    return list(rows.values_list("id", flat=True)[:100])


# --- Refusing -------------------------------------------------------------------------------------------------


def too_large() -> Problem:
    """Return the refusal of a file that is larger than the settings allow."""
    megabytes = settings.ATTACHMENT_MAX_BYTES // 1_000_000
    return Problem(413, Why.TOO_LARGE.value, f"A file has at most {megabytes} MB.")


def problem_of(refused: FileRefused) -> Problem:
    """Return a refusal as the outside sees it."""
    if refused.why == Why.BUSY:
        return Problem(503, refused.why.value, refused.detail, headers={"Retry-After": "5"})
    error = FieldError("file", refused.why.value, refused.detail)
    return Problem(422, refused.why.value, refused.detail, errors=[error])


# --- Using ----------------------------------------------------------------------------------------------------


def chosen(owner_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> list[Attachment]:
    """Return these files of a person in that order, locked: no sweep takes them while a question is stored.

    Raises NotFound, and Invalid for more than a question may have.
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > settings.ATTACHMENT_MAX_FILES:
        detail = f"A question has at most {settings.ATTACHMENT_MAX_FILES} files."
        raise Invalid(detail=detail, errors=[FieldError("attachments", "too_many_files", detail)])
    if not wanted:
        return []
    rows = Attachment.objects.for_owner(owner_id).select_for_update()
    found = {row.id: row for row in rows.filter(id__in=wanted)}
    if len(found) < len(wanted):
        raise NotFound(detail=_NOT_FOUND)
    return [found[each] for each in wanted]


def use(*bound: tuple[Message, Sequence[Attachment]]) -> None:
    """Bind files to the questions that were just stored with them."""
    pairs = [(question, each) for question, files in bound for each in files]
    if not pairs:
        return
    MessageAttachment.objects.bulk_create(
        [MessageAttachment(message=question, attachment=each) for question, each in pairs]
    )
    ids = {each.id for _, each in pairs}
    Attachment.objects.filter(id__in=ids).update(used_at=timezone.now())


def owned(*, owner_id: uuid.UUID, attachment_id: uuid.UUID) -> Attachment:
    """Return one file of a person. Raises NotFound."""
    found = Attachment.objects.for_owner(owner_id).for_list().filter(id=attachment_id).first()
    if found is None:
        raise NotFound(detail=_NOT_FOUND)
    return found


def picture_of(owner_id: uuid.UUID, attachment_id: uuid.UUID) -> bytes | None:
    """Return the picture that a person's file is; None where there is no such file, or it is no picture."""
    rows = Attachment.objects.for_owner(owner_id).filter(id=attachment_id, family=Attachment.Family.IMAGE)
    key = rows.values_list("key", flat=True).first()
    return None if key is None else storage.read(key)


# --- Throwing away --------------------------------------------------------------------------------------------


@transaction.atomic
def delete(*, owner_id: uuid.UUID, attachment_id: uuid.UUID) -> None:
    """Delete a file for good, also from the questions that it was put to. Raises NotFound."""
    attachment = owned(owner_id=owner_id, attachment_id=attachment_id)
    messages = list(Message.objects.filter(attachment_links__attachment=attachment))
    for message in messages:
        message.attached = [each for each in message.attached if each["id"] != str(attachment_id)]
        Message.objects.filter(id=message.id).update(attached=message.attached)
    attachment.delete()
    search.renew(owner_id, messages)


@transaction.atomic
def clear_out(*, limit: int = 200) -> int:
    """Delete files that belong to no question any more, and those that nobody ever used; return how many."""
    old = timezone.now() - UNUSED_FOR
    rows = Attachment.objects.filter(links=None).exclude(used_at=None, uploaded_at__gte=old)
    ids = list(rows.values_list("id", flat=True)[:limit])
    locked = Attachment.objects.filter(id__in=ids).select_for_update(skip_locked=_skips_locked())
    ids = list(locked.values_list("id", flat=True))
    # Asked again behind the lock: one of them may just have been put to a question, or sent anew.
    gone = rows.filter(id__in=ids)
    return sum(1 for each in gone if each.delete())


def _skips_locked() -> bool:
    return bool(transaction.get_connection().features.has_select_for_update_skip_locked)


def sweep() -> int:
    """Delete the files that have no row; return how many."""
    return storage.sweep(FOLDER, known=_known_keys)


def _known_keys(keys: list[str]) -> set[str]:
    found = set(Attachment.objects.filter(key__in=keys).values_list("key", flat=True))
    return found | set(
        Attachment.objects.filter(thumbnail_key__in=keys).values_list("thumbnail_key", flat=True)
    )


def watch() -> None:
    """Delete a file with its row, however that goes: by itself, or with everything of an erased account."""
    post_delete.connect(_row_deleted, sender=Attachment, dispatch_uid="attachment file")


def _row_deleted(instance: Attachment, **kwargs: Any) -> None:
    storage.delete_on_commit(instance.key, instance.thumbnail_key)

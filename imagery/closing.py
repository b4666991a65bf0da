"""The end of an image: one transaction that ends its row, settles or releases the quota, and writes the ledger."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import quota
from billing.amounts import NOTHING, Amounts
from billing.models import LedgerEntry, Reservation
from imagery.models import GeneratedImage
from imagery.reasons import UNKNOWN, Reason
from presets import catalogue
from wisqu.accounts.models import User
from wisqu.files import storage
from wisqu.openrouter.images import ImageReply
from wisqu.openrouter.types import Usage

log = logging.getLogger(__name__)

# For so long OpenRouter is asked what a generation cost whose reply never told.
OWED_FOR = timedelta(minutes=10)
_ONE = Amounts(images=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended: with the keys of a picture, or with a reason. `reply` has what is known of the generation."""

    reply: ImageReply | None = None
    reason: Reason | None = None
    generation_id: str = ""
    key: str = ""
    thumbnail_key: str = ""
    media_type: str = ""
    width: int | None = None
    height: int | None = None
    size: int | None = None

    @classmethod
    def failed(cls, reason: Reason, *, generation_id: str = "", reply: ImageReply | None = None) -> Outcome:
        """Return the outcome of a failure."""
        return cls(reason=reason, generation_id=generation_id, reply=reply)

    @property
    def generation(self) -> str:
        """The generation's id; empty where none was begun."""
        told = self.reply.generation_id if self.reply else None
        return (told or self.generation_id)[:100]


def close(image: GeneratedImage, outcome: Outcome) -> bool:
    """End the image if it is still this claim's; True when it is done now.

    What is too late (the row was swept, or went with its owner) leaves no file, charges nobody, and its cost stays
    true all the same.
    """
    with transaction.atomic():
        is_ours = _end(image, outcome)
        if is_ours and outcome.reason is None:
            _settle(image, outcome)
        else:
            quota.release(key=image.id)
            _book(image, outcome)
    if not is_ours and not _is_kept(image, outcome):
        storage.delete(outcome.key, outcome.thumbnail_key)
    return is_ours and outcome.reason is None


def _is_kept(image: GeneratedImage, outcome: Outcome) -> bool:
    """Tell whether the picture is the row's all the same: its end was written, and nobody heard of it."""
    return bool(outcome.key) and GeneratedImage.objects.filter(id=image.id, key=outcome.key).exists()


def _end(image: GeneratedImage, outcome: Outcome) -> bool:
    """Write the end into the row; False for a row that is not ours any more."""
    now = timezone.now()
    reply, reason = outcome.reply, outcome.reason
    values: dict[str, Any] = {
        "status": GeneratedImage.Status.FAILED if reason else GeneratedImage.Status.DONE,
        "ended_at": now,
        "updated_at": now,
        "generation_id": outcome.generation,
        "provider": ((reply.provider or "") if reply else "")[:100],
        "final_model": ((reply.model or "") if reply else "")[:200],
        "error_code": reason.code if reason else "",
        "error_detail": reason.detail[:300] if reason else "",
        "key": outcome.key,
        "thumbnail_key": outcome.thumbnail_key,
        "media_type": outcome.media_type,
        "width": outcome.width,
        "height": outcome.height,
        "size": outcome.size,
        "cost_usd": _cost(image, outcome)[0],
    }
    if _is_owed(outcome):
        values["owed_until"] = now + OWED_FOR
    rows = GeneratedImage.objects.filter(id=image.id, status=image.status, tries=image.tries)
    return bool(rows.update(**values))


def _is_owed(outcome: Outcome) -> bool:
    """Tell whether a generation was begun whose cost nobody has told."""
    usage = outcome.reply.usage if outcome.reply else None
    return outcome.reason is not None and bool(outcome.generation) and usage is None


def _settle(image: GeneratedImage, outcome: Outcome) -> None:
    entry = facts(image, outcome)
    try:
        quota.settle(key=image.id, charge=_ONE, entry=entry)
    except (
        Reservation.DoesNotExist
    ):  # the hold went with something that staff did; the work is done all the same
        quota.record(user_id=image.owner_id, charge=_ONE, entry=entry)


def _book(image: GeneratedImage, outcome: Outcome) -> None:
    """Write what a failure cost: the house pays, nobody is charged. A refusal before the work has no entry."""
    if outcome.reply is None or outcome.reply.usage is None:
        return
    book(image, facts(image, outcome))


def book(image: GeneratedImage, entry: quota.EntryFacts) -> None:
    """Write an entry that charges nobody; the owner may be gone."""
    if User.objects.filter(id=image.owner_id).exists():
        quota.record(user_id=image.owner_id, charge=NOTHING, entry=entry)
    else:
        quota.record_erased(user_id=image.owner_id, entry=entry)


def facts(image: GeneratedImage, outcome: Outcome) -> quota.EntryFacts:
    """Return what the ledger keeps of the generation."""
    reply = outcome.reply
    usage = reply.usage if reply else None
    cost, source = _cost(image, outcome)
    return quota.EntryFacts(
        kind=LedgerEntry.Kind.IMAGE,
        reference=image.id,
        generation_id=outcome.generation,
        model=(reply.model if reply else None) or image.model,
        provider=(reply.provider if reply else None) or "",
        cost_usd=cost,
        cost_source=source,
        **_tokens(usage),
    )


def _tokens(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cached_tokens_read": usage.cached_tokens_read,
        "cached_tokens_written": usage.cached_tokens_written,
    }


def _cost(image: GeneratedImage, outcome: Outcome) -> tuple[Any, LedgerEntry.CostSource]:
    """Return what it cost and who says so. The catalogue's prices count words: they don't tell what a picture costs."""
    usage = outcome.reply.usage if outcome.reply else None
    if usage is None:
        return None, LedgerEntry.CostSource.UNKNOWN
    if usage.cost_usd is not None:
        return usage.cost_usd, LedgerEntry.CostSource.UPSTREAM
    if catalogue.is_server_of_ones_own() or (cost := catalogue.cost(image.model, usage)) is None:
        return None, LedgerEntry.CostSource.UNKNOWN
    return cost, LedgerEntry.CostSource.COMPUTED


def give_up(image: GeneratedImage, reason: Reason = UNKNOWN) -> bool:
    """End an image that nobody makes any more; False where somebody was quicker."""
    with transaction.atomic():
        is_ours = _end(image, Outcome.failed(reason, generation_id=image.generation_id))
        if is_ours:
            quota.release(key=image.id)
    return is_ours

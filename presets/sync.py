"""Keeping the catalogue like OpenRouter's: new models, gone ones, other prices. `manage.py sync_models`, and daily.

What staff have set stays: fields that they edited, the advanced mark, a block. A price that can't be believed is not
taken over: it blocks the model until staff have said otherwise. An answer that is empty or broken changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from presets import catalogue, offers
from presets.models import CatalogueModel
from presets.offers import Offer
from presets.pricing import PRICE_NAMES, BadPrice
from presets.seeds import ADVANCED_FROM
from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.types import ModelInfo

log = logging.getLogger(__name__)

DUE_AFTER = timedelta(hours=24)
# An answer that lacks more than this part of what is on offer is taken for a broken one.
MOST_GONE = 0.5
_LONGEST_NAME = _LONGEST_REASON = 200
_LARGEST_COUNT = 2_000_000_000
# What a price column holds; a dearer one stays unknown even when it is accepted.
_LARGEST_PRICE = Decimal(10**7)

PRICE_FIELDS = tuple(f"price_{name}" for name in PRICE_NAMES)
SYNCED = (
    "canonical_slug",
    "name",
    "context_length",
    "max_completion_tokens",
    "input_modalities",
    "output_modalities",
    "supported_parameters",
    *PRICE_FIELDS,
    "overrides",
    "is_listed",
)
_OWN = ("blocked_reason", "offered_prices", "accepted_prices", "updated_at")


class BrokenAnswer(Exception):
    """OpenRouter's list can't be right; nothing was changed."""


@dataclass(slots=True)
class Report:
    """What a look at OpenRouter's list brought, as model ids."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


def run() -> Report:
    """Read OpenRouter's list and apply it. Raises OpenRouterError, and BrokenAnswer for a list that can't be right."""
    if catalogue.is_server_of_ones_own():
        raise BrokenAnswer("The server at OPENROUTER_BASE_URL is not OpenRouter: it lists no prices.")
    return apply(async_to_sync(_read)())


def run_if_due() -> Report | None:
    """Do it when the last time is a day ago; None when it is not, or not to be had from this server."""
    last: datetime | None = CatalogueModel.objects.aggregate(last=Max("seen_at"))["last"]
    if catalogue.is_server_of_ones_own() or (last and timezone.now() - last < DUE_AFTER):
        return None
    return run()


async def _read() -> list[ModelInfo]:
    client = OpenRouter(
        api_key=settings.OPENROUTER_API_KEY,
        base_url=settings.OPENROUTER_BASE_URL,
        app_name=settings.OPENROUTER_APP_NAME,
        app_url=settings.OPENROUTER_APP_URL,
    )
    try:
        return await client.models()
    finally:
        await client.close()


@transaction.atomic
def apply(listed: Sequence[ModelInfo]) -> Report:
    """Bring the catalogue to this list. Raises BrokenAnswer, having changed nothing."""
    found = {model.id: model for model in listed if _is_sane(model)}
    rows = {row.slug: row for row in CatalogueModel.objects.select_for_update()}
    gone = [row for slug, row in rows.items() if row.is_listed and slug not in found]
    _refuse_broken(found, gone, on_offer=sum(row.is_listed for row in rows.values()))
    report = Report()
    now = timezone.now()
    new = [_new_row(model, report) for slug, model in found.items() if slug not in rows]
    other = [row for row in gone if _unlist(row, report)]
    other += [
        rows[slug] for slug in found if slug in rows and _bring_up_to_date(rows[slug], found[slug], report)
    ]
    for row in other:
        row.updated_at = now
    CatalogueModel.objects.bulk_create(new, ignore_conflicts=True)
    CatalogueModel.objects.bulk_update(other, [*SYNCED, *_OWN], batch_size=50)
    CatalogueModel.objects.filter(slug__in=found).update(seen_at=now)
    _forget_snapshot()
    _log(report)
    return report


def _is_sane(model: ModelInfo) -> bool:
    return 0 < len(model.id) <= _LONGEST_NAME and len(model.canonical_slug or "") <= _LONGEST_NAME


def _refuse_broken(found: Mapping[str, ModelInfo], gone: Sequence[CatalogueModel], *, on_offer: int) -> None:
    if not found:
        raise BrokenAnswer("The list of models is empty.")
    if not any(model.pricing for model in found.values()):
        raise BrokenAnswer("The list of models has no prices.")
    if len(gone) > on_offer * MOST_GONE:
        raise BrokenAnswer(f"The list of models lacks {len(gone)} of the {on_offer} that are on offer.")


def _new_row(model: ModelInfo, report: Report) -> CatalogueModel:
    offer = offers.read(model)
    row = CatalogueModel(slug=model.id, offered_prices=offer.texts)
    row.blocked_reason = offer.fault
    # What has no price that could be compared is not for everybody, whenever it is unblocked.
    row.advanced = offer.prices.prompt is None or offer.prices.prompt >= ADVANCED_FROM
    _set(row, _values(model) | _price_values(offer))
    report.added.append(row.slug)
    if offer.fault:
        report.blocked.append(row.slug)
    return row


def _unlist(row: CatalogueModel, report: Report) -> bool:
    """Take the model off the list; False when staff keep it there."""
    if "is_listed" in row.pinned:
        return False
    row.is_listed = False
    report.unlisted.append(row.slug)
    return True


def _bring_up_to_date(row: CatalogueModel, model: ModelInfo, report: Report) -> bool:
    """Take over what may be taken over; return whether the row has to be saved."""
    before, known = _state(row), (row.offered_prices, row.accepted_prices)
    offer = offers.read(model)
    _set(row, _values(model))
    row.offered_prices = offer.texts
    if offer.texts == row.accepted_prices:
        _set(row, _accepted_values(offer.texts))
    elif why := _objection(row, offer):
        if not row.blocked_reason:
            report.blocked.append(row.slug)
        row.blocked_reason = row.blocked_reason or why[:_LONGEST_NAME]
    else:
        row.accepted_prices = None  # an ordinary price again
        _set(row, _price_values(offer))
    is_changed = _state(row) != before
    if is_changed:
        report.changed.append(row.slug)
    return is_changed or known != (row.offered_prices, row.accepted_prices)


def _objection(row: CatalogueModel, offer: Offer) -> str:
    """Return why these prices can't be taken over; what staff have priced themselves is not looked at."""
    if set(PRICE_FIELDS) <= set(row.pinned):
        return ""
    if offer.fault:
        return offer.fault
    try:
        prices, overrides = catalogue.prices_of(row)
    except BadPrice:
        return ""  # what we had was no price; this is one
    return offers.jump(offer, prices=prices, overrides=overrides)


def accept(row: CatalogueModel) -> None:
    """Unblock the model at the prices that OpenRouter lists for it, whatever they are; saves the row.

    The very same prices block it no second time. One that is below zero, no number or missing stays unknown: what an
    answer costs is then what its usage says.
    """
    row.blocked_reason = ""
    row.accepted_prices = row.offered_prices
    if row.offered_prices:
        _set(row, _accepted_values(row.offered_prices))
    row.save()


def pin(row: CatalogueModel, names: Iterable[str]) -> None:
    """Keep these fields as they are from now on. The row is not saved."""
    row.pinned = sorted({*row.pinned, *(set(names) & set(SYNCED))})


def _set(row: CatalogueModel, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name not in row.pinned:
            setattr(row, name, value)


def _state(row: CatalogueModel) -> list[Any]:
    return [getattr(row, name) for name in (*SYNCED, "blocked_reason")]


def _values(model: ModelInfo) -> dict[str, Any]:
    """Return the columns that are no prices; what the list leaves out stays as it is."""
    values: dict[str, Any] = {"is_listed": True}
    if model.canonical_slug:  # only a name beside the id is one
        values["canonical_slug"] = "" if model.canonical_slug == model.id else model.canonical_slug
    values["name"] = (model.name or model.id)[:_LONGEST_NAME]
    for name in ("context_length", "max_completion_tokens"):
        count = getattr(model, name)
        values[name] = count if count is not None and 0 < count <= _LARGEST_COUNT else None
    for name in ("input_modalities", "output_modalities", "supported_parameters"):
        if (found := getattr(model, name)) is not None:
            values[name] = list(found)
    return values


def _price_values(offer: Offer) -> dict[str, Any]:
    values: dict[str, Any] = {f"price_{name}": getattr(offer.prices, name) for name in PRICE_NAMES}
    return values | {"overrides": [] if offer.fault else offer.texts["overrides"]}


def _accepted_values(texts: Mapping[str, Any]) -> dict[str, Any]:
    offer = offers.from_texts(texts, is_accepted=True)
    values = _price_values(offer)
    return {
        name: None if isinstance(value, Decimal) and value > _LARGEST_PRICE else value
        for name, value in values.items()
    }


def _forget_snapshot() -> None:
    # At once for this process, and again when everybody else can see it.
    catalogue.invalidate()
    transaction.on_commit(catalogue.invalidate)


def _log(report: Report) -> None:
    log.info(
        "the model catalogue was compared with OpenRouter's",
        extra={name: len(getattr(report, name)) for name in ("added", "changed", "unlisted")},
    )
    for slug in report.blocked:
        log.warning("a model was blocked for its price", extra={"model": slug})

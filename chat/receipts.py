"""The receipt under an answer: how it was made, and what it took. `static/js/receipt.js` writes the same."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.money import dollars
from chat.models import Message
from chat.totals import Total
from presets.naming import used_name

# From a model to the one that was tried after it.
ARROW = " › "
SEPARATOR = " · "
# What stands in the place of a model's name where a verse was looked up (`chat.lookups`), and how mending can end.
THE_TEXT = "WisQu: the text itself"
MENDING = ("mended", "in_vain")


def figure(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def seconds(milliseconds: int) -> str:
    """Return a duration in seconds, to a tenth while it is short."""
    tenths = (milliseconds + 50) // 100
    shown = f"{tenths // 10}.{tenths % 10}" if tenths < 600 else figure((milliseconds + 500) // 1000)
    return _("%(n)s s") % {"n": shown}


def model_name(name: str) -> str:
    """Return the short name of a model, without whom it is from."""
    if name == THE_TEXT:
        return _("WisQu: the text itself")
    return name.rpartition("/")[2].rpartition(": ")[2]


def answering_model(message: Message) -> str:
    """Return the model to name: the one asked, unless another one took its place."""
    is_other = message.fallback_used or not message.model
    return message.final_model_used if is_other and message.final_model_used else message.model


def line(message: Message) -> list[str]:
    """Return the few facts that always stand under an answer."""
    facts = [model_name(answering_model(message))]
    if message.total_tokens is not None:
        facts.append(
            ngettext("%(n)s token", "%(n)s tokens", message.total_tokens)
            % {"n": figure(message.total_tokens)}
        )
    if message.cost_usd is not None:
        facts.append(dollars(message.cost_usd))
    if message.total_ms is not None:
        facts.append(seconds(message.total_ms))
    if message.status == Message.Status.STOPPED:
        facts.append(_("Stopped"))
    return [fact for fact in facts if fact]


def saving(message: Message) -> str:
    """Return the share of the price that the prompt cache saved, empty where it saved nothing or nobody said."""
    discount, cost = message.cache_discount_usd, message.cost_usd
    if discount is None or cost is None or discount <= 0:
        return ""
    return _("saved %(share)s") % {"share": f"{math.floor(float(discount / (cost + discount)) * 100 + 0.5)}%"}


def facts(message: Message) -> list[tuple[str, str]]:
    """Return all that is known, as names and values."""
    found = [*_of_the_model(message), *_of_the_tokens(message)]
    if message.cost_usd is not None:
        found.append((_("Cost"), dollars(message.cost_usd)))
    if message.web_searches:
        found.append((_("Web searches"), figure(message.web_searches)))
        found.append((_("of the cost, for searching"), dollars(message.fees_usd) if message.fees_usd else ""))
    if message.cache_discount_usd:
        found.append((_("Saved by the cache"), dollars(message.cache_discount_usd)))
    if message.repair and message.repair["state"] in MENDING:
        found.append(_of_the_repair(message.repair))
    times = [(_("First word after"), message.first_token_ms), (_("Finished after"), message.total_ms)]
    found += [(name, seconds(ms)) for name, ms in times if ms is not None]
    return [(name, value) for name, value in found if value]


def _of_the_model(message: Message) -> list[tuple[str, str]]:
    """Return who was asked and who answered; where that is another one, why."""
    asked, served = message.model or message.final_model_used, message.final_model_used
    found = [(_("Model"), asked), (_("Answered by"), served if served != asked else "")]
    found.append((_("Because"), because(message.routing_reason)))
    if len(message.models_attempted) > 1:
        found.append((_("Tried"), ARROW.join(model_name(name) for name in message.models_attempted)))
    return [*found, (_("Provider"), message.provider), (_("Preset"), used_name(message.preset))]


# The ends of the notes in `Message.routing_reason` (`chat.fallback`), and what they are for a reader.
_RETIRED = re.compile(r"(\S+) was retired, its successor is (\S+)")


def reasons() -> dict[str, str]:
    """Return for each reason that is noted for a model how a person is told it."""
    return {
        "was not available": _("%(model)s was not available"),
        "broke off": _("%(model)s broke off"),
        "took too long": _("%(model)s took too long"),
        "receives too many requests": _("%(model)s receives too many requests"),
        "sent an unreadable answer": _("%(model)s sent an unreadable answer"),
        "gave no answer": _("%(model)s gave no answer"),
    }


def because(reason: str) -> str:
    """Return why the answer is from another model than was asked, in the reader's language if its words are known."""
    return SEPARATOR.join(_note(note) for note in reason.split("; ") if note)


def _note(note: str) -> str:
    if retired := _RETIRED.fullmatch(note):
        names = {"model": model_name(retired[1]), "successor": model_name(retired[2])}
        return _("%(model)s was retired; its successor is %(successor)s") % names
    name, _space, rest = note.partition(" ")
    wording = reasons().get(rest)
    return wording % {"model": model_name(name)} if wording else note


def _of_the_repair(repair: dict[str, Any]) -> tuple[str, str]:
    """Return what asking once more came to: who was asked, and the price."""
    is_mended = repair["state"] == MENDING[0]
    cost = repair["cost_usd"]
    price = [] if cost is None else [dollars(Decimal(str(cost)))]
    told = SEPARATOR.join([model_name(repair["model"]), *price])
    return _("Quotations mended") if is_mended else _("Mending tried in vain"), told


def _of_the_tokens(message: Message) -> list[tuple[str, str]]:
    counts = [
        (_("Tokens read"), message.prompt_tokens),
        (_("of them from the cache"), message.cached_tokens_read or None),
        (_("of them put into the cache"), message.cached_tokens_written or None),
        (_("Tokens written"), message.completion_tokens),
        (_("of them for thinking"), message.reasoning_tokens or None),
    ]
    return [(name, figure(count)) for name, count in counts if count is not None]


def total(sums: Total) -> list[tuple[str, str]]:
    """Return what a conversation took, for its header, each with its kind; nothing before its first answer."""
    if not sums.tokens and not sums.cost:
        return []
    found = [("cost", dollars(sums.cost))]
    if sums.saved:
        kind = "saved" if sums.saved > 0 else "lost"
        found.append((kind, _("saved %(share)s") % {"share": dollars(sums.saved)}))
    tokens = ngettext("%(n)s token", "%(n)s tokens", sums.tokens) % {"n": figure(sums.tokens)}
    return [*found, ("tokens", tokens)]


def is_cut_short(message: Message) -> bool:
    """Tell whether the answer ended because it had reached its limit of tokens, not because all was said."""
    return message.status == Message.Status.DONE and message.finish_reason == "length"


def cut_notice(message: Message) -> str:
    """Return a sentence about messages that did not fit, empty when all did."""
    cut = message.history_messages_cut
    if not cut:
        return ""
    return ngettext(
        "%(n)s earlier message did not fit and was not read.",
        "%(n)s earlier messages did not fit and were not read.",
        cut,
    ) % {"n": figure(cut)}

"""The receipt under an answer: how it was made, and what it took. `static/js/receipt.js` writes the same."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.money import dollars
from chat.models import Message

# Between the facts of the faint line.
GAP = " · "


def figure(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def seconds(milliseconds: int) -> str:
    """Return a duration in seconds, to a tenth while it is short."""
    value = milliseconds / 1000
    return _("%(n)s s") % {"n": f"{value:.1f}" if value < 60 else f"{value:,.0f}"}


def model_name(name: str) -> str:
    """Return the short name of a model, without whom it is from."""
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
    return _("saved %(share)s") % {"share": f"{discount / (cost + discount):.0%}"}


def facts(message: Message) -> list[tuple[str, str]]:
    """Return all that is known, as names and values."""
    counts = [
        (_("Tokens read"), message.prompt_tokens),
        (_("of them from the cache"), message.cached_tokens_read or None),
        (_("Tokens written"), message.completion_tokens),
        (_("of them for thinking"), message.reasoning_tokens or None),
    ]
    times = [(_("First word after"), message.first_token_ms), (_("Finished after"), message.total_ms)]
    found = [(_("Model"), message.final_model_used or message.model), (_("Provider"), message.provider)]
    found += [(name, figure(count)) for name, count in counts if count is not None]
    if message.cost_usd is not None:
        found.append((_("Cost"), dollars(message.cost_usd)))
    found += [(name, seconds(ms)) for name, ms in times if ms is not None]
    return [(name, value) for name, value in found if value]


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

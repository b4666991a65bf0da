"""Small tags for the pages: icons, Markdown, figures, receipts, and the import map of the scripts."""

import json
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Library
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from billing import money
from chat import citations, feedback, filewords, marking, notes, receipts, rendering
from chat.branches import Siblings
from chat.models import Message
from chat.reading import Part
from chat.totals import Total
from chat.trust import Review
from chat.words import failures
from quran import passages

register = Library()
register.filter("figure", receipts.figure)
register.filter("model_name", receipts.model_name)
register.filter("dollars", money.dollars)
register.filter("price", money.price)
register.filter("short_figure", money.short_figure)
register.filter("attached_file", filewords.shown)

_IMPORTED = re.compile(r'^import (?:[^"]*? from )?"(\.[^"]+)";', re.MULTILINE)

# From these shares of a limit on, the meter shows itself, and warns.
WORTH_A_LOOK = 0.6
NEARLY_SPENT = 0.8


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """Return one icon of `_partials/icons.html`, hidden from screen readers: the control has the name."""
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="#i-{}"/></svg>', extra, name)


@register.simple_tag(takes_context=True)
def import_map(context: dict[str, object]) -> SafeString:
    """Return an import map from each script's plain address to its hashed one; nothing where none is hashed.

    Scripts import each other by relative path. A browser resolves that to the plain address, which would be
    cached for a minute only and could belong to another release.
    """
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    scripts = [name for name in hashed if name.startswith("js/") and name.endswith(".js")]
    imports = {f"{settings.STATIC_URL}{name}": static(name) for name in scripts}
    if not imports:
        return mark_safe("")
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>',
        context.get("CSP_NONCE", ""),
        mark_safe(json.dumps({"imports": imports}).replace("<", "\\u003c")),  # noqa: S308 - our own file names
    )


@register.simple_tag
def preload_modules(*names: str) -> SafeString:
    """Return links to these scripts and to all that they import, so that they come at once and not floor by floor."""
    found = _with_imports(*names) if settings.DEBUG else _known_imports(*names)
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', ((static(each),) for each in found))


def _with_imports(*names: str) -> tuple[str, ...]:
    """Return the scripts, and what they and their imports import, as names of static files."""
    found = dict.fromkeys(names)
    waiting = list(names)
    while waiting:
        path = finders.find(each := waiting.pop(0))
        text = Path(path).read_text(encoding="utf-8") if isinstance(path, str) else ""
        beside = [
            posixpath.normpath(f"{posixpath.dirname(each)}/{other}") for other in _IMPORTED.findall(text)
        ]
        waiting += [other for other in beside if other not in found]
        found |= dict.fromkeys(beside)
    return tuple(found)


_known_imports = cache(_with_imports)


@register.filter
def prose(message: Message | None) -> SafeString:
    """Return an answer as HTML, with the numbers of the pages that it cites, and its quotations marked."""
    if not message:
        return mark_safe("")
    html = rendering.render(message.content, message.citations)
    return marking.mark(
        html, message.content, message.quotations, message.references, anchor=f"note-{message.id}"
    )


@register.filter
def quotation_notes(message: Message | None) -> list[notes.Note]:
    """Return what was found about the quotations of an answer."""
    return notes.notes(message.quotations, message.references) if message else []


@register.filter
def correction_of(message: Message | None) -> Review | None:
    """Return the review that corrects this answer, where it was read with it."""
    found: Review | None = message._state.fields_cache.get("review") if message else None
    return found if found is not None and found.verdict == Review.Verdict.CORRECTED else None


@register.filter
def has_flaw(found: list[notes.Note]) -> bool:
    """Tell whether one of the notes says that something is not as it should be."""
    return any(note.is_flaw for note in found)


register.filter("arabic_number", passages.arabic_number)
register.filter("notes_summary", notes.summary)


@register.filter
def utf16_length(text: str) -> int:
    """Return the length as a script counts it."""
    return len(text.encode("utf-16-le")) // 2


@register.filter
def receipt_line(message: Message | None) -> SafeString:
    """Return the faint line under an answer, each fact keeping its own direction."""
    if message is None:
        return mark_safe("")
    line = format_html_join("", "<bdi>{}</bdi>", ((fact,) for fact in receipts.line(message)))
    if saving := receipts.saving(message):
        line += format_html('<bdi class="saved">{}</bdi>', saving)
    notice = receipts.cut_notice(message)
    return line + format_html('<span class="cut">{}</span>', notice) if notice else line


@register.filter
def receipt_facts(message: Message | None) -> list[tuple[str, str]]:
    """Return everything that is known about how an answer was made."""
    return receipts.facts(message) if message else []


@register.filter
def total_facts(total: Total | None) -> list[tuple[str, str]]:
    """Return what a conversation took in all, each with its kind."""
    return receipts.total(total) if total else []


@register.filter
def total_sums(total: Total | None) -> str:
    """Return the sums for the script that goes on counting."""
    sums = {"cost": 0.0, "saved": 0.0, "tokens": 0}
    if total:
        sums = {"cost": float(total.cost), "saved": float(total.saved), "tokens": total.tokens}
    return json.dumps(sums)


@register.filter
def is_cut_short(message: Message | None) -> bool:
    """Tell whether an answer looks finished and is not."""
    return message is not None and receipts.is_cut_short(message)


@register.filter
def failure_text(message: Message | None) -> str:
    """Return what to say about an answer that failed, in the reader's language where we know the cause."""
    if message is None or message.status != Message.Status.FAILED:
        return ""
    known = failures().get(message.error_code, message.error_detail)
    return known or gettext("The answer did not come through.")


register.filter("web_sources", citations.sources)


@register.simple_tag
def siblings_in(part: Part | None, message: Message | None) -> Siblings | None:
    """Return what stands in a message's place; None where the message is alone there."""
    found = part.siblings.get(message.id) if part and message else None
    return found if found and len(found.ids) > 1 else None


@register.filter
def rating(message: Message | None) -> str:
    """Return what its reader thinks of an answer: "up", "down" or nothing."""
    given = feedback.loaded(message) if message else None
    return given.rating if given else ""


def measure_names() -> dict[str, str]:
    """Return the five measures of use with their names."""
    return {
        "messages": gettext("Messages"),
        "tokens": gettext("Tokens"),
        "images": gettext("Images"),
        "documents": gettext("Documents"),
        "audio_minutes": gettext("Audio minutes"),
    }


register.simple_tag(measure_names)
register.filter("json", json.dumps)


@register.filter
def fullest(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the meter nearest to its limit, with its name; an empty one while none is worth a look."""
    named = ((usage[name], label) for name, label in measure_names().items())
    meters: list[dict[str, Any]] = [meter | {"name": label} for meter, label in named if meter["limit"]]
    full = max(meters, key=lambda meter: meter["used"] / meter["limit"], default=None)
    if full is None or full["used"] < full["limit"] * WORTH_A_LOOK:
        return {}
    return full


@register.filter
def is_spent(meter: dict[str, int | None]) -> bool:
    """Tell whether nothing is left of a limit."""
    return meter["remaining"] is not None and meter["remaining"] <= 0


@register.filter
def pressure(meter: dict[str, int | None]) -> str:
    """Return the class of a meter: nothing, "nearly" or "spent"."""
    if not meter:
        return ""
    if is_spent(meter):
        return "spent"
    used, limit = meter["used"] or 0, meter["limit"] or 0
    return "nearly" if limit and used >= limit * NEARLY_SPENT else ""

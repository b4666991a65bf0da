"""The pages of the text: its chapters, a chapter, a verse, and what a search finds. For everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from quran import passages, search, translations
from wisqu.api.pages import not_found
from wisqu.scripture import verses
from wisqu.scripture.names import surah_name

VERSES_A_PAGE = 50
RESULTS_A_PAGE = 20
# The text never changes; what is around it follows the person's language and colours.
_kept = cache_control(private=True, max_age=300)
_LONGEST_PAGE_NUMBER = 6


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter as the pages name it."""

    number: int

    @property
    def name(self) -> str:
        """Its name in the reader's language."""
        return surah_name(self.number, get_language() or "en")

    @property
    def arabic(self) -> str:
        """Its Arabic name."""
        return surah_name(self.number, "ar")

    @property
    def length(self) -> int:
        """How many verses it has."""
        return verses.lengths()[self.number]

    @property
    def has_basmala(self) -> bool:
        """Whether a basmala stands before it that is no verse of it."""
        return self.number not in verses.NO_BASMALA


@dataclass(frozen=True, slots=True)
class Verse:
    """A verse as the pages show it."""

    chapter: Chapter
    ayah: int

    @property
    def text(self) -> str:
        """Its words in Uthmani script."""
        return verses.verse(self.chapter.number, self.ayah)

    @property
    def sign(self) -> str:
        """Its number as it stands behind it."""
        return passages.number_sign(self.ayah)

    @property
    def juz(self) -> int:
        """In which of the 30 parts it begins."""
        return verses.juz(self.chapter.number, self.ayah)

    @property
    def page(self) -> int:
        """On which page of the Madinah print it begins."""
        return verses.page(self.chapter.number, self.ayah)


@require_safe
@vary_on_headers("Accept-Language", "Cookie")
@_kept
def chapters(request: HttpRequest) -> HttpResponse:
    """Show the chapters, or what `q` finds; a reference or a chapter's name leads right to its place."""
    query = request.GET.get("q", "").strip()[: search.LONGEST_QUERY]
    if not query:
        return render(request, "quran/chapters.html", {"chapters": _all_chapters()})
    passage = passages.passage_of(query)
    if passage is not None and passage.exists:
        is_whole = passage.first == 1 and passage.last == verses.lengths()[passage.surah]
        if is_whole:
            return redirect("chapter", surah=passage.surah)
        return redirect("verse", surah=passage.surah, ayah=passage.first)
    found = Paginator(search.search(query), RESULTS_A_PAGE)
    shown = found.get_page(_page_number(request))
    results = [Verse(Chapter(place.surah), place.ayah) for place in shown]
    return render(
        request,
        "quran/results.html",
        {"query": query, "shown": shown, "results": results, "is_arabic": passages.ARABIC.search(query)},
    )


@require_safe
@vary_on_headers("Accept-Language", "Cookie")
@_kept
def chapter(request: HttpRequest, surah: int) -> HttpResponse:
    """Show a chapter, in pages where it is long."""
    if not 1 <= surah <= verses.SURAHS:
        return not_found(request)
    this = Chapter(surah)
    shown = Paginator(range(1, this.length + 1), VERSES_A_PAGE).get_page(_page_number(request))
    own = [Verse(this, ayah) for ayah in shown]
    return render(
        request, "quran/chapter.html", {"chapter": this, "shown": shown, "verses": own} | _around(surah)
    )


@require_safe
@vary_on_headers("Accept-Language", "Cookie")
@_kept
def verse(request: HttpRequest, surah: int, ayah: int) -> HttpResponse:
    """Show a verse with its neighbours, and how translations have it."""
    if not verses.exists(surah, ayah):
        return not_found(request)
    this = Verse(Chapter(surah), ayah)
    context = {
        "verse": this,
        "before": _neighbour(surah, ayah - 1),
        "after": _neighbour(surah, ayah + 1),
        "chapter_page": (ayah - 1) // VERSES_A_PAGE + 1,
        "translations": _translations(surah, ayah),
        "question": _("Explain %(name)s %(reference)s: its wording, its context, and what commentators say.")
        % {"name": this.chapter.name, "reference": f"{surah}:{ayah}"},
    }
    return render(request, "quran/verse.html", context)


def _translations(surah: int, ayah: int) -> list[translations.Shown]:
    """Return the translations of the verse, those into the reader's language first."""
    found = translations.of_verses(surah, ayah, ayah)
    own = get_language() or "en"
    return sorted(found, key=lambda each: each.language != own)


def _all_chapters() -> list[Chapter]:
    return [Chapter(number) for number in range(1, verses.SURAHS + 1)]


def _around(surah: int) -> dict[str, Any]:
    return {
        "before": Chapter(surah - 1) if surah > 1 else None,
        "after": Chapter(surah + 1) if surah < verses.SURAHS else None,
    }


def _neighbour(surah: int, ayah: int) -> Verse | None:
    return Verse(Chapter(surah), ayah) if verses.exists(surah, ayah) else None


def _page_number(request: HttpRequest) -> str:
    return request.GET.get("page", "1")[:_LONGEST_PAGE_NUMBER]

"""Questions that are nothing but a reference to verses, answered from the text itself: exactly, at once, at no cost.

No model takes part and nothing is counted. A question with a word more than the reference goes to a model, as does the
same question asked again, and one under a preset or instructions of somebody's own.
"""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from quran import translations
from quran.passages import ARABIC, Passage, arabic
from wisqu.scripture import verses
from wisqu.scripture.names import surah_name

# What an answer names as its model.
THE_TEXT = "WisQu: the text itself"
# A whole chapter is given up to here; of a longer one the beginning.
MOST_VERSES = 20
_ARABIC_SCRIPT = ("ar", "fa", "ur")


def language_of(question: str, preferred: str) -> str:
    """Return the language to answer in: the person's own, unless the question is written in another script."""
    if ARABIC.search(question) and preferred not in _ARABIC_SCRIPT:
        return "ar"
    return preferred


def answer(passage: Passage, language: str) -> str:
    """Return the verses as Markdown, with what is said of them in that language."""
    known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    with translation.override(known):
        return _found(passage, known) if passage.exists else _missing(passage, known)


def _found(passage: Passage, language: str) -> str:
    surah, first, last = passage
    shown = min(last, first + MOST_VERSES - 1)
    name, reference = surah_name(surah, language), _reference(surah, first, last)
    parts = [f"### {name} {reference}", "> " + arabic(Passage(surah, first, shown))]
    for each in translations.of_verses(surah, first, shown, language=language):
        lines = " ".join(f"({ayah}) {text}" if shown > first else text for ayah, text in each.texts)
        parts += [lines, f"*{each.name}: {each.translator} ({each.licence})*"]
    if shown < last:
        more = ngettext(
            "The first %(n)s verse of this passage; it goes on for %(rest)s more.",
            "The first %(n)s verses of this passage; it goes on for %(rest)s more.",
            shown - first + 1,
        )
        parts.append(more % {"n": shown - first + 1, "rest": last - shown})
    where = _("Juz %(juz)s, page %(page)s of the Madinah print. Text: %(source)s.")
    facts = {
        "juz": verses.juz(surah, first),
        "page": verses.page(surah, first),
        "source": verses.VERSION,
    }
    return "\n\n".join([*parts, where % facts]) + "\n"


def _missing(passage: Passage, language: str) -> str:
    surah, first, last = passage
    reference = _reference(surah, first, last)
    if not 1 <= surah <= verses.SURAHS:
        text = _("There is no verse %(reference)s: the Qur'an has %(count)s chapters.")
        return text % {"reference": reference, "count": verses.SURAHS}
    text = _("There is no verse %(reference)s: %(name)s has %(count)s verses.")
    count, name = verses.lengths()[surah], surah_name(surah, language)
    return text % {"reference": reference, "name": name, "count": count}


def _reference(surah: int, first: int, last: int) -> str:
    return f"{surah}:{first}" if first == last else f"{surah}:{first}-{last}"

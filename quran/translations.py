"""Translations: how a file becomes one, and what is shown of them beside verses.

No translation comes with the product, since those that many people know may not be passed on. Operators import what
they may show, with the name of its translator and its licence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.text import slugify

from quran.models import TranslatedVerse, Translation
from wisqu.scripture import verses

_AT_ONCE = 1000


class BadTranslation(ValueError):
    """The file is no whole translation; the message says where."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an operator says of a translation."""

    name: str
    translator: str
    language: str
    licence: str
    licence_url: str = ""
    source_url: str = ""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A translation of some verses, with what has to be shown beside it. `texts` is in the order of the verses."""

    slug: str
    name: str
    translator: str
    language: str
    licence: str
    licence_url: str
    source_url: str
    texts: tuple[tuple[int, str], ...]  # (ayah, text)


def read(raw: bytes) -> tuple[list[tuple[int, int, str]], str]:
    """Return the verses of a file, and the notice in it. Raises BadTranslation.

    A line is `surah|ayah|text`, as Tanzil's files have it; lines after `#` are the notice.
    """
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadTranslation("The file is not written in UTF-8.") from error
    notice = "\n".join(line.lstrip("# ").rstrip() for line in lines if line.startswith("#")).strip()
    found = list(_verses(lines))
    if len({(surah, ayah) for surah, ayah, _ in found}) != sum(verses.lengths()) or len(found) != sum(
        verses.lengths()
    ):
        raise BadTranslation(
            f"The file has {len(found)} verses; each of the {sum(verses.lengths())} has to be there once."
        )
    return found, notice


def _verses(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        surah, _, rest = line.partition("|")
        ayah, _, text = rest.partition("|")
        is_place = surah.strip().isdecimal() and ayah.strip().isdecimal()
        if not (is_place and text.strip() and verses.exists(int(surah), int(ayah))):
            raise BadTranslation(f"Line {number} is no verse: it has to be surah|ayah|text.")
        yield int(surah), int(ayah), text.strip()


def store(raw: bytes, facts: Facts) -> Translation:
    """Keep a translation; one of the same slug is replaced as a whole. Raises BadTranslation."""
    found, notice = read(raw)
    slug = facts.slug or slugify(f"{facts.language} {facts.name}") or facts.language
    with transaction.atomic():
        Translation.objects.filter(slug=slug).delete()
        row = Translation.objects.create(
            slug=slug[:80],
            name=facts.name,
            translator=facts.translator,
            language=facts.language,
            licence=facts.licence,
            licence_url=facts.licence_url,
            source_url=facts.source_url,
            notice=notice,
            sha256=hashlib.sha256(raw).hexdigest(),
        )
        TranslatedVerse.objects.bulk_create(
            (
                TranslatedVerse(translation=row, surah=surah, ayah=ayah, text=text)
                for surah, ayah, text in found
            ),
            batch_size=_AT_ONCE,
        )
    return row


def of_verses(surah: int, first: int, last: int, *, language: str = "") -> list[Shown]:
    """Return what translations say of the verses; only those into one language where one is named. Two queries."""
    rows = Translation.objects.filter(is_shown=True)
    if language:
        rows = rows.filter(language=language)
    found = {row.pk: row for row in rows}
    texts: dict[object, list[tuple[int, str]]] = {pk: [] for pk in found}
    if found:
        wanted = TranslatedVerse.objects.filter(
            translation__in=found, surah=surah, ayah__gte=first, ayah__lte=last
        )
        for pk, ayah, text in wanted.order_by("ayah").values_list("translation_id", "ayah", "text"):
            texts[pk].append((ayah, text))
    return [_shown(row, texts[pk]) for pk, row in found.items()]


def _shown(row: Translation, texts: Sequence[tuple[int, str]]) -> Shown:
    return Shown(
        slug=row.slug,
        name=row.name,
        translator=row.translator,
        language=row.language,
        licence=row.licence,
        licence_url=row.licence_url,
        source_url=row.source_url,
        texts=tuple(texts),
    )

"""Marks what was found about quotations in an answer's HTML: genuine ones in our own spelling, others shown as such.

Findings count code points of the Markdown; the HTML has lost some of these and gained others. Letters and figures of
both are laid beside each other, and where they agree the place is known. What can't be placed is left as it was: the
note beneath the answer tells it all the same. Nothing but our own markup is added, and no text becomes markup.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any, TypeAlias

from django.utils.safestring import SafeString, mark_safe

from chat.notes import MOST_NOTES, Note, OwnWord, Verse, joined, labels, name_of, notes

_PIECE = re.compile(r'<(?:"[^"]*"|[^">])*>|[^<]+')
# Brackets and quotation marks that close what is quoted: its mark stands behind them.
_CLOSING = re.compile("[\ufd3e»›”’)\\]}]+")
_OPENING = {
    "\ufd3f": "\ufd3e",
    "\ufd3e": "\ufd3f",
    "«": "»",
    "“": "”",
    "{": "}",
    "‹": "›",
    "(": ")",
    "[": "]",
}
_ENTITY = re.compile(r"&(?:[a-zA-Z]+|#\d+|#x[0-9a-fA-F]+);")
_SIGNIFICANT = re.compile(r"[^\W_]")
# Nothing goes into what is shown as it was written.
_CLOSED = frozenset({"pre", "code"})
# So many letters in a row are no chance where Markdown and HTML have to be brought together again.
_SURE = 12
_MOST_BREAKS = 400
_ICON = '<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>'

# A part of a text: which text, and from where to where in it.
_Run: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Text:
    """A piece of text in the HTML, as it is written there. `is_open` tells whether marks may stand in it."""

    number: int  # of the piece
    raw: str
    is_open: bool
    in_block: int  # changes with every block
    in_link: bool  # where another link may not stand


@dataclass(frozen=True, slots=True)
class _Spot:
    """A letter of the HTML: in which text, and from where to where there."""

    text: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Edit:
    """What stands in the place of a part of a text."""

    start: int
    end: int
    html: str


def mark(
    html: str, markdown: str, quotations: list[Any], references: list[Any], *, anchor: str
) -> SafeString:
    """Return the HTML of the Markdown with its findings marked; `anchor` begins the addresses of the notes."""
    found = list(_marks(quotations, references))
    if not found:
        return mark_safe(html)  # noqa: S308 - cleaned by whoever rendered it
    page = _Page(html, markdown)
    last = 0
    for note in found:
        if note.start >= last and page.place(note, anchor):
            last = note.end
    return mark_safe(page.html())  # noqa: S308 - as above, with what is escaped here


def _marks(quotations: list[Any], references: list[Any]) -> Iterator[Note]:
    """Yield what is marked, in its order: the notes, and the references that belong to quotations."""
    found = notes(quotations, references)
    noted = {(note.start, note.end) for note in found}
    for one in references[:MOST_NOTES]:
        if (one["start"], one["end"]) not in noted:
            place = {"surah": one["surah"], "from": one["from"], "to": one["to"]}
            found.append(Note("real", one["start"], one["end"], one["text"], 0, [place], reference=one))
    yield from sorted(found, key=lambda note: note.start)


class _Page:
    """The HTML in pieces, the letters in it, and what is to be changed."""

    def __init__(self, html: str, markdown: str) -> None:
        self._pieces = _PIECE.findall(html)
        self._texts = list(_texts(self._pieces))
        self._spots: list[_Spot] = []
        letters = []
        for number, text in enumerate(self._texts):
            for start, end, letter in _letters(text.raw):
                self._spots.append(_Spot(number, start, end))
                letters.append(letter)
        written = list(_SIGNIFICANT.finditer(markdown))
        self._offsets = [each.start() for each in written]
        self._places = _aligned("".join(each[0] for each in written), "".join(letters))
        self._edits: dict[int, list[_Edit]] = {}
        self._behind: dict[int, str] = {}  # what stands behind a piece

    def place(self, note: Note, anchor: str) -> bool:
        """Mark the note's words; False where they are nowhere to be found whole, or where no mark may stand."""
        runs = list(self._runs(self._find(note.start, note.end)))
        texts = [self._texts[text] for text, _, _ in runs]
        if not texts or not all(text.is_open for text in texts):
            return False
        if note.is_reference and len({text.in_block for text in texts}) > 1:
            return False
        if note.kind == "real" and any(text.in_link for text in texts):
            return False
        own = self._in_own_words(note) if note.kind == "genuine" else []
        inner = [content for _, content in own] or [self._inner(note, *run) for run in runs]
        runs = [run for run, _ in own] or runs
        if not note.is_reference:
            self._take_brackets(runs, inner)
        for (text, start, end), content in zip(runs, inner, strict=True):
            self._edits.setdefault(text, []).append(_Edit(start, end, _wrapped(note, content)))
        if seal := _seal(note, anchor):
            self._put_behind(*runs[-1], seal)
        return True

    def _in_own_words(self, note: Note) -> list[tuple[_Run, str]]:
        """Return the words as our own text writes them, those that stand in one piece of text together.

        None where a word is in pieces itself. Figures between two pieces are left to whoever wrote them.
        """
        found: list[tuple[_Run, list[OwnWord]]] = []
        for word in note.own_words:
            spots = self._find(note.start + word.start, note.start + word.end)
            if len({spot.text for spot in spots}) != 1:
                return []
            text = spots[0].text
            end = _with_vowels(self._texts[text].raw, spots[-1].end)
            if found and found[-1][0][0] == text:
                (_, start, _), words = found[-1]
                found[-1] = ((text, start, end), [*words, word])
            else:
                found.append(((text, spots[0].start, end), [word]))
        return [(run, escape(joined(words))) for run, words in found]

    def _put_behind(self, text: int, start: int, end: int, seal: str) -> None:
        """Put a seal behind words and the brackets that close them; behind a link that they stand in."""
        own = self._texts[text]
        if own.in_link:
            piece = next(at for at in range(own.number, len(self._pieces)) if self._pieces[at] == "</a>")
            self._behind[piece] = self._behind.get(piece, "") + seal
            return
        closed = _CLOSING.match(own.raw, end)
        at = closed.end() if closed else end
        self._edits[text].append(_Edit(at, at, seal))

    def _take_brackets(self, runs: list[_Run], inner: list[str]) -> None:
        """Let the brackets around a quotation share its direction: they would stand at the wrong ends of it."""
        (first, start, _), (last, _, end) = runs[0], runs[-1]
        before, after = self._texts[first].raw[start - 1 : start], self._texts[last].raw[end : end + 1]
        if before not in _OPENING or not before or _OPENING[before] != after:
            return
        inner[0] = before + inner[0]
        inner[-1] += after
        runs[0] = (first, start - 1, runs[0][2])
        runs[-1] = (last, runs[-1][1], end + 1)

    def _find(self, start: int, end: int) -> list[_Spot]:
        first, last = bisect_left(self._offsets, start), bisect_left(self._offsets, end)
        places = self._places[first:last]
        if not places or any(place < 0 for place in places):
            return []
        return [self._spots[place] for place in places]

    def _runs(self, spots: Sequence[_Spot]) -> Iterator[_Run]:
        """Yield (text, start, end) for each text that holds some of the letters, with the vowels behind the last."""
        for number in dict.fromkeys(spot.text for spot in spots):
            own = [spot for spot in spots if spot.text == number]
            yield number, own[0].start, _with_vowels(self._texts[number].raw, own[-1].end)

    def _inner(self, note: Note, text: int, start: int, end: int) -> str:
        """Return the words as they stand there, those that differ marked."""
        raw = self._texts[text].raw
        parts, at = [], start
        for one in note.differences:
            spots = [spot for spot in self._find(one["start"], one["end"]) if spot.text == text]
            if not spots or spots[0].start < at:
                continue
            begin, stop = spots[0].start, min(end, _with_vowels(raw, spots[-1].end))
            parts += [raw[at:begin], f'<mark class="wrong">{raw[begin:stop]}</mark>']
            at = stop
        return "".join([*parts, raw[at:end]])

    def html(self) -> str:
        """Return the whole with the changes."""
        pieces = list(self._pieces)
        for text, edits in self._edits.items():
            raw = self._texts[text].raw
            for edit in reversed(edits):
                raw = raw[: edit.start] + edit.html + raw[edit.end :]
            pieces[self._texts[text].number] = raw
        for piece, seals in self._behind.items():
            pieces[piece] += seals
        return "".join(pieces)


def _with_vowels(raw: str, end: int) -> int:
    """Return where the last letter ends with the vowels and small signs that it carries."""
    while end < len(raw) and unicodedata.category(raw[end]) == "Mn":
        end += 1
    return end


def _texts(pieces: Sequence[str]) -> Iterator[_Text]:
    closed = links = block = 0
    for number, piece in enumerate(pieces):
        if piece[0] != "<":
            yield _Text(number, piece, closed == 0, block, links > 0)
            continue
        name = re.match(r"</?\s*([a-z0-9]+)", piece)
        tag = name[1] if name else ""
        if tag in _CLOSED:
            closed += -1 if piece[1] == "/" else 1
        elif tag == "a":
            links += -1 if piece[1] == "/" else 1
        elif tag not in ("em", "strong", "s", "br", "span"):
            block += 1


def _letters(raw: str) -> Iterator[tuple[int, int, str]]:
    """Yield where the letters and figures of a text stand in the HTML; what is escaped there counts as what it is."""
    at = 0
    for entity in _ENTITY.finditer(raw):
        for found in _SIGNIFICANT.finditer(raw, at, entity.start()):
            yield found.start(), found.end(), found[0]
        for letter in _SIGNIFICANT.findall(unescape(entity[0])):
            yield entity.start(), entity.end(), letter
        at = entity.end()
    for found in _SIGNIFICANT.finditer(raw, at):
        yield found.start(), found.end(), found[0]


def _aligned(written: str, shown: str) -> list[int]:
    """Return for each letter of the Markdown which letter of the HTML it is, -1 for none."""
    if written == shown:
        return list(range(len(written)))
    places = [-1] * len(written)
    at = other = breaks = 0
    while at < len(written) and other < len(shown) and breaks <= _MOST_BREAKS:
        if written[at] == shown[other]:
            places[at] = other
            at, other = at + 1, other + 1
            continue
        breaks += 1
        at, other = _again(written, shown, at, other)
    return places


def _again(written: str, shown: str, at: int, other: int) -> tuple[int, int]:
    """Return where both go on together: something was left out of the HTML (an address), or put into it (a number)."""
    left_out = written.find(shown[other : other + _SURE], at)
    put_in = shown.find(written[at : at + _SURE], other)
    if left_out >= 0 and (put_in < 0 or left_out - at <= put_in - other):
        return left_out, other
    return (at, put_in) if put_in >= 0 else (at + 1, other + 1)


def _wrapped(note: Note, content: str) -> str:
    if note.kind == "real":
        place = note.places[0]
        url = Verse(place["surah"], place["from"]).url
        return f'<a class="verse-link" href="{url}" title="{escape(name_of(place))}">{content}</a>'
    if note.is_reference:
        return f'<span class="flaw {note.kind}">{content}</span>'
    name = "ayah" if note.kind == "genuine" else f"ayah flaw {note.kind}"
    return f'<span class="{name}" lang="ar" dir="rtl">{content}</span>'


def _seal(note: Note, anchor: str) -> str:
    """Return the small mark behind the words: to the verse where they are genuine, else to the note."""
    if note.kind == "real":
        return ""
    if note.kind == "genuine":
        name = escape(f"{labels()['genuine']}: {note.name}")
        shown = "" if note.reference else f"<bdi>{escape(note.name)}</bdi>"
        return (
            f'<a class="seal genuine" href="{note.url}" title="{name}">{_ICON.format("seal")}'
            f'<span class="sr-only">{name}</span>{shown}</a>'
        )
    label = escape(note.label)
    return (
        f' <a class="seal {note.kind}" href="#{anchor}-{note.number}" data-note>{_ICON.format("warn")}'
        f"<span>{label}</span></a>"
    )

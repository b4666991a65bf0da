"""The verses in several spellings, what one can do to them, and ordinary sentences that are none of them.

The tests look at a sample of all this, `make bench ARGS=quotations` at the whole.
"""

from __future__ import annotations

import gettext
import random
import re
import site
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice, zip_longest
from pathlib import Path

from wisqu.scripture.build import words_of
from wisqu.scripture.letters import fold_all, fold_all_full
from wisqu.scripture.verdicts import Quotation
from wisqu.scripture.verses import read_lines

Place = tuple[int, int]
Verse = tuple[Place, list[str]]
NEGATIONS = ("لا", "لم", "لن", "ما", "ليس", "ولا", "وما", "فلا", "غير", "إلا")
SMALL_ALEF, TATWEEL = "\u0670", "\u0640"

# --- Spellings --------------------------------------------------------------------------------------------------------


@cache
def _read(name: str) -> list[Verse]:
    return [((surah, ayah), words_of(line, surah=surah, ayah=ayah)) for surah, ayah, line in read_lines(name)]


def modern(sample: int = 1) -> list[Verse]:
    """Return the words of each verse, or of every so many-th, as people type them today, without vowels."""
    return _read("simple-clean.txt")[::sample]


def uthmani(sample: int = 1) -> list[Verse]:
    """Return the words of each verse in Uthmani script with vowels and small signs."""
    return _read("uthmani.txt")[::sample]


def bare(sample: int = 1) -> list[Verse]:
    """Return the words in Uthmani script without vowels and signs; small alefs go too."""
    return [(place, [without_signs(word) for word in words]) for place, words in uthmani(sample)]


def eastern(sample: int = 1) -> list[Verse]:
    """Return the words in the letters that Persian and Urdu keyboards have."""
    letters = str.maketrans("يىكه", "ییکہ")
    return [(place, [word.translate(letters) for word in words]) for place, words in modern(sample)]


def careless(sample: int = 1) -> list[Verse]:
    """Return the words without hamzas on alefs, dots on the last ha, and with tatweel, as quick hands write them."""
    letters = str.maketrans("أإآىة", "اااي" + "ه")
    return [
        (place, [stretched(word.translate(letters), number) for number, word in enumerate(words)])
        for place, words in modern(sample)
    ]


SPELLINGS: dict[str, Callable[[int], list[Verse]]] = {
    "Uthmani, with all signs": uthmani,
    "Uthmani, bare": bare,
    "modern": modern,
    "modern, Persian and Urdu letters": eastern,
    "modern, careless": careless,
}


def without_signs(word: str) -> str:
    """Return a word without vowels, small signs and tatweel."""
    return "".join(sign for sign in word if unicodedata.category(sign) not in ("Mn", "Lm"))


def stretched(word: str, number: int) -> str:
    """Return every third word with a tatweel inside."""
    return word[:1] + TATWEEL + word[1:] if number % 3 == 0 and len(word) > 2 else word


def marked(words: Sequence[str]) -> str:
    """Return the words in the brackets that are made for verses."""
    return f"﴿{' '.join(words)}﴾"


def verses_in(quotation: Quotation) -> set[Place]:
    """Return every verse that the quotation may be."""
    return {(place.surah, ayah) for place in quotation.places for ayah in range(place.first, place.last + 1)}


# --- What one can do to them ------------------------------------------------------------------------------------------


def extract(words: Sequence[str], chance: random.Random) -> Sequence[str]:
    """Return 4 to 12 words in a row; all words of a verse that has fewer."""
    size = chance.randint(min(4, len(words)), min(12, len(words)))
    first = chance.randint(0, len(words) - size)
    return words[first : first + size]


def replaced(words: Sequence[str], chance: random.Random) -> list[str]:
    """Return the words with one replaced by another word of the Qur'an."""
    at = chance.randrange(len(words))
    other = chance.choice(vocabulary())
    while without_signs(other) == without_signs(words[at]):
        other = chance.choice(vocabulary())
    return [*words[:at], other, *words[at + 1 :]]


def dropped(words: Sequence[str], chance: random.Random) -> list[str] | None:
    """Return the words without one between the first and the last; None where there is none."""
    if len(words) < 3:
        return None
    at = chance.randrange(1, len(words) - 1)
    return [*words[:at], *words[at + 1 :]]


def added(words: Sequence[str], chance: random.Random) -> list[str]:
    """Return the words with one more somewhere."""
    at = chance.randrange(len(words) + 1)
    return [*words[:at], chance.choice(vocabulary()), *words[at:]]


def swapped(words: Sequence[str], chance: random.Random) -> list[str] | None:
    """Return the words with two neighbours in each other's place; None where no two differ."""
    places = [at for at in range(1, len(words)) if words[at] != words[at - 1]]
    if not places:
        return None
    at = chance.choice(places)
    return [*words[: at - 1], words[at], words[at - 1], *words[at + 1 :]]


def without_negation(words: Sequence[str], chance: random.Random) -> list[str] | None:
    """Return the words without one of their negations or exceptions; None where there is none."""
    places = [at for at, word in enumerate(words) if word in NEGATIONS]
    if not places or len(words) < 2:
        return None
    at = chance.choice(places)
    return [*words[:at], *words[at + 1 :]]


CHANGES: dict[str, Callable[[Sequence[str], random.Random], list[str] | None]] = {
    "one word replaced": replaced,
    "one word dropped": dropped,
    "one word added": added,
    "two words swapped": swapped,
    "a negation removed": without_negation,
}


@cache
def vocabulary() -> list[str]:
    """Return the words of the Qur'an in the modern spelling, each once."""
    return sorted({word for _, words in modern() for word in words})


def is_text(words: Sequence[str]) -> bool:
    """Tell whether the words stand like that in the Qur'an, by looking for their letters in the whole text.

    It shares no code with the checker's index: it says which changed verses are somewhere else's own words.
    """
    wanted = (f" {' '.join(fold(words))} " for fold in (fold_all, fold_all_full))
    return any(each in whole for each in wanted for whole in _wholes())


@cache
def _wholes() -> tuple[str, ...]:
    texts = ([word for _, words in read(1) for word in words] for read in (modern, uthmani))
    return tuple(f" {' '.join(fold(words))} " for words in texts for fold in (fold_all, fold_all_full))


# --- References -------------------------------------------------------------------------------------------------------

ARABIC, PERSIAN = (str.maketrans("0123456789", digits) for digits in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"))
# {s} and {a} are the numbers, {en} and so on the chapter's name in a language.
FORMS = {
    "en": ("Quran {s}:{a}", "Q {s}:{a}", "surah {s} verse {a}", "Surah {en} {a}", "{en}: {a}", "({s}:{a})"),
    "ar": ("القرآن {s}:{a}", "[{ar}: {a}]", "سورة {ar} الآية {a}", "({ar}: {a})"),
    "fa": ("قرآن {s}:{a}", "سوره {fa} آیه {a}", "({fa}: {a})"),
    "ur": ("قرآن {s}:{a}", "سورۃ {ur} آیت {a}", "({ur}: {a})"),
    "tr": ("Kur'an {s}:{a}", "{tr} suresi {a}. ayet", "{tr} Suresi, {a}. ayet"),
    "id": ("QS. {id}: {a}", "QS {id} [{s}]: {a}", "surah {id} ayat {a}"),
    "fr": ("Coran {s}:{a}", "sourate {fr}, verset {a}", "sourate {s}, verset {a}"),
}  # fmt: skip


def written(form: str, language: str, surah: int, ayah: int, names: dict[str, str]) -> str:
    """Return a reference in one of the forms, with the digits of its language."""
    text = form.format(s=surah, a=ayah, **names)
    return text.translate({"ar": ARABIC, "fa": PERSIAN, "ur": PERSIAN}.get(language, {}))


# --- Ordinary sentences -----------------------------------------------------------------------------------------------

_MARKUP = re.compile(r"<[^>]*>|%\([a-z_]+\)[sd]|%[sd]|\{[^}]*\}|\$\w+|&[a-z]+;")
_ENDS = re.compile(r"(?<=[.!؟?۔])\s+|\n+")
_ARABIC_SCRIPT = re.compile("[\u0620-\u06ff]")


def prose(count: int, *, seed: int = 1) -> list[str]:
    """Return so many sentences of three words or more, each once, as many of each language as there are.

    First what the installed packages (Django, allauth, REST framework) and the product say to their users in Arabic,
    Persian and Urdu, then sentences put together from parts.
    """
    texts = (
        text for group in zip_longest(*map(_told, ("ar", "fa", "ur", "ar_DZ"))) for text in group if text
    )
    sentences = (sentence for text in texts for sentence in _ENDS.split(_MARKUP.sub(" ", text)))
    found = dict.fromkeys(
        each for each in sentences if len(each.split()) >= 3 and _ARABIC_SCRIPT.search(each)
    )
    chance = random.Random(seed)
    while len(found) < count:
        columns = _columns()[chance.choice(("ar", "fa", "ur"))]
        found[" ".join(map(chance.choice, columns))] = None
    return list(islice(found, count))


@cache
def _columns() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for line in (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            language, *parts = line.split("|")
            found.setdefault(language, []).append(parts)
    return found


def _told(language: str) -> Iterator[str]:
    """Yield the translations of the installed packages and of the product into a language."""
    packages = (Path(folder) / name for folder in site.getsitepackages() for name in _PACKAGES)
    for folder in (ROOT / "locale", *packages):
        for path in sorted(folder.rglob(f"{language}/LC_MESSAGES/*.mo")):
            with path.open("rb") as file:
                yield from gettext.GNUTranslations(file)._catalog.values()  # type: ignore[attr-defined]


_PACKAGES = ("django", "allauth", "rest_framework", "rest_framework_simplejwt")
ROOT = Path(__file__).resolve().parent.parent.parent

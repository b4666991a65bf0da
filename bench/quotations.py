"""Does the checker of quotations tell true from changed, over the whole Qur'an, and how long does it take?

The verses, what is done to them, and the ordinary sentences are those of `tests/scripture/texts.py`. No server takes
part; everything is drawn from fixed seeds, so that the counts are the same on every machine.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.machine import MEASURED, ROOT, on_core
from bench.report import Row, at_least, at_most, row
from bench.stage import FULL, Scale, Stage
from tests.scripture import texts
from wisqu.scripture.checker import Report, check
from wisqu.scripture.names import LANGUAGES, surah_name
from wisqu.scripture.references import references
from wisqu.scripture.verses import lengths

WORDS = 1_000  # of an answer
TRIES = 5
SENTENCES = 5_000
IMPOSSIBLE = 10_000
PERCENT = "{:.2f}%"


async def ask(stage: Stage, scale: Scale) -> list[Row]:
    """Look at everything; a quick look takes every twentieth verse."""
    step = 1 if scale.runs >= FULL.runs else 20
    with on_core(MEASURED):
        return [
            *times(scale),
            *loading(scale),
            *genuine(step),
            *changed(step),
            *prose(),
            *real(step),
            *impossible(),
        ]


# --- True and changed -------------------------------------------------------------------------------------------------


def genuine(step: int) -> Iterator[Row]:
    """Yield how many verses and extracts are found to be the Qur'an's, at the right place, in each spelling."""
    chance = random.Random(1)
    for name, read in texts.SPELLINGS.items():
        for what, cut in (("whole", list), ("extracts", lambda words: texts.extract(words, chance))):
            counts = Counter(_verdict(place, cut(words)) for place, words in read(step))
            theirs = counts["genuine"] + counts["cut"]
            note = f", {counts['cut']:,} of them cut" if counts["cut"] else ""
            yield row(
                f"{name}, {what}: genuine ({counts.total():,}{note})",
                [100 * theirs / counts.total()],
                PERCENT,
                goal="100%",
                holds=at_least(100),
            )


def _verdict(place: texts.Place, words: Sequence[str]) -> str:
    quotations = check(texts.marked(words)).quotations
    if len(quotations) != 1 or place not in texts.verses_in(quotations[0]):
        return "elsewhere"
    return quotations[0].verdict


def changed(step: int) -> Iterator[Row]:
    """Yield how many changed verses pass for genuine, and how many are named as altered with their place."""
    chance = random.Random(2)
    for name, change in texts.CHANGES.items():
        seen = passed = altered = excused = 0
        for place, words in texts.modern(step):
            now = change(words, chance)
            if now is None:
                continue
            report = check(texts.marked(now))
            if any(each.verdict in ("genuine", "cut") for each in report.quotations):
                # What a change makes may be another verse's own words; then it is no changed verse.
                excused += texts.is_text(now)
                passed += not texts.is_text(now)
                continue
            seen += 1
            altered += _is_altered(report, place)
        title = f"{name} ({seen + passed:,}; {excused} more are words of the Qur'an elsewhere)"
        yield row(f"{title}: genuine", [passed], goal="0", holds=at_most(0))
        yield row(
            "  altered, with the right verse",
            [100 * altered / seen],
            PERCENT,
            goal=">= 99%",
            holds=at_least(99),
        )


def _is_altered(report: Report, place: texts.Place) -> bool:
    return any(each.verdict == "altered" and place in texts.verses_in(each) for each in report.quotations)


def prose() -> Iterator[Row]:
    """Yield how many ordinary sentences are taken for quotations."""
    sentences = texts.prose(SENTENCES)
    claimed = sum(bool(check(each).quotations) for each in sentences)
    yield row(
        f"ordinary sentences taken for a quotation (of {len(sentences):,})",
        [claimed],
        goal="0",
        holds=at_most(0),
    )


# --- References -------------------------------------------------------------------------------------------------------


def real(step: int) -> Iterator[Row]:
    """Yield how many references to verses that there are are read as such, in every form of each language."""
    for language, forms in texts.FORMS.items():
        seen = read = 0
        for (surah, ayah), _ in texts.modern(step):
            for form in forms:
                found = references(texts.written(form, language, surah, ayah, _names(surah)))
                seen += 1
                read += [(one.surah, one.first, one.state) for one in found] == [(surah, ayah, "real")]
        yield row(
            f"references, {language}, {len(forms)} forms: real ({seen:,})",
            [100 * read / seen],
            PERCENT,
            goal="100%",
            holds=at_least(100),
        )


def impossible() -> Iterator[Row]:
    """Yield how many references to verses that there are not are found to be impossible."""
    chance = random.Random(3)
    found = 0
    for _ in range(IMPOSSIBLE):
        language = chance.choice(list(texts.FORMS))
        form = chance.choice(texts.FORMS[language])
        is_named = "{s}" not in form
        surah = chance.randint(1, 114 if is_named else 130)
        ayah = (lengths()[surah] if surah <= 114 else 0) + chance.randint(1, 400)
        text = texts.written(form, language, surah, ayah, _names(min(surah, 114)))
        found += [one.state for one in references(text)] == ["impossible"]
    yield row(
        f"references to no verse: found (of {IMPOSSIBLE:,})",
        [found],
        goal=f"{IMPOSSIBLE:,}",
        holds=at_least(IMPOSSIBLE),
    )


def _names(surah: int) -> dict[str, str]:
    return {language: surah_name(surah, language) for language in LANGUAGES}


# --- Time and memory --------------------------------------------------------------------------------------------------


def times(scale: Scale) -> Iterator[Row]:
    """Yield the processor's time for answers, each text once and then its least of some tries, which other work on the
    machine touches less; and whether it grows faster than a hostile text.
    """
    for name, answers in ANSWERS.items():
        check(answers(0))
        written = [answers(1 + turn) for turn in range(4 * max(scale.runs, 5))]
        yield row(
            f"an answer of {WORDS:,} words: {name}",
            [_milliseconds(text) for text in written],
            "{:.1f} ms",
            goal="< 5 ms",
            holds=at_most(5),
        )
        tried = [min(_milliseconds(text) for _ in range(TRIES)) for text in written]
        yield row(f"  the least of {TRIES} tries", tried, "{:.1f} ms")
    for name, hostile in HOSTILE.items():
        few, many = (min(_milliseconds(hostile(size)) for _ in range(3)) for size in (10_000, 40_000))
        yield row(
            f"hostile text of 40,000 characters ({name}), {many:.0f} ms: each takes, beside 10,000",
            [many / few / 4],
            "{:.2f} x",
            goal="linear",
            holds=at_most(1.5),
        )


def _milliseconds(text: str) -> float:
    began = time.process_time()
    check(text)
    return (time.process_time() - began) * 1000


def _mixed(turn: int, *, prose: Sequence[str], every: int, spelling: str) -> str:
    """Return an answer of so many words: sentences, with a verse and its reference after every so many."""
    chance = random.Random(turn)
    verses = texts.SPELLINGS[spelling](1)
    parts: list[str] = []
    while sum(len(part.split()) for part in parts) < WORDS:
        parts += chance.sample(prose, every)
        (surah, ayah), words = chance.choice(verses)
        parts.append(f"﴿{' '.join(words[:25])}﴾ ({surah_name(surah)} {ayah})")
    return " ".join(" ".join(parts).split(" ")[:WORDS])


def _english(turn: int) -> str:
    sentences = [
        line for line in (ROOT / "docs" / "architecture.md").read_text().splitlines() if len(line) > 80
    ]
    return _mixed(turn, prose=sentences, every=2, spelling="Uthmani, with all signs")


def _arabic(turn: int) -> str:
    return _mixed(turn, prose=texts.prose(3_000), every=8, spelling="modern")


def _verses(turn: int) -> str:
    chance = random.Random(turn)
    verses = texts.uthmani()
    first = chance.randrange(len(verses) - 300)
    words = [word for _, verse in verses[first : first + 300] for word in verse]
    return " ".join(words[:WORDS])


ANSWERS = {
    "English with verses": _english,
    "Arabic, Persian and Urdu with verses": _arabic,
    "nothing but verses, with vowels": _verses,
}
HOSTILE = {
    "one phrase": lambda size: ("ان الله علي كل " * size)[:size],
    "one word of the text changed in ten": lambda size: _spoiled()[:size],
    "brackets": lambda size: ("﴿من﴾ «" * size)[:size],
    "brackets among other words": lambda size: ("﴿من﴾ a " * size)[:size],
    "numbers": lambda size: ("البقرة 2:255 " * size)[:size],
    "names without numbers": lambda size: ("سورة Al " * size)[:size] + "1",
}


def _spoiled() -> str:
    words = [word for _, verse in texts.modern() for word in verse]
    return " ".join("كتاب" if number % 10 == 0 else word for number, word in enumerate(words))


_LOAD = """
import json, re, time, hashlib, dataclasses, functools, bisect, unicodedata, difflib, typing
def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before, began = held(), time.process_time()
from wisqu.scripture.checker import check
imported = time.process_time()
check("﴿قل هو الله أحد﴾ (112:1)")
print(json.dumps([(imported - began) * 1000, (time.process_time() - imported) * 1000, held() - before]))
"""


def loading(scale: Scale) -> list[Row]:
    """Return what a process takes to be able to check, in processes of their own."""
    runs = [
        json.loads(
            subprocess.run([sys.executable, "-c", _LOAD], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        )
        for _ in range(max(scale.runs, 3))
    ]
    return [
        row("importing the code", [each[0] for each in runs], "{:.0f} ms"),
        row(
            "loading the text, to the first check",
            [each[1] for each in runs],
            "{:.0f} ms",
            goal="100 ms",
            holds=at_most(100),
        ),
        row("memory of both", [each[2] for each in runs], "{:.0f} MB", goal="40 MB", holds=at_most(40)),
    ]

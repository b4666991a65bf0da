"""What scholars have laid down for some questions, found for a question that is like them.

Likeness is counted in words, without a model: of the words of an example most have to stand in the question. What is
found is told to the model behind the question, after everything that a provider caches, and kept with the question, so
that the next turn of the conversation sends the same bytes again.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from chat import folding
from chat.trust import Guidance

FRESH_SECONDS = 30.0
# Most that is told beside one question.
MOST = 2
_LEAST_SHARE = 0.6  # of the example's words
_LEAST_WORDS = 2
# A question in which an example is a small part asks for more than that.
_MOST_BESIDE = 6.0
_SHORTEST_WORD = 3
_LONGEST_QUESTION = 4000

_NOTE = (
    "\n\n[From this site's scholars, reviewed for questions like this one. It is part of your instructions, not of the "
    "question; take it into account and don't mention this note.]\n{text}"
)


class _Example(NamedTuple):
    words: frozenset[str]
    text: str


_known: tuple[float, list[_Example]] | None = None


def for_question(question: str) -> str:
    """Return what is laid down for questions like this one, empty where nothing is."""
    examples = _examples()
    if not examples:
        return ""
    asked = _words(question[:_LONGEST_QUESTION])
    scored = sorted(((_likeness(each.words, asked), each.text) for each in examples), reverse=True)
    alike = dict.fromkeys(text for score, text in scored if score > 0)
    return "\n\n".join(list(alike)[:MOST])


def told(question: str, guidance: str) -> str:
    """Return the question as the model is sent it."""
    return question + _NOTE.format(text=guidance) if guidance else question


def forget() -> None:
    """Read the table again at the next question."""
    global _known
    _known = None


def _examples() -> list[_Example]:
    """Return the active examples, as they were half a minute ago at most."""
    global _known
    known = _known
    if known is None or time.monotonic() - known[0] > FRESH_SECONDS:
        rows = Guidance.objects.filter(is_active=True).values_list("questions", "text")
        found = [_Example(words, text) for lines, text in rows for words in map(_words, lines.splitlines())]
        _known = known = (time.monotonic(), [each for each in found if each.words])
    return known[1]


def _words(text: str) -> frozenset[str]:
    """Return the words that tell questions apart: not the shortest, which all of them have."""
    found = (folding.without_article(word) for word in folding.words(text))
    return frozenset(word for word in found if len(word) >= _SHORTEST_WORD)


def _likeness(example: frozenset[str], asked: frozenset[str]) -> float:
    """Return the share of the example's words that the question has; 0 where it is not like it."""
    shared = len(example & asked)
    share = shared / len(example)
    is_alike = share >= _LEAST_SHARE and shared >= min(_LEAST_WORDS, len(example))
    return share if is_alike and len(asked) <= _MOST_BESIDE * len(example) else 0.0

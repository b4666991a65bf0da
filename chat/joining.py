"""An answer that broke off, taken up by another model: what it is asked, and how its words are joined to the others.

The reader has seen the words so far and must see none of them twice and none left out. Models that go on from an
unfinished answer (`assistant prefill`) get just that. Others are asked to begin by repeating its last words, which
tells exactly where they go on; what they repeat is taken away.
"""

from __future__ import annotations

import re

import msgspec

from presets.tokens import estimate
from wisqu.openrouter.traits import continues_an_answer
from wisqu.openrouter.types import ChatRequest, Message

# The last words that a model is asked to repeat: enough not to stand anywhere else, as a rule.
_ANCHOR = 60
# A model that was to go on by itself may begin with a few letters like those before; this much is no chance.
_NO_CHANCE = 16
# So much of an answer is known again although something stands before it.
_KNOWN_AGAIN = 6
# Something like "Here is the rest:" may stand before the repetition.
_PREFACE = 60
# A word follows without a blank after these; after those that open something; and after the others where they do.
_JOINING, _OPENING, _PAIRED = "/\\-_#@", "([{<«“‘", '"*`'
# Repeated words are looked for in so much of the end of an answer.
_LOOKED_AT = 6000
# An answer is never asked for with fewer tokens than this.
_FEWEST_TOKENS = 16

_INSTRUCTION = (
    "Your answer above was cut off by a technical fault. Write the rest of it now. Begin by repeating exactly these "
    "last characters of it, so that the two parts can be joined, and then go on as if nothing had happened, in the "
    "same language, without a word about the interruption:\n"
)


def continued(request: ChatRequest, text: str) -> ChatRequest:
    """Return the request for the rest of an answer that began with `text`; the request itself where there is none."""
    if not text.strip():
        return request
    # Providers refuse an unfinished answer that ends in blanks.
    turn = [Message.text("assistant", text.rstrip())]
    if has_to_be_told(request):
        turn.append(Message.text("user", _INSTRUCTION + anchor(text)))
    limit = request.max_tokens
    return msgspec.structs.replace(
        request,
        messages=(*request.messages, *turn),
        max_tokens=limit and max(_FEWEST_TOKENS, limit - estimate(text)),
    )


def has_to_be_told(request: ChatRequest) -> bool:
    """Tell whether one of the models that may answer does not go on from an unfinished answer by itself."""
    return not all(map(continues_an_answer, (request.model, *request.fallback_models)))


def anchor(text: str) -> str:
    """Return the last words of the text, from the beginning of a word on where there is one."""
    end = text.rstrip()[-_ANCHOR:]
    words = end.split(maxsplit=1)
    return words[1] if len(end) == _ANCHOR and len(words) == 2 else end


class Joiner:
    """Takes the words of the model that goes on, piece by piece; gives what is to follow the words so far.

    `told` says whether it was asked to repeat the last words. Pieces are held back while they may still be a
    repetition, or what stands before one: for a few words.
    """

    def __init__(self, text: str, *, told: bool) -> None:
        self._text = text
        self._ending = text[len(text.rstrip()) :]
        self._known = _squeezed(text[-_LOOKED_AT:])
        self._anchor = _squeezed(anchor(text)) if told else ""
        # Who was told to repeat may repeat the last word alone; from others that is the next word.
        last_word = text.rsplit(maxsplit=1)[-1:]
        self._least = min(_NO_CHANCE, max(2, len(last_word[0]))) if told and last_word else _NO_CHANCE
        self._held: str | None = "" if text.strip() else None
        self.cut = 0  # how much longer what was said is than what was given of it

    @property
    def is_holding(self) -> bool:
        """Whether nothing is known yet of where the words belong."""
        return self._held is not None

    def feed(self, piece: str) -> str:
        """Return what can be shown now."""
        if self._held is None:
            return piece
        self._held += piece
        said = _squeezed(self._held)
        is_awaited = len(said) < len(self._anchor) + _PREFACE and not self._repeated(self._held)
        if said in self._known or (self._anchor and is_awaited):
            return ""
        return self.end()

    def end(self) -> str:
        """Return what is still held back: nothing follows."""
        if self._held is None:
            return ""
        held, self._held = self._held, None
        repeated = self._repeated(held)
        rest = _after(held, repeated) if repeated else held
        if self._ending:
            rest = rest[len(self._ending) :] if rest.startswith(self._ending) else rest.lstrip()
        elif self._anchor and not repeated and self._needs_blank(rest):
            # A new message never begins with a blank, even where the sentence it goes on with needs one.
            rest = " " + rest
        self.cut = len(held) - len(rest)
        return rest

    def _needs_blank(self, rest: str) -> bool:
        """Tell whether a blank belongs between the text and the rest, as far as signs can tell."""
        last, first = self._text[-1], rest[:1]
        begins = first.isalnum() or _opens(first, self._text)
        return begins and last not in _JOINING and not _opens(last, self._text.rstrip(last))

    def _repeated(self, held: str) -> int:
        """Return how many characters, blanks aside, at the beginning only lead up to where the text so far ends."""
        said, known = _squeezed(held), self._known
        if told := self._as_told(held, said):
            return told
        for size in range(min(len(said), len(known)), self._least - 1, -1):
            if known.endswith(said[:size]) and (size >= _NO_CHANCE or _is_apart(held, size)):
                return size
        return 0

    def _as_told(self, held: str, said: str) -> int:
        """Return the same for a model that repeats what it was told to, whatever stands before it."""
        if len(self._anchor) >= _KNOWN_AGAIN:
            place = said.find(self._anchor)
            return place + len(self._anchor) if place >= 0 else 0
        if not self._anchor:
            return 0
        # So short an answer may be a part of anything: it counts at the beginning of a line, as words of their own.
        found = re.match(r"(?:[^\n]*:\s*\n)?\s*" + re.escape(anchor(self._text)) + r"(?!\w)", held)
        return len(_squeezed(found[0])) if found else 0


def _opens(sign: str, before: str) -> bool:
    """Tell whether a sign (or a run of it) after that text opens something: a quotation, bold type."""
    is_free = sign in _PAIRED and len(re.findall(re.escape(sign) + "+", before)) % 2 == 0
    return sign != "" and (sign in _OPENING or is_free)


def _is_apart(said: str, size: int) -> bool:
    """Tell whether the first so many characters are whole words at the very beginning, as a repetition has them."""
    return not said[:1].isspace() and not _after(said, size)[:1].isalnum()


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _after(said: str, size: int) -> str:
    """Return what follows so many characters that are not blank."""
    for place, character in enumerate(said):
        size -= not character.isspace()
        if not size:
            return said[place + 1 :]
    return ""

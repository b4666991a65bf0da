"""An answer that broke off and is to be gone on with: how a request shows it, and what a model then says."""

import re
from dataclasses import dataclass
from typing import Any

# "... was cut off ...", and after the first colon at the end of a line the words to begin with.
_TOLD = re.compile(r"\bcut off\b.*?:\n(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The text that is there, the question it answers, and the words of it that the model was told to repeat."""

    text: str
    question: str
    repeat: str = ""
    told: bool = False


def find(messages: list[Any]) -> Unfinished | None:
    """Return what the request wants gone on with: its last message, or the one before an instruction to do so."""
    lines = [(each.get("role"), text_of(each.get("content"))) for each in messages if isinstance(each, dict)]
    told = _TOLD.search(lines[-1][1]) if lines and lines[-1][0] == "user" else None
    written = lines[:-1] if told else lines
    if not written or written[-1][0] != "assistant" or not written[-1][1]:
        return None
    question = next((text for role, text in reversed(written) if role == "user"), "")
    return Unfinished(written[-1][1], question, told[1] if told else "", told is not None)


def rest(pieces: list[str], unfinished: Unfinished) -> list[str]:
    """Return the pieces of the answer from where it broke off, after what is to be repeated.

    An answer that does not begin with the text that is there is another one: it is given whole.
    """
    length = len(unfinished.text.rstrip())
    if not "".join(pieces).startswith(unfinished.text.rstrip()):
        return pieces
    left = []
    for piece in pieces:
        if length < len(piece):
            left.append(piece[max(0, length) :])
        length -= len(piece)
    return [unfinished.repeat, *left] if unfinished.repeat else left


def text_of(content: object) -> str:
    """Return the text of a message, whatever form its content has."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))

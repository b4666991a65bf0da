"""A text that matches a regular expression, for the plain patterns of JSON schemas."""

import re
from importlib import import_module
from typing import Any

# The parser of `re` itself: its tree is the only faithful reading of a pattern.
codes: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

_CATEGORIES = {
    codes.CATEGORY_DIGIT: "1",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_DIGIT: "a",
    codes.CATEGORY_NOT_WORD: "-",
    codes.CATEGORY_NOT_SPACE: "a",
}
_TRIED = "aA1 -_.,:/@ابپ" + "".join(map(chr, range(33, 127)))


def matching(pattern: str, *, repeats: int) -> str | None:
    """A text that `pattern` is found in, with `repeats` more rounds of what may repeat; or None."""
    try:
        text = "".join(_text(item, repeats) for item in parser.parse(pattern))
        return text if re.search(pattern, text) else None
    except (re.error, KeyError, ValueError):
        return None


def _text(item: tuple[Any, Any], repeats: int) -> str:
    code, value = item
    if code is codes.LITERAL:
        return chr(value)
    if code is codes.IN:
        return _one_of(value)
    if code is codes.ANY:
        return "a"
    if code is codes.NOT_LITERAL:
        return "b" if value == ord("a") else "a"
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        least, most, inner = value
        rounds = min(int(most), int(least) + repeats)
        return "".join(_text(each, 0) for each in inner) * rounds
    if code is codes.SUBPATTERN:
        return "".join(_text(each, repeats) for each in value[-1])
    if code is codes.BRANCH:
        return "".join(_text(each, repeats) for each in value[1][0])
    if code in (codes.AT, codes.ASSERT, codes.ASSERT_NOT):
        return ""
    raise ValueError(f"no text for {code}")


def _one_of(options: list[tuple[Any, Any]]) -> str:
    if options[0][0] is codes.NEGATE:
        return next(each for each in _TRIED if not _in(each, options[1:]))
    code, value = options[0]
    if code is codes.RANGE:
        return chr(value[0])
    return _CATEGORIES[value] if code is codes.CATEGORY else chr(value)


def _in(char: str, options: list[tuple[Any, Any]]) -> bool:
    for code, value in options:
        if code is codes.LITERAL and ord(char) == value:
            return True
        if code is codes.RANGE and value[0] <= ord(char) <= value[1]:
            return True
        if code is codes.CATEGORY and re.fullmatch(_CLASSES[value], char):
            return True
    return False


_CLASSES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_NOT_WORD: r"\W",
    codes.CATEGORY_NOT_SPACE: r"\S",
}

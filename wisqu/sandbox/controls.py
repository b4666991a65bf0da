"""Control words: `[[name]]`, `[[name:value]]`, `[[name:value option=x]]` in a prompt, read into one value."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"\[\[([a-z][a-z-]*)(?::(.*?))?\]\]", re.DOTALL)
_OPTION = re.compile(r"\s+([a-z_]+)=(\S+)")


@dataclass(frozen=True, slots=True)
class FaultWord:
    """A scripted failure: its name, and where, how often and with which figures it happens."""

    name: str
    model: str | None = None
    times: int | None = None
    key: str | None = None
    after: int = 5
    seconds: float | None = None
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything the control words of one prompt ask for."""

    words: dict[str, str]
    faults: tuple[FaultWord, ...] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.words

    def text(self, name: str, default: str = "") -> str:
        return self.words.get(name, default)

    def number(self, name: str, default: int, *, most: int = 1_000_000) -> int:
        """The word's value as a whole number within 0 and `most`; `default` when absent or no number."""
        value = self.words.get(name, "").strip()
        return min(int(value), most) if value.isdecimal() else default


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None


def fault_word(value: str) -> FaultWord:
    """Read `503 model=openai/gpt-4o times=2 key=abc`."""
    name, *_ = value.split() or [""]
    options = dict(_OPTION.findall(value))
    after = _whole(options.get("after"))
    return FaultWord(
        name=name,
        model=options.get("model"),
        times=_whole(options.get("times")),
        key=options.get("key"),
        after=5 if after is None else after,
        seconds=_seconds(options.get("seconds")),
        retry_after=options.get("retry_after"),
    )


def parse(text: str) -> Controls:
    """The control words of `text`; the last of a name wins, faults all count in their order."""
    words: dict[str, str] = {}
    faults: list[FaultWord] = []
    for name, value in _WORD.findall(text):
        if name == "fault":
            faults.append(fault_word(value))
        else:
            words[name] = value
    return Controls(words=words, faults=tuple(faults))


def strip(text: str) -> str:
    """`text` without its control words: what a person asked."""
    return _WORD.sub("", text).strip()

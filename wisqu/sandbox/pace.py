"""How fast a reply arrives: by default like a real model's, always the same for the same question."""

import hashlib
import re
from dataclasses import dataclass

from wisqu.sandbox.controls import Controls

_MILLISECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*ms")
_COMMENT_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds to the first token, and the delays of the tokens after it, taken in turn."""

    first: float
    delays: tuple[float, ...]

    def delay(self, index: int) -> float:
        return self.delays[index % len(self.delays)]

    def waits(self) -> list[float]:
        """The wait for the first token, in the slices that comments separate."""
        slices = [_COMMENT_EVERY] * int(self.first / _COMMENT_EVERY)
        return [*slices, self.first - sum(slices)]


NONE = Pace(0.0, (0.0,))


def _milliseconds(text: str) -> float | None:
    found = _MILLISECONDS.fullmatch(text.strip())
    return float(found[1]) / 1000 if found else None


def choose(*, controls: Controls, question: str, hurried: bool = False) -> Pace:
    """The pace asked for by `[[pace:...]]` and `[[first:...]]`; `hurried` for titles and other small work."""
    wanted = controls.text("pace")
    first = _milliseconds(controls.text("first"))
    if wanted == "fast":
        return Pace(first or 0.0, (0.0,))
    every = 0.08 if wanted == "slow" else _milliseconds(wanted)
    if every is not None:
        return Pace(every if first is None else first, (every,))
    digest = hashlib.blake2b(question.encode("utf-8", "surrogatepass")).digest()
    if hurried:
        return Pace(0.1, (0.005,))
    usual = 0.3 + 0.3 * digest[0] / 255
    return Pace(usual if first is None else first, tuple(0.012 + 0.008 * byte / 255 for byte in digest))

"""Made-up conversations in the proportions of use: short, long, with a long system prompt, with a document."""

from __future__ import annotations

import random
from dataclasses import dataclass

MINUTE = 60
PACES = {3: 0.70, 20: 0.20, 70: 0.10}  # the usual pause in minutes, and how often people keep it


@dataclass(frozen=True)
class Shape:
    """A kind of conversation: sizes in tokens, the range of its turns, and how often it occurs."""

    name: str
    system: int
    first: int
    question: int
    answer: int
    turns: tuple[int, int]
    share: float


SHAPES = (
    Shape("one question", 1_500, 120, 120, 450, (1, 1), 0.30),
    Shape("short", 500, 150, 120, 400, (2, 5), 0.25),
    Shape("long", 800, 200, 150, 450, (15, 40), 0.15),
    Shape("system-heavy", 6_000, 150, 120, 400, (2, 10), 0.15),
    Shape("document, one question", 800, 12_000, 150, 500, (1, 1), 0.05),
    Shape("document", 800, 12_000, 150, 500, (3, 14), 0.10),
)


@dataclass(frozen=True)
class Talk:
    """One conversation: its sizes in tokens and the seconds before each question but the first."""

    shape: str
    pace: int
    weight: float
    system: int
    questions: tuple[int, ...]
    answers: tuple[int, ...]
    pauses: tuple[float, ...]

    def sizes(self, turn: int) -> list[int]:
        """Return the sizes of the prompt's messages at this turn (from 0)."""
        told = [size for pair in zip(self.questions, self.answers, strict=True) for size in pair]
        return [self.system, *told[: 2 * turn + 1]]

    @property
    def turns(self) -> int:
        return len(self.questions)


def talks(seed: int, each: int) -> list[Talk]:
    """Return so many conversations of every shape and pace, weighed by how often they occur."""
    rng = random.Random(seed)
    return [
        _talk(rng, shape, pace, shape.share * share / each)
        for shape in SHAPES
        for pace, share in PACES.items()
        for _ in range(each)
    ]


def _talk(rng: random.Random, shape: Shape, pace: int, weight: float) -> Talk:
    turns = rng.randint(*shape.turns)

    def about(size: int) -> int:
        return round(size * rng.uniform(0.6, 1.4))

    return Talk(
        shape=shape.name,
        pace=pace,
        weight=weight,
        system=shape.system,
        questions=(about(shape.first), *(about(shape.question) for _ in range(turns - 1))),
        answers=tuple(about(shape.answer) for _ in range(turns)),
        pauses=tuple(pace * MINUTE * rng.uniform(0.5, 1.4) for _ in range(turns - 1)),
    )

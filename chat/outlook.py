"""How a conversation is expected to go on: whether another question follows, and how soon. Pure.

A start from published figures, corrected by what the product itself has seen (`chat.habits`), corrected by the pauses
of this very conversation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from wisqu.openrouter.traits import LIFETIME_S, Ttl

# Turns and prefix lengths (tokens) are counted in classes; each number begins one.
_TURN_CLASSES = (1, 2, 3, 6)
_LENGTH_CLASSES = (0, 1_000, 2_000, 8_000, 32_000)

# How often another question follows after a turn of each class. Public collections of chats (WildChat, LMSYS-Chat)
# have two to two and a half turns a conversation, and those that go on go on longer.
_START = (0.45, 0.65, 0.75, 0.85)
# Somebody who brought a document or a long prompt came to work with it.
_START_LONG = (0.60, 0.72, 0.80, 0.85)
_LONG_FROM_CLASS = 3

# People keep their pace. Each row is one pace: how often its pauses are up to five minutes, up to an hour, longer.
_PACES = ((0.94, 0.04, 0.02), (0.10, 0.82, 0.08), (0.10, 0.12, 0.78))
# How common each pace is.
_START_PACES = (0.80, 0.13, 0.07)

# So many observations weigh as much as the start.
START_WEIGHT = 50
# So many of the last pauses tell the pace: somebody may change it.
_PAUSES_SEEN = 6


@dataclass(frozen=True, slots=True)
class Habit:
    """What was seen after turns of one class: how many ended, and how many went on after which pause."""

    ended: int = 0
    short: int = 0
    long: int = 0
    longer: int = 0

    @property
    def went_on(self) -> int:
        """How often another question followed."""
        return self.short + self.long + self.longer


@dataclass(frozen=True, slots=True)
class HabitKey:
    """A class of turns: a published preset's slug (empty for any other), classes of prefix length and turn."""

    preset: str
    length: int
    turn: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How likely a conversation has this pace, and how likely its pauses then are within a cache's lifetime."""

    chance: float
    within_5m: float
    within_1h: float

    def within(self, ttl: Ttl) -> float:
        """Return the chance that a pause is within the lifetime."""
        return self.within_1h if ttl == "1h" else self.within_5m


@dataclass(frozen=True, slots=True)
class Outlook:
    """`goes_on[n]` is the chance that another question follows the n-th turn from now (the last one repeats)."""

    goes_on: tuple[float, ...]
    paces: tuple[Pace, ...]

    def chance(self, turns_ahead: int) -> float:
        """Return the chance that the turn so many ahead is followed by another."""
        return self.goes_on[min(turns_ahead, len(self.goes_on) - 1)]


def key_of(*, preset: str = "", prefix_tokens: int, turn: int) -> HabitKey:
    """Return the class of a turn; `turn` counts from 1."""
    return HabitKey(preset, _place(_LENGTH_CLASSES, prefix_tokens), _place(_TURN_CLASSES, turn))


def expect(
    *,
    habits: Mapping[HabitKey, Habit],
    prefix_tokens: int,
    turn: int,
    pauses: Sequence[float] = (),
    preset: str = "",
) -> Outlook:
    """Return the outlook after turn `turn` (from 1) of a conversation with these pauses (seconds) so far."""
    here = key_of(preset=preset, prefix_tokens=prefix_tokens, turn=turn)
    later = {each: _pooled(habits, here, each) for each in range(here.turn, len(_TURN_CLASSES))}
    turns = range(turn + 1, max(turn + 1, _TURN_CLASSES[-1]) + 1)
    goes_on = (
        _goes_on(here, habits.get(here, Habit())),
        *(
            _goes_on(replace(here, turn=place), later[place])
            for place in (_place(_TURN_CLASSES, each) for each in turns)
        ),
    )
    return Outlook(goes_on, _paces(habits.get(here, Habit()), pauses))


def _pooled(habits: Mapping[HabitKey, Habit], here: HabitKey, turn: int) -> Habit:
    """Return what was seen at a later turn with prefixes at least as long as now: a conversation only grows."""
    found = [
        habit
        for key, habit in habits.items()
        if key.preset == here.preset and key.turn == turn and key.length >= here.length
    ]
    return Habit(ended=sum(habit.ended for habit in found), short=sum(habit.went_on for habit in found))


def _goes_on(key: HabitKey, seen: Habit) -> float:
    start = (_START_LONG if key.length >= _LONG_FROM_CLASS else _START)[key.turn]
    return (start * START_WEIGHT + seen.went_on) / (START_WEIGHT + seen.went_on + seen.ended)


def _paces(habit: Habit, pauses: Sequence[float]) -> tuple[Pace, ...]:
    """Return the paces, as likely as the pauses of this conversation make them (Bayes' rule)."""
    seen = (habit.short, habit.long, habit.longer)
    weights = [start * START_WEIGHT + count for start, count in zip(_START_PACES, seen, strict=True)]
    for pause in pauses[-_PAUSES_SEEN:]:
        kind = pause_class(pause)
        weights = [weight * pace[kind] for weight, pace in zip(weights, _PACES, strict=True)]
    whole = sum(weights)
    return tuple(
        Pace(weight / whole, pace[0], pace[0] + pace[1]) for weight, pace in zip(weights, _PACES, strict=True)
    )


def pause_class(seconds: float) -> int:
    """Return 0 for a pause that a cache of five minutes outlives, 1 for one that an hour's does, else 2."""
    return 0 if seconds <= LIFETIME_S["5m"] else 1 if seconds <= LIFETIME_S["1h"] else 2


def _place(classes: Sequence[int], value: int) -> int:
    return max(place for place, first in enumerate(classes) if value >= first)


def count(
    answers: Iterable[tuple[object, int, datetime, int | None, int | None, str]], *, settled_before: datetime
) -> dict[HabitKey, Habit]:
    """Return the habits in answers: conversation, depth, moment, prompt tokens counted and estimated, preset's slug.

    Answers of a conversation stand together, oldest first.
    """
    tally: dict[HabitKey, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for _, group in groupby(answers, key=lambda answer: answer[0]):
        turns = list(group)
        for place, (_, depth, moment, actual, estimated, preset) in enumerate(turns):
            if moment < settled_before:
                key = key_of(preset=preset, prefix_tokens=actual or estimated or 0, turn=(depth + 1) // 2)
                following = turns[place + 1][2] if place + 1 < len(turns) else None
                tally[key][_outcome(moment, following)] += 1
    return {key: Habit(*counts) for key, counts in tally.items()}


def _outcome(moment: datetime, following: datetime | None) -> int:
    """Return the place in a `Habit` of what came after a turn."""
    if following is None:
        return 0
    return 1 + pause_class((following - moment).total_seconds())

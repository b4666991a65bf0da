"""Who may open another websocket: whoever floods is told to come later before anything is asked or built for them.

A handshake costs a query and several milliseconds, refusing one here a fraction of one. People are known by the
credential that they came with last time, so a refusal needs no database; nobody is let in by what is remembered here.
Who comes with nothing, or with what cannot be a credential, hears so as early.
One process remembers for itself, and no more than `MOST_KNOWN` of each kind.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from wisqu.accounts.auth import may_hold, presented
from wisqu.patience import Refusal
from wisqu.telemetry import metrics

PATH = "/ws/chat"
PROTOCOL = "wisqu.v1"
NOT_SIGNED_IN, FLOODING = 4401, 4429
# Sockets that one person has open in one process; beyond it a client is broken or hostile.
MOST_SOCKETS = 50
# Handshakes at once, and a second after that: every tab of somebody with the most of them comes again, twice.
AT_ONCE, A_SECOND = 2.0 * MOST_SOCKETS, 2.0
# How long somebody who flooded stays outside: twice as long each time, until they have behaved for a while.
FIRST_S, LONGEST_S, FORGIVEN_S = 1.0, 30.0, 60.0
# When to come again where no time can be told.
FULL_S = 10.0
MOST_KNOWN = 4096

K = TypeVar("K")
V = TypeVar("V")


class Visitor:
    """What one person, or one unknown credential, has left."""

    __slots__ = ("barred_s", "barred_until", "filled_at", "left")

    def __init__(self, now: float) -> None:
        self.left, self.filled_at = AT_ONCE, now
        self.barred_s, self.barred_until = 0.0, -math.inf

    def knock(self, now: float) -> float:
        """Count a handshake; return for how many seconds it comes too early, and is not counted."""
        if now < self.barred_until:
            return self.barred_until - now
        self.left = min(AT_ONCE, self.left + (now - self.filled_at) * A_SECOND)
        self.filled_at = now
        if self.left < 1:
            return (1 - self.left) / A_SECOND
        self.left -= 1
        return 0.0

    def bar(self, now: float) -> None:
        """Keep them outside from now on. Several sockets that flood together are one flood."""
        if now < self.barred_until:
            return
        is_forgiven = now - self.barred_until > FORGIVEN_S
        self.barred_s = FIRST_S if is_forgiven else min(LONGEST_S, self.barred_s * 2)
        self.barred_until = now + self.barred_s


class _Known(OrderedDict[K, V]):
    """Forgets what was not asked for longest, beyond `MOST_KNOWN`."""

    def recall(self, key: K, make: Callable[[], V]) -> V:
        if key in self:
            self.move_to_end(key)
        else:
            self[key] = make()
            if len(self) > MOST_KNOWN:
                self.popitem(last=False)
        return self[key]


class Doorkeeper:
    """Remembers who came, who is inside and who flooded. `clock` counts seconds.

    `may_hold` says without a query whether a credential that is not known here may be one.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        may_hold: Callable[[Mapping[str, Any]], bool] = may_hold,
    ) -> None:
        self._clock, self._may_hold = clock, may_hold
        self.inside: Counter[UUID] = Counter()
        self._holders: _Known[bytes, UUID] = _Known()
        self._people: _Known[UUID, Visitor] = _Known()
        # Apart from people: any number of credentials can be made up.
        self._strangers: _Known[bytes, Visitor] = _Known()

    def refusal(self, scope: Mapping[str, Any]) -> Refusal | None:
        """Count a handshake; return how it is refused, None where it may go on to be authenticated."""
        if scope["path"] != PATH:
            return None
        mark = mark_of(scope)
        holder = self._holders.get(mark or b"")
        if mark is None or (holder is None and not self._may_hold(scope)):
            return Refusal(NOT_SIGNED_IN, "", PROTOCOL)
        if holder is not None and self.inside[holder] >= MOST_SOCKETS:
            return _refused(FULL_S)
        visitor = self._stranger(mark) if holder is None else self._person(holder)
        seconds = visitor.knock(self._clock())
        return _refused(seconds) if seconds else None

    def admit(self, person: UUID, scope: Mapping[str, Any]) -> Refusal | None:
        """Count a socket of a person whose credential was proven, or return why not; then nothing is counted."""
        mark = mark_of(scope)
        if mark is not None:
            self._holders.recall(mark, lambda: person)
        left_s = self._person(person).barred_until - self._clock()
        if left_s > 0 or self.inside[person] >= MOST_SOCKETS:
            return _refused(left_s if left_s > 0 else FULL_S)
        self.inside[person] += 1
        return None

    def disown(self, scope: Mapping[str, Any]) -> None:
        """Hear that a credential does not hold: who has one that was revoked speaks for its owner no longer."""
        self._holders.pop(mark_of(scope) or b"", None)

    def leave(self, person: UUID) -> None:
        """Forget a socket that was admitted."""
        self.inside[person] -= 1
        if not self.inside[person]:
            del self.inside[person]

    def bar(self, person: UUID) -> None:
        """Keep a person who flooded outside for a while."""
        self._person(person).bar(self._clock())

    def flooded(self, scope: Mapping[str, Any]) -> None:
        """Do so with whoever opened this socket, if they were let in."""
        holder = self._holders.get(mark_of(scope) or b"")
        if holder is not None:
            self.bar(holder)

    def _person(self, person: UUID) -> Visitor:
        return self._people.recall(person, lambda: Visitor(self._clock()))

    def _stranger(self, mark: bytes) -> Visitor:
        return self._strangers.recall(mark, lambda: Visitor(self._clock()))


def mark_of(scope: Mapping[str, Any]) -> bytes | None:
    """Return what a credential is known by, and nobody can read it from; None where there is none.

    A cookie comes along from foreign pages too: what those do is not its owner's doing.
    """
    kind, secret = presented(scope)
    if not secret:
        return None
    origin = b"" if kind == "bearer" else dict(scope["headers"]).get(b"origin", b"")
    return hashlib.sha256(b"\n".join((kind.encode(), secret.encode("utf-8", "replace"), origin))).digest()


def _refused(seconds: float) -> Refusal:
    metrics.RATE_REFUSALS.inc()
    return Refusal(FLOODING, f"come again in {math.ceil(seconds)} s", PROTOCOL)


keeper = Doorkeeper()

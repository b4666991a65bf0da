"""The prompt cache, deterministic: per session and model, with the vendors' minimums, marks and lifetimes."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.clock import Clock

MOST_MARKS = 4
LOOK_BACK = 20  # blocks before a mark in which an older entry is still found
_LIFETIME = {"5m": 300.0, "1h": 3600.0}
_AUTOMATIC_STEP = 128
_MOST_ENTRIES = 200_000

Ttl = Literal["5m", "1h"]


class TooManyMarks(Exception):
    """The upstream's 400: more cache marks than it takes, or in an order it refuses."""


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the prompt, in order: who says it, what (any text that identifies it), tokens, its mark."""

    role: str
    text: str
    tokens: int
    mark: Ttl | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """Tokens read from the cache and written to it, by lifetime."""

    cached: int = 0
    written_5m: int = 0
    written_1h: int = 0


@dataclass(slots=True)
class _Entry:
    expires_at: float
    ttl: Ttl


@dataclass(frozen=True, slots=True)
class _Prefix:
    """The prompt up to and including one block."""

    digest: bytes
    tokens: int
    mark: Ttl | None


def _prefixes(blocks: list[Block]) -> list[_Prefix]:
    running = hashlib.blake2b(digest_size=16)
    tokens = 0
    found = []
    for block in blocks:
        running.update(f"{block.role}\0{len(block.text)}\0{block.text}".encode("utf-8", "surrogatepass"))
        tokens += block.tokens
        found.append(_Prefix(running.copy().digest(), tokens, block.mark))
    return found


def _check_marks(model: Model, prefixes: list[_Prefix]) -> list[int]:
    """Positions of the marks that count. Raises TooManyMarks as Anthropic's server would refuse."""
    marks = [index for index, prefix in enumerate(prefixes) if prefix.mark]
    if model.family == "anthropic":
        if len(marks) > MOST_MARKS:
            raise TooManyMarks(
                f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}."
            )
        ttls = [prefixes[index].mark for index in marks]
        if "5m" in ttls and "1h" in ttls[ttls.index("5m") :]:
            raise TooManyMarks(
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block."
            )
    if model.family == "google":
        return marks[-1:]
    return marks[-MOST_MARKS:]


class PromptCache:
    """All entries; look-ups never cross a session, a model or a provider."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str, bytes], _Entry] = {}

    def clear(self) -> None:
        self._entries.clear()

    def use(self, *, model: Model, session: str, blocks: list[Block], only_marks: bool = False) -> Counters:
        """Count this prompt's reads and writes and remember it. Raises TooManyMarks.

        `only_marks` is `prompt_cache_options: {mode: explicit}`: nothing is cached, or read, without a mark.
        """
        session = f"{session}\0{model.provider}"
        prefixes = _prefixes(blocks)
        marks = _check_marks(model, prefixes)
        if model.cache_mode == "none" or not prefixes:
            return Counters()
        if marks and model.cache_mode in ("explicit", "both"):
            return self._explicit(model, session, prefixes, marks)
        if model.cache_mode in ("automatic", "both") and not (only_marks and model.cache_mode == "both"):
            return self._automatic(model, session, prefixes)
        return Counters()

    def _explicit(self, model: Model, session: str, prefixes: list[_Prefix], marks: list[int]) -> Counters:
        read_to = self._longest_hit(model, session, prefixes, marks)
        cached = prefixes[read_to].tokens if read_to >= 0 else 0
        written = {"5m": 0, "1h": 0}
        reached = cached
        for index in marks:
            prefix = prefixes[index]
            if prefix.tokens < model.cache_min_tokens or prefix.mark is None:
                continue
            if prefix.tokens > reached:
                written[prefix.mark] += prefix.tokens - reached
                reached = prefix.tokens
            self._remember(model, session, prefix, prefix.mark)
        return Counters(cached=cached, written_5m=written["5m"], written_1h=written["1h"])

    def _longest_hit(self, model: Model, session: str, prefixes: list[_Prefix], marks: list[int]) -> int:
        """The last block found in the cache at or shortly before a mark; -1 when none is."""
        for mark in reversed(marks):
            for index in range(mark, max(-1, mark - LOOK_BACK), -1):
                entry = self._alive(model, session, prefixes[index])
                if entry is not None:
                    if model.family == "anthropic":  # a read renews; Google's explicit five minutes do not
                        entry.expires_at = self._clock.now() + _LIFETIME[entry.ttl]
                    return index
        return -1

    def _automatic(self, model: Model, session: str, prefixes: list[_Prefix]) -> Counters:
        whole = prefixes[-1].tokens
        cached = 0
        for prefix in reversed(prefixes):
            if self._alive(model, session, prefix) is not None:
                # The vendor leaves the last tokens of a prompt out: something must be computed.
                usable = min(prefix.tokens, whole - 1)
                cached = usable - usable % _AUTOMATIC_STEP
                break
        if cached < model.cache_min_tokens:
            cached = 0
        if whole < model.cache_min_tokens:
            return Counters()
        for prefix in prefixes:
            self._remember(model, session, prefix, "5m")
        charged = model.prices.cache_write is not None and model.family != "google"
        return Counters(cached=cached, written_5m=whole - cached if charged else 0)

    def _alive(self, model: Model, session: str, prefix: _Prefix) -> _Entry | None:
        entry = self._entries.get((session, model.id, prefix.digest))
        return entry if entry is not None and entry.expires_at > self._clock.now() else None

    def _remember(self, model: Model, session: str, prefix: _Prefix, ttl: Ttl) -> None:
        if model.family == "google" and self._alive(model, session, prefix) is not None:
            return
        if len(self._entries) >= _MOST_ENTRIES:
            self._drop_expired()
        self._entries[session, model.id, prefix.digest] = _Entry(self._clock.now() + _LIFETIME[ttl], ttl)

    def _drop_expired(self) -> None:
        now = self._clock.now()
        alive = {key: entry for key, entry in self._entries.items() if entry.expires_at > now}
        self._entries = alive if len(alive) < _MOST_ENTRIES else {}

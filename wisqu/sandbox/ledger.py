"""What the sandbox was asked and what it did: one entry a request, read by tests over GET /sandbox/ledger."""

import secrets
import string
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.errors import Refusal
from wisqu.sandbox.usage import Usage, cost

Outcome = Literal["running", "done", "failed", "aborted"]

_ALPHABET = string.ascii_letters + string.digits
_MOST_ENTRIES = 50_000
_MOST_REQUESTS = 2_000  # entries that still hold the request itself
_LONGEST_STRING = 20_000


def new_id(prefix: str = "gen") -> str:
    """An id like OpenRouter's: `gen-1786000000-Ab12...`."""
    return f"{prefix}-{int(time.time())}-{''.join(secrets.choice(_ALPHABET) for _ in range(20))}"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Attempt:
    """One model tried for a request, with the status it answered."""

    model: str
    provider: str
    status: int


@dataclass(slots=True)
class Entry:
    """One request. `status` is the HTTP status sent; `error_code` that of an error inside a 200."""

    id: str
    endpoint: str
    key: str
    user: str | None = None
    session: str | None = None
    model_requested: str | None = None
    models_requested: list[str] = field(default_factory=list)
    model: Model | None = None
    attempts: list[Attempt] = field(default_factory=list)
    stream: bool = False
    usage: Usage = field(default_factory=Usage)
    billed: bool = True
    status: int = 0
    error_code: int | None = None
    outcome: Outcome = "running"
    finish_reason: str | None = None
    faults: list[str] = field(default_factory=list)
    unknown_fields: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    request: Any = None
    started_at: datetime = field(default_factory=_now)
    first_token_at: datetime | None = None
    ended_at: datetime | None = None
    aborted_at: datetime | None = None
    # Seconds after the end in which the look-up does not find it, with what the clock was advanced by before.
    hidden_for: float = 0.0

    @property
    def cost(self) -> Decimal:
        """What was charged, USD; nothing where nothing was produced or the failure is the provider's."""
        return cost(self.model, self.usage).total if self.model and self.billed else Decimal(0)

    @property
    def cache_discount(self) -> Decimal:
        return cost(self.model, self.usage).cache_discount if self.model and self.billed else Decimal(0)

    def first_token(self) -> None:
        if self.first_token_at is None:
            self.first_token_at = _now()

    def end(self, outcome: Outcome) -> None:
        """Close the entry once; a later call changes nothing."""
        if self.outcome != "running":
            return
        self.outcome = outcome
        self.ended_at = _now()
        if outcome == "aborted":
            self.aborted_at = self.ended_at
        if self.usage.completion == 0 and outcome != "done" and self.endpoint == "chat":
            self.billed = False

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Note a Refusal that passes through: failed, uncharged."""
        try:
            yield
        except Refusal as refusal:
            self.status = self.error_code = refusal.fault.status
            self.billed = False
            self.end("failed")
            raise

    def as_json(self, *, with_request: bool = True) -> dict[str, Any]:
        usage = self.usage
        body: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "id", "endpoint", "key", "user", "session", "model_requested", "models_requested",
                "attempts", "stream", "status", "error_code", "outcome", "finish_reason", "faults",
                "unknown_fields", "headers", "started_at", "first_token_at", "ended_at", "aborted_at",
                "cost", "cache_discount", "billed",
            )
        }  # fmt: skip
        body |= {
            "model": self.model.canonical_slug if self.model else None,
            "provider": self.model.provider if self.model else None,
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "reasoning_tokens": usage.reasoning,
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.written,
            "image_tokens": usage.image,
            "web_searches": usage.searches,
        }
        if with_request:
            body["request"] = self.request
        return body


def shortened(value: Any, depth: int = 12) -> Any:
    """A copy of a JSON value with long strings (images, files) cut, so that the ledger stays small."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_STRING else f"{value[:200]}... ({len(value)} characters)"
    if depth == 0:
        return "..."
    if isinstance(value, dict):
        return {name: shortened(each, depth - 1) for name, each in value.items()}
    if isinstance(value, list):
        return [shortened(each, depth - 1) for each in value]
    return value


class Ledger:
    """The latest entries, by id, oldest first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._with_request: deque[Entry] = deque()

    def add(self, entry: Entry) -> Entry:
        self._entries[entry.id] = entry
        if len(self._entries) > _MOST_ENTRIES:
            self._entries.popitem(last=False)
        self._with_request.append(entry)
        if len(self._with_request) > _MOST_REQUESTS:
            self._with_request.popleft().request = None
        return entry

    def get(self, entry_id: str) -> Entry | None:
        return self._entries.get(entry_id)

    def clear(self) -> None:
        self._entries.clear()
        self._with_request.clear()

    def spent(self, *, key: str | None = None) -> Decimal:
        """USD charged so far, to one key or to all."""
        return sum((each.cost for each in self._entries.values() if key in (None, each.key)), Decimal(0))

    def find(self, filters: dict[str, str]) -> list[Entry]:
        """Entries whose fields equal all the filters (`user`, `session`, `id`, `status`, `outcome`, ...)."""
        return [entry for entry in self._entries.values() if _matches(entry, filters)]


def _matches(entry: Entry, filters: dict[str, str]) -> bool:
    for name, wanted in filters.items():
        if name == "model":
            found = {
                entry.model_requested,
                *([entry.model.id, entry.model.canonical_slug] if entry.model else ()),
            }
            if wanted not in found:
                return False
        elif str(getattr(entry, name)) != wanted:
            return False
    return True

"""Every scripted failure: which there are, what each sends, and when one applies."""

from dataclasses import dataclass, field
from typing import Any

from wisqu.sandbox.controls import Controls, FaultWord


@dataclass(frozen=True, slots=True)
class HttpFault:
    """A failure before the first byte of an answer: a status with OpenRouter's error body."""

    status: int
    message: str
    error_type: str
    metadata: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    availability: tuple[str, bool] | None = None


_MODERATION = {
    "reasons": ["violence"],
    "flagged_input": "the flagged words",
    "provider_name": "OpenAI",
    "model_slug": "openai/gpt-4o-mini",
}

HTTP_FAULTS: dict[str, HttpFault] = {
    "400": HttpFault(400, "Invalid request parameters", "invalid_request"),
    "400-model": HttpFault(
        400,
        "sandbox/none is not a valid model ID",
        "invalid_request",
        availability=("model_not_found", False),
    ),
    "400-context": HttpFault(
        400,
        "This endpoint's maximum context length is 128000 tokens. However, you requested about 130512 tokens "
        "(130000 of text input, 512 in the output). Please reduce the length of either one.",
        "context_length_exceeded",
    ),
    "400-policy": HttpFault(
        400, "The request was refused by the provider's content policy", "content_policy_violation"
    ),
    "401": HttpFault(401, "User not found.", "authentication"),
    "402": HttpFault(
        402,
        "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
        "payment_required",
        metadata={"limit_source": "openrouter_credits"},
    ),
    "402-key": HttpFault(
        402,
        "This key has reached its credit limit",
        "payment_required",
        metadata={"limit_source": "openrouter_key_limit"},
    ),
    "402-in-flight": HttpFault(
        402,
        "Too much of the balance is held by requests in flight",
        "payment_required",
        metadata={"limit_source": "openrouter_in_flight_budget"},
        headers={"Retry-After": "1"},
    ),
    "403": HttpFault(
        403,
        "Your chosen model requires moderation and your input was flagged",
        "content_policy_violation",
        metadata=_MODERATION,
    ),
    "403-region": HttpFault(
        403,
        "The model is not available in your region",
        "permission_denied",
        availability=("region_restricted", False),
    ),
    "404": HttpFault(
        404,
        "No endpoints found that match your provider preferences",
        "not_found",
        availability=("no_endpoints", False),
    ),
    "404-deprecated": HttpFault(
        404, "This model is no longer available", "not_found", availability=("model_deprecated", False)
    ),
    "408": HttpFault(408, "The request timed out", "timeout"),
    "413": HttpFault(413, "The request is too large", "payload_too_large"),
    "422": HttpFault(422, "The request could not be processed", "unprocessable"),
    "429": HttpFault(
        429,
        "Provider returned error: rate limit exceeded",
        "rate_limit_exceeded",
        headers={"Retry-After": "1"},
    ),
    "429-bare": HttpFault(429, "Provider returned error: rate limit exceeded", "rate_limit_exceeded"),
    "429-platform": HttpFault(
        429,
        "Rate limit exceeded: free-models-per-min",
        "rate_limit_exceeded",
        headers={
            "X-RateLimit-Limit": "20",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1786000000000",
        },
    ),
    "429-capacity": HttpFault(
        429,
        "All endpoints of the model are at capacity",
        "provider_overloaded",
        availability=("capacity_exhausted", True),
    ),
    "500": HttpFault(500, "Internal Server Error", "server"),
    "502": HttpFault(502, "Provider returned error", "provider_unavailable"),
    "503": HttpFault(
        503,
        "The model is temporarily unavailable",
        "provider_unavailable",
        availability=("temporarily_unavailable", True),
    ),
    "504": HttpFault(504, "The provider did not answer in time", "timeout"),
    "524": HttpFault(524, "The provider timed out behind the edge network", "timeout"),
    "529": HttpFault(529, "The provider is overloaded", "provider_overloaded"),
}

# A 200 that is no answer.
BODY_FAULTS = frozenset({"200-error", "200-choice-error", "200-html", "200-empty", "200-null-choices"})

# Failures of time and of the stream itself; docs/sandbox.md describes each.
STREAM_FAULTS = frozenset(
    {
        "stall-first", "stall-headers", "stall-comments", "stall-mid", "stall-mid-comments",
        "error-mid", "error-mid-null", "error-mid-string", "error-bare", "error-first",
        "cut", "cut-first", "silent-end", "no-done", "no-finish", "empty",
        "broken-json", "bad-utf8", "wrong-shape", "endless", "slow-bytes", "huge-line",
        "length", "content-filter",
    }
)  # fmt: skip

STRUCTURE_FAULTS = frozenset({"bad-structure", "bad-structure-json", "fenced-structure"})
LOOKUP_FAULTS = frozenset({"generation-late", "generation-never"})
ALL_FAULTS = frozenset(HTTP_FAULTS) | BODY_FAULTS | STREAM_FAULTS | STRUCTURE_FAULTS | LOOKUP_FAULTS


class FaultDesk:
    """Decides which scripted failures apply and counts those that happen only so many times."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def clear(self) -> None:
        self._counts.clear()

    def applying(self, *, controls: Controls, model: str, first: bool, scope: str) -> list[FaultWord]:
        """The faults of a prompt that hit `model`; those with `times` are used up by being returned.

        `first` tells whether it is the first model asked for; `scope` keeps counters of unrelated callers
        apart where the prompt names no key.
        """
        found = []
        for word in (*controls.faults, *_by_model(model)):
            only = word.model
            if only is not None and only != model and not (only == "first" and first):
                continue
            if word.times is None or self._take(word, scope):
                found.append(word)
        return found

    def _take(self, word: FaultWord, scope: str) -> bool:
        key = f"{word.name}\0{word.model}\0{word.key or scope}"
        taken = self._counts.get(key, 0)
        if taken >= (word.times or 0):
            return False
        self._counts[key] = taken + 1
        return True


def _by_model(model: str) -> tuple[FaultWord, ...]:
    name = model.removeprefix("sandbox/fault-")
    return (FaultWord(name=name),) if name != model else ()


def by_key(key: str) -> HttpFault | None:
    """The failure a bearer token stands for: `sk-or-fault-402-key` and the like."""
    return HTTP_FAULTS.get(key.removeprefix("sk-or-fault-")) if key.startswith("sk-or-fault-") else None


def http_fault(words: list[FaultWord]) -> tuple[HttpFault, FaultWord] | None:
    """The first of the words that is a failure before the answer."""
    for word in words:
        if word.name in HTTP_FAULTS:
            return HTTP_FAULTS[word.name], word
    return None


def error_body(
    fault: HttpFault, *, user: str = "user_sandbox", requested: list[str] | None = None
) -> dict[str, Any]:
    """The JSON that OpenRouter sends with that failure."""
    error: dict[str, Any] = {
        "code": fault.status,
        "message": fault.message,
        "metadata": {"error_type": fault.error_type, **fault.metadata},
    }
    if fault.availability is not None:
        code, retryable = fault.availability
        error["availability"] = {
            "code": code,
            "retryable": retryable,
            "retry_after": 1 if retryable else None,
            "requested_models": requested or [],
            "fallback_models": [],
        }
    return {"error": error, "user_id": user}


def headers(fault: HttpFault, word: FaultWord | None = None) -> dict[str, str]:
    """The headers of that failure; `retry_after=` in the prompt sets its own."""
    found = dict(fault.headers)
    if word is not None and word.retry_after is not None:
        found["Retry-After"] = word.retry_after
    return found


def stream_error(message: str = "Provider disconnected") -> dict[str, Any]:
    """The error object of a stream that breaks after it began."""
    return {"code": 502, "message": message, "metadata": {"error_type": "provider_unavailable"}}

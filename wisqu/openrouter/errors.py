"""What can go wrong between WisQu and OpenRouter, as types; and the reading of error bodies into them.

`detail` is our own wording and safe to show to a person. What the server said is in `reason`, shortened and
with keys struck out: for an operator's eyes, never logged by this package because it may quote the prompt.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

_KEY = re.compile(r"\b(?:sk|rk|pk)-[\w-]{6,}|(?i:bearer)\s+\S+")
_CONTEXT = re.compile(
    r"context[ _-](?:length|size|window)|maximum context|too many tokens|prompt is too long", re.I
)
_UNKNOWN_MODEL = re.compile(
    r"not a valid model|no such model|model\b.{0,80}\b(?:not found|does not exist)", re.I
)


class OpenRouterError(Exception):
    """Base of all. `code` is stable, `retryable` says whether the same request may succeed later.

    `retry_after` is in seconds. `operator` marks trouble that only the operator of this site can end.
    `automatic_retries` is how often the client itself may try again before the first token.
    """

    code: ClassVar[str] = "upstream_unavailable"
    wording: ClassVar[str] = "The model service is not available right now. Please try again in a moment."
    retryable: ClassVar[bool] = True
    operator: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        reason: str = "",
        automatic_retries: int = 0,
    ) -> None:
        self.detail = detail or self.wording
        self.status = status
        self.retry_after = retry_after
        self.reason = _KEY.sub("[key]", reason)[:500]
        self.automatic_retries = automatic_retries
        super().__init__(self.detail)


class OperatorError(OpenRouterError):
    """Our key, our credit or our address is wrong: no fault of the person who asked."""

    code = "upstream_misconfigured"
    wording = "The model service cannot be used right now. The operator of this site has to look into it."
    retryable = False
    operator = True


class InvalidRequest(OpenRouterError):
    code = "invalid_request"
    wording = "The model service did not accept this request."
    retryable = False


class ContextTooLong(OpenRouterError):
    code = "context_too_long"
    wording = "The conversation is longer than this model can read."
    retryable = False


class ContentRefused(OpenRouterError):
    code = "content_refused"
    wording = "The model service refused this content."
    retryable = False


class ModelUnavailable(OpenRouterError):
    code = "model_unavailable"
    wording = "This model is not available. Please choose another one."
    retryable = False


class RateLimited(OpenRouterError):
    code = "upstream_rate_limited"
    wording = "The model is receiving too many requests. Please try again in a moment."


class UpstreamUnavailable(OpenRouterError):
    pass


class UpstreamTimeout(OpenRouterError):
    code = "upstream_timeout"
    wording = "The model took too long to answer."


class Interrupted(OpenRouterError):
    """The answer broke off after it had begun."""

    code = "interrupted"
    wording = "The answer was interrupted."


class MalformedReply(OpenRouterError):
    """The server sent something that is not an answer: HTML, broken JSON, broken UTF-8."""

    code = "malformed_reply"
    wording = "The model service sent an unreadable answer."


# Type first: `metadata.error_type` is the stable value, the status is what a proxy may have changed.
_BY_TYPE: dict[str, type[OpenRouterError]] = {
    "authentication": OperatorError,
    "payment_required": OperatorError,
    "invalid_api_key": OperatorError,
    "insufficient_quota": OperatorError,
    "context_length_exceeded": ContextTooLong,
    "token_limit_exceeded": ContextTooLong,
    "string_too_long": ContextTooLong,
    "payload_too_large": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "content_policy_violation": ContentRefused,
    "refusal": ContentRefused,
    "rate_limit_exceeded": RateLimited,
    "provider_overloaded": UpstreamUnavailable,
    "provider_unavailable": UpstreamUnavailable,
    "timeout": UpstreamTimeout,
    "model_not_found": ModelUnavailable,
    "no_endpoints": ModelUnavailable,
    "model_deprecated": ModelUnavailable,
    "privacy_restricted": ModelUnavailable,
    "constraint_filtered": ModelUnavailable,
    "free_variant_ended": ModelUnavailable,
    "region_restricted": ModelUnavailable,
    "capacity_exhausted": RateLimited,
    "temporarily_unavailable": UpstreamUnavailable,
}

_BY_STATUS: dict[int, type[OpenRouterError]] = {
    400: InvalidRequest,
    401: OperatorError,
    402: OperatorError,
    403: OperatorError,
    404: ModelUnavailable,
    408: UpstreamTimeout,
    409: UpstreamUnavailable,
    413: ContextTooLong,
    422: InvalidRequest,
    429: RateLimited,
    504: UpstreamTimeout,
    524: UpstreamTimeout,
}

_TRY_AGAIN = {408: 2, 429: 2, 500: 1, 502: 2, 503: 2, 504: 2, 524: 2, 529: 2}
_TRANSIENT = (RateLimited, UpstreamUnavailable, UpstreamTimeout)
_IN_FLIGHT = "openrouter_in_flight_budget"


def from_body(*, status: int | None, error: object, retry_after: float | None = None) -> OpenRouterError:
    """The typed error for an HTTP status and the `error` member of a body (any JSON value, or None).

    In-band errors pass `status=None`: then the body's own `code` counts.
    """
    body: Mapping[str, Any] = error if isinstance(error, Mapping) else {"message": error}
    metadata = _mapping(body.get("metadata"))
    availability = _mapping(body.get("availability"))
    code = _status_of(body.get("code")) or status
    kinds = (availability.get("code"), metadata.get("error_type"), body.get("code"), body.get("type"))
    message = body.get("message")
    reason = message if isinstance(message, str) else ""
    in_flight = metadata.get("limit_source") == _IN_FLIGHT
    kind = RateLimited if in_flight else _kind(code, kinds, metadata, reason, said_why=error is not None)
    wait = retry_after if retry_after is not None else seconds(availability.get("retry_after"))
    passing = in_flight or (code is None and issubclass(kind, _TRANSIENT))
    again = 2 if passing else _TRY_AGAIN.get(code or 0, 0)
    return kind(status=code, retry_after=wait, reason=reason, automatic_retries=again)


def seconds(value: object) -> float | None:
    """A `Retry-After`, a number or an HTTP date, in seconds from now; None for anything not sane."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = _seconds_until(value)
    return number if 0 <= number <= 86_400 else None


def _seconds_until(date: object) -> float:
    try:
        return (parsedate_to_datetime(str(date)) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return -1.0


def _kind(
    status: int | None, kinds: tuple[object, ...], metadata: Mapping[str, Any], reason: str, *, said_why: bool
) -> type[OpenRouterError]:
    for name in kinds:
        if isinstance(name, str) and name in _BY_TYPE:
            return _BY_TYPE[name]
    if status == 403 and (metadata.get("reasons") or metadata.get("flagged_input")):
        return ContentRefused
    if status == 400 and _CONTEXT.search(reason):
        return ContextTooLong
    if status == 400 and _UNKNOWN_MODEL.search(reason):
        return ModelUnavailable
    if status == 404 and not said_why:
        return OperatorError  # not a model that is missing: the address itself is wrong
    if status is None or status >= 500:
        return _BY_STATUS.get(status or 0, UpstreamUnavailable)
    return _BY_STATUS.get(status, OperatorError if status < 400 else InvalidRequest)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _status_of(code: object) -> int | None:
    try:
        number = int(code)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return None
    return number if 400 <= number <= 599 else None

"""Why a turn is refused, or how it failed, in the words of the API."""

from __future__ import annotations

import math

from wisqu.api.problems import Problem
from wisqu.openrouter.errors import OpenRouterError

# Upstream's failures as HTTP statuses of a JSON answer. The rest are 502: somebody else's fault, not the client's.
_STATUS = {
    "invalid_request": 422,
    "context_too_long": 400,
    "content_refused": 422,
    "model_unavailable": 503,
    "upstream_rate_limited": 503,
    "upstream_unavailable": 503,
    "upstream_misconfigured": 503,
    "upstream_timeout": 504,
    "internal_error": 500,
}
# What may work when it is simply tried again; it decides whether a page offers a retry.
_RETRYABLE = {
    "upstream_rate_limited",
    "upstream_unavailable",
    "upstream_timeout",
    "interrupted",
    "malformed_reply",
    "empty_answer",
    "invalid_structured_output",
}


class TurnFailed(Problem):
    """The turn was opened, and the model did not answer."""

    def __init__(self, *, code: str, detail: str, message: dict[str, object]) -> None:
        super().__init__(_STATUS.get(code, 502), code, detail, message=message, retryable=is_retryable(code))


class UpstreamFailed(Problem):
    """A model was asked for something other than an answer, and did not give it."""

    def __init__(self, error: OpenRouterError) -> None:
        headers = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
        super().__init__(
            _STATUS.get(error.code, 502),
            error.code,
            error.detail,
            headers=headers,
            retryable=is_retryable(error.code),
        )


def is_retryable(code: str) -> bool:
    """Tell whether the same question may well succeed a moment later."""
    return code in _RETRYABLE

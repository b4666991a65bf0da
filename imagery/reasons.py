"""Why an image could not be made: the codes, and a sentence for a person of each. Failing costs nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A failure. `retryable` says that the same wish may well succeed a moment later."""

    code: str
    detail: str
    retryable: bool = False


INTERRUPTED = Reason(
    "interrupted", "The server stopped while this image was being made. Nothing was charged.", retryable=True
)
NO_WORKER = Reason(
    "no_worker",
    "Nobody was there to make this image. Nothing was charged; try again in a moment.",
    retryable=True,
)
BAD_IMAGE = Reason(
    "bad_image", "The model sent something that is no picture. Nothing was charged.", retryable=True
)
NOT_KEPT = Reason(
    "not_kept",
    "The image was made but could not be stored. Nothing was charged; try again in a moment.",
    retryable=True,
)
CANCELED = Reason("canceled", "This image was deleted before it was begun.")
REFUSED = Reason(
    "content_refused",
    "The model's rules don't allow this image. Nothing was charged; describe it in another way.",
)
UNKNOWN = Reason(
    "internal_error", "Something went wrong on our side. Nothing was charged; try again.", retryable=True
)

RETRYABLE = frozenset(
    {
        *(each.code for each in (INTERRUPTED, NO_WORKER, BAD_IMAGE, NOT_KEPT, UNKNOWN)),
        "upstream_rate_limited",
        "upstream_unavailable",
        "upstream_timeout",
        "malformed_reply",
        "no_image",
    }
)

"""The shapes of the chat API's answers, for its OpenAPI document."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from ninja import Schema

from chat.quotations import CheckedQuotation, VerseReference


class Usage(Schema):
    """Tokens, money (USD) and time (milliseconds) of an answer; null where the server did not say."""

    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    total_tokens: int | None
    cost_usd: float | None
    fees_usd: float | None  # what tools of the server took of the cost
    web_searches: int | None
    first_token_ms: int | None
    total_ms: int | None


class MessageError(Schema):
    """Why an answer failed."""

    code: str
    detail: str


class PresetUsed(Schema):
    """The preset of an answer as it was then, and who chose it; null where none took part."""

    id: uuid.UUID
    slug: str
    name: str
    version: int
    is_public: bool
    source: Literal["request", "conversation", "user", "settings"]


class AppliedSetting(Schema):
    """What was sent, and where it came from. Of `system_prompt` the value is a fingerprint of the text."""

    value: Any
    source: Literal["request", "preset", "conversation", "settings"]


class GivenFeedback(Schema):
    """What its reader thinks of an answer; with `consent` staff may read the answer and its question."""

    rating: Literal["up", "down"]
    reason: str | None
    note: str
    consent: bool


class CitedPage(Schema):
    """A page of the web that the answer rests on: `start` and `end` are code points of `content`, 0 for no place."""

    url: str
    title: str
    start: int
    end: int


class AttachedFile(Schema):
    """A file of a question; GET /attachments/{id} tells more. `duration_ms` is of a recording."""

    id: uuid.UUID
    name: str
    type: Literal["pdf", "text", "image", "audio"]
    media_type: str
    size: int
    pages: int | None
    width: int | None
    height: int | None
    duration_ms: int | None
    url: str
    thumbnail_url: str | None


class Repair(Schema):
    """What came of asking a model once more for an answer that quoted the Qur'an wrongly.

    `mended`: this is the second version, and `first_version_id` the first, which stands beside it; `in_vain`: the
    second was no better and is not kept; `replaced`: this is a first version, and `by` the answer that took its place.
    """

    state: Literal["mended", "in_vain", "replaced"]
    flaws: int | None = None
    model: str | None = None
    generation_id: str | None = None
    total_tokens: int | None = None
    cost_usd: float | None = None
    first_version_id: uuid.UUID | None = None
    by: uuid.UUID | None = None


class GivenReview(Schema):
    """What a scholar has said of the answer."""

    verdict: Literal["right", "wrong", "corrected"]
    correction: str
    reviewed_at: datetime


class ChatMessage(Schema):
    """A question or an answer with its facts."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    parent_id: uuid.UUID | None
    role: Literal["user", "assistant"]
    content: str
    status: Literal["streaming", "done", "stopped", "failed"]
    created: datetime
    model: str | None
    preset: PresetUsed | None
    applied: dict[str, AppliedSetting] | None
    finish_reason: str | None
    attachments: list[AttachedFile]
    feedback: GivenFeedback | None
    usage: Usage | None
    error: MessageError | None
    reasoning: str | None
    citations: list[CitedPage]
    history_messages_cut: int
    enable_caching: bool
    cache_breakpoints: list[Any]
    cached_tokens_read: int | None
    cached_tokens_written: int | None
    cache_discount_usd: float | None
    models_attempted: list[str]
    final_model_used: str | None
    fallback_used: bool
    routing_reason: str | None
    routing_strategy: str | None
    provider: str | None
    generation_id: str | None
    response_schema: Any | None
    structured_data: Any | None
    quotations: list[CheckedQuotation]
    references: list[VerseReference]
    repair: Repair | None
    review: GivenReview | None


class ChatAnswer(Schema):
    """A whole answer."""

    conversation_id: uuid.UUID
    message: ChatMessage


class StructuredAnswer(Schema):
    """A value that obeys the schema it was asked for with, and the whole answer it was read from."""

    data: Any
    message: ChatMessage


class TurnState(Schema):
    """Where a turn stands."""

    turn_id: uuid.UUID
    status: Literal["running", "done", "stopped", "failed"]


class CacheFigures(Schema):
    """What prompt caching did; money in USD. Savings are below zero while writing cost more than reading brought."""

    requests: int
    hits: int
    hit_rate: float
    cached_tokens_read: int
    cached_tokens_written: int
    cost_usd: float
    cost_without_cache_usd: float
    savings_usd: float
    savings_rate: float


class ModelCacheFigures(CacheFigures):
    """The same for the answers of one model."""

    model: str


class CacheStats(CacheFigures):
    """The same for a conversation, with each of its models."""

    conversation_id: uuid.UUID
    models: list[ModelCacheFigures]

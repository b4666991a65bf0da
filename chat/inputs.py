"""What a person or a program may send to start a turn: the same shape at every door."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal, TypeVar

from django.conf import settings
from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from presets import searching
from wisqu.api.handlers import said
from wisqu.api.problems import FieldError, Invalid, Problem
from wisqu.api.shapes import StrictShape

ModelId = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Domains = Annotated[list[StrictStr], Field(max_length=searching.MOST_DOMAINS)]


class WebSearchOptions(StrictShape):
    """Where the web is searched, and for how much. Name domains to keep to, or domains to leave out."""

    max_results: Annotated[StrictInt, Field(ge=1, le=searching.MOST_RESULTS)] | None = None
    allowed_domains: Domains = []
    excluded_domains: Domains = []

    @field_validator("allowed_domains", "excluded_domains")
    @classmethod
    def _are_domains(cls, value: list[str]) -> list[str]:
        return searching.read_domains(value)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> WebSearchOptions:
        if self.allowed_domains and self.excluded_domains:
            raise ValueError(searching.ONE_OF_BOTH)
        return self


class RegenerateInput(StrictShape):
    """How an answer is wished for, whatever is asked."""

    stream: StrictBool = False
    enable_caching: StrictBool = True
    model: ModelId | None = None
    preset: Annotated[StrictStr, Field(max_length=100)] | None = None
    fallback_models: Annotated[list[ModelId], Field(max_length=8)] | None = None
    routing_strategy: Literal["auto", "price", "latency", "uptime"] | None = None
    temperature: Annotated[StrictFloat, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None
    top_p: Annotated[StrictFloat, Field(gt=0, le=1)] | None = None
    system_prompt: Annotated[StrictStr, Field(max_length=50_000)] | None = None
    web_search: StrictBool = False
    web_search_options: WebSearchOptions | None = None


class EditInput(RegenerateInput):
    """Another wording of a question, with its wishes."""

    message: StrictStr
    attachments: Annotated[list[uuid.UUID], Field(max_length=20)] = []

    @field_validator("message")
    @classmethod
    def _has_text(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("Write a message.")
        if len(value) > settings.MAX_MESSAGE_CHARACTERS:
            raise ValueError(f"A message has at most {settings.MAX_MESSAGE_CHARACTERS:,} characters.")
        return value


class ChatInput(EditInput):
    """A question with its wishes and its place; see POST /chat in the contract."""

    conversation_id: uuid.UUID | None = None
    parent_id: uuid.UUID | None = None
    temporary: StrictBool = False  # of a conversation that this question begins


class StructuredInput(ChatInput):
    """A question whose answer is a JSON value; the schema itself is looked at by `chat.jsonschemas`."""

    stream: Literal[False] = False
    response_schema: dict[str, Any] = Field(alias="schema", description="JSON Schema, draft 2020-12.")


Input = TypeVar("Input", bound=RegenerateInput)


def parse_frame(shape: type[Input], data: dict[str, Any]) -> Input:
    """Return the input of a websocket frame. Raises Problem 422 with an error for each field."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise invalid(error) from None


def refuse_others(frame: dict[str, Any]) -> None:
    """Raise Problem 422 for what is left of a frame when everything known was taken off it."""
    if frame:
        name = next(iter(frame))
        raise Invalid(errors=[FieldError(name, "extra_forbidden", "Extra inputs are not permitted")])


def invalid(error: ValidationError) -> Problem:
    """Return pydantic's findings as a problem."""
    return Invalid(
        errors=[
            FieldError(".".join(str(part) for part in item["loc"]), item["type"], said(item["msg"]))
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    )

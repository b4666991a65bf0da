"""From a history and a question to what the model is sent. Pure: equal input gives equal bytes, which is what makes
a provider's prompt cache work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wisqu.api.problems import Problem
from wisqu.openrouter.types import Message as WireMessage
from wisqu.openrouter.types import Part, TextPart

# What a message costs beyond its text: role and separators (OpenAI's cookbook counts 3 to 4).
MESSAGE_OVERHEAD = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a history."""

    role: str
    content: str
    tokens: int = 0  # estimated, without `MESSAGE_OVERHEAD`
    attached: Sequence[dict[str, Any]] = ()  # what a question keeps of its files
    parts: tuple[Part, ...] = ()  # content and files, where there are files
    annotations: tuple[dict[str, Any], ...] = ()


def history_budget(*, context: int, system_tokens: int, question_tokens: int) -> int:
    """Return how many tokens of history fit beside system prompt and question.

    Raises Problem 400 `context_exceeded`, with the figures, when the question alone does not fit.
    """
    if system_tokens + 2 * MESSAGE_OVERHEAD >= context:
        raise Problem(
            400,
            "context_exceeded",
            f"The system prompt has about {system_tokens:,} tokens; your plan and this model hold {context:,} in all. "
            "Shorten system_prompt.",
            system_prompt_tokens=system_tokens,
            max_tokens=context,
        )
    left = context - system_tokens - question_tokens - 2 * MESSAGE_OVERHEAD
    if left < 0:
        room = max(0, context - system_tokens - 2 * MESSAGE_OVERHEAD)
        raise Problem(
            400,
            "context_exceeded",
            f"Your message has about {question_tokens:,} tokens; with your plan and this model it may have {room:,}. "
            "Shorten it, or send it in parts.",
            message_tokens=question_tokens,
            max_tokens=room,
        )
    return left


def from_first_question(history: Sequence[Line]) -> Sequence[Line]:
    """Return the history without answers whose question did not fit: models expect a question first."""
    first = next((place for place, line in enumerate(history) if line.role == "user"), len(history))
    return history[first:]


def build(
    *, system_prompt: str, history: Sequence[Line], question: str | tuple[Part, ...]
) -> tuple[WireMessage, ...]:
    """Return the messages for the model: system prompt, history (answers that have no text left out), question."""
    messages = [WireMessage.text("system", system_prompt)]
    messages += [_message(line) for line in history if line.content]
    messages.append(WireMessage("user", (TextPart(question),) if isinstance(question, str) else question))
    return tuple(messages)


def _message(line: Line) -> WireMessage:
    parts = line.parts or (TextPart(line.content),)
    return WireMessage("user" if line.role == "user" else "assistant", parts, line.annotations)

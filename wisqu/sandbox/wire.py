"""Values to bytes: JSON, and the events of one generation, with everything constant encoded once."""

import time
from typing import Any

import msgspec

from wisqu.sandbox.catalogue import Model

_ENCODER = msgspec.json.Encoder(decimal_format="number")

COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"


def encode(value: Any) -> bytes:
    """JSON; Decimal as an exact number."""
    return _ENCODER.encode(value)


def event(value: Any) -> bytes:
    """One `data:` line."""
    return b"data: " + _ENCODER.encode(value) + b"\n\n"


def fingerprint(model: Model) -> str | None:
    return "fp_sandbox" if model.family == "openai" else None


class Chunks:
    """Makes the chunks of one generation."""

    def __init__(self, *, generation_id: str, model: Model) -> None:
        self._model = model
        self._head: dict[str, Any] = {
            "id": generation_id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model.canonical_slug,
            "provider": model.provider,
            "system_fingerprint": fingerprint(model),
        }
        start = encode(self._head)[:-1]
        opening = b"data: " + start + b',"choices":[{"index":0,"delta":{"role":"assistant","content":'
        self._before_content = opening
        self._before_reasoning = opening + b'"","reasoning":'
        self._after = b'},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}\n\n'

    def content(self, text: str) -> bytes:
        return self._before_content + _ENCODER.encode(text) + self._after

    def reasoning(self, text: str) -> bytes:
        encoded = _ENCODER.encode(text)
        details = (
            b',"reasoning_details":[{"type":"reasoning.text","text":'
            + encoded
            + b',"format":"unknown","index":0}]'
        )
        return self._before_reasoning + encoded + details + self._after

    def delta(self, extra: dict[str, Any], *, finish: str | None = None, **top: Any) -> bytes:
        """A chunk with more in its delta (images, annotations, tool calls) or a finish reason."""
        return event({**self._head, "choices": [self.choice(extra, finish=finish)], **top})

    def choice(self, extra: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
        return {
            "index": 0,
            "delta": {"role": "assistant", "content": "", **extra},
            "finish_reason": finish,
            "native_finish_reason": None if finish is None else self._model.native_finish(finish),
            "logprobs": None,
        }

    def last(self, usage: dict[str, Any], *, form: str, finish: str, **top: Any) -> bytes:
        """The usage chunk in one of its three recorded forms: `empty`, `null-choice`, `repeat`."""
        choices: list[dict[str, Any]] = []
        if form == "null-choice":
            choices = [self.choice({})]
        elif form == "repeat":
            choices = [self.choice({}, finish=finish)]
        return event({**self._head, "choices": choices, "usage": usage, **top})

    def error(self, error: dict[str, Any], *, finish: str | None, **top: Any) -> bytes:
        """An error in the middle of a stream."""
        choice = {**self.choice({}, finish=finish), "delta": {"role": "assistant", "content": ""}}
        return event({**self._head, "error": error, "choices": [choice], **top})

    def bare_error(self, error: dict[str, Any]) -> bytes:
        """An error that is the whole event: no choices, no model."""
        return event({"error": error, "user_id": "user_sandbox"})

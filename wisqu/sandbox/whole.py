"""A reply as one JSON body (no stream), scripted failures included."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.controls import FaultWord
from wisqu.sandbox.faults import stream_error
from wisqu.sandbox.pace import Pace
from wisqu.sandbox.player import Step
from wisqu.sandbox.replies import Reply
from wisqu.sandbox.wire import encode, fingerprint

_FOR_EVER = 3600.0
_STALLS = frozenset({"stall-headers", "stall-comments", "stall-mid", "stall-mid-comments", "endless"})
_ERRORS = frozenset({"error-mid", "error-mid-null", "error-mid-string"})
_BARE = frozenset({"error-bare", "error-first"})
_HALVES = frozenset({"cut", "silent-end", "broken-json"})


class Whole:
    """The steps of a reply that is sent when it is complete; its tokens still come one after the other."""

    def __init__(
        self,
        *,
        generation_id: str,
        model: Model,
        reply: Reply,
        pace: Pace,
        usage: Callable[[], dict[str, Any]],
        fault: FaultWord | None = None,
        closing: dict[str, Any] | None = None,
    ) -> None:
        self._id = generation_id
        self._model = model
        self._reply = reply
        self._pace = pace
        self._usage = usage
        self._fault = fault or FaultWord(name="")
        self._closing = closing or {}

    def steps(self) -> Iterator[Step]:
        name = self._fault.name
        yield Step(self._pace.first, b"")
        if name in _STALLS:
            yield from self._stall()
        if name in _BARE:
            yield Step(0.0, encode({"error": stream_error(), "user_id": "user_sandbox"}))
            return
        if name == "cut-first":
            return
        if name != "empty":
            yield from self._generation()
        body = encode(self.body())
        if name in _HALVES:
            body = body[: len(body) // 2]
        elif name == "bad-utf8":
            body = body.replace(b'"content":"', b'"content":"\xff\xfe\xc3(', 1)
        elif name == "wrong-shape":
            body = b'{"id":7,"object":"chat.completion","choices":"none"}'
        yield Step(0.0, body)

    def _stall(self) -> Iterator[Step]:
        """Blanks before the JSON are the keep-alive of an answer that is no stream."""
        seconds = _FOR_EVER if self._fault.seconds is None else self._fault.seconds
        quiet = self._fault.name in ("stall-headers", "stall-mid")
        passed = 0.0
        while passed < seconds:
            step = min(0.5, seconds - passed)
            yield Step(step, b"" if quiet else b"\n")
            passed += step

    def _generation(self) -> Iterator[Step]:
        thought = len(self._reply.reasoning)
        for index in range(thought + len(self._reply.pieces)):
            yield Step(self._pace.delay(index), b"", 1, int(index < thought))
        for extra in self._reply.extras:
            yield Step(self._pace.delay(0), b"", extra.tokens, 0, extra.image)

    def _content(self) -> str:
        name = self._fault.name
        return {"empty": "", "huge-line": "x" * 4_000_000 if name == "huge-line" else ""}.get(
            name, self._reply.text
        )

    def _message(self) -> dict[str, Any]:
        reasoning = "" if self._reply.reasoning_hidden else "".join(self._reply.reasoning)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self._content(),
            "refusal": None,
            "reasoning": reasoning or None,
        }
        if reasoning:
            message["reasoning_details"] = [
                {"type": "reasoning.text", "text": reasoning, "format": "unknown", "index": 0}
            ]
        for extra in self._reply.extras:
            for name, values in extra.delta.items():
                message[name] = [*message.get(name, ()), *values]
        for call in message.get("tool_calls", ()):
            call.pop("index", None)  # only a stream numbers them
        return message

    def body(self) -> dict[str, Any]:
        """The completion."""
        name = self._fault.name
        finish = {"length": "length", "content-filter": "content_filter"}.get(name, self._reply.finish)
        choice: dict[str, Any] = {
            "index": 0,
            "logprobs": None,
            "finish_reason": None if name == "no-finish" else finish,
            "native_finish_reason": None if name == "no-finish" else self._model.native_finish(finish),
            "message": self._message(),
        }
        if name in _ERRORS:
            choice |= {"finish_reason": "error", "error": stream_error()}
        return {
            "id": self._id,
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self._model.canonical_slug,
            "provider": self._model.provider,
            "system_fingerprint": fingerprint(self._model),
            "choices": [choice],
            "usage": self._usage(),
            **self._closing,
        }

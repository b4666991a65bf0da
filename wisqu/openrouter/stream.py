"""The bytes of one answer to deltas and facts. Pure: no network, no clock.

Server-sent events are read line by line in one pass, each `data:` line parsed once, and everything that one
network read brought is merged into one Delta. Strict: an end without a finish reason or `[DONE]`, broken
JSON or UTF-8 and errors inside the stream all become typed errors.
"""

from typing import Any

from wisqu.openrouter.errors import (
    ContentRefused,
    ContextTooLong,
    Interrupted,
    InvalidRequest,
    MalformedReply,
    OpenRouterError,
    OperatorError,
    UpstreamUnavailable,
    from_body,
)
from wisqu.openrouter.types import Citation, Delta, Usage
from wisqu.openrouter.wire import (
    Chunk,
    WireChoice,
    WireText,
    citations_from,
    decode_chunk,
    files_from,
    models_attempted,
    usage_from,
)

LONGEST_LINE = 32 * 1024 * 1024

# OpenAI's prefix: such servers have no look-up by this id, and Ollama's collide (a random number below 999).
_NOT_A_GENERATION = "chatcmpl-"
_FIELDS = (b":", b"event:", b"id:", b"retry:", b"data\r")
# These say something of their own even when they come late; any other late error means: it broke off.
_TELLING = (OperatorError, InvalidRequest, ContextTooLong, ContentRefused)


class Reply:
    """One answer while it arrives. `feed` it bytes, read its attributes, call `end` when the bytes end.

    `error` is set once the server reported one or sent nonsense; `done` once `[DONE]` came; `alive` says
    whether the last feed brought anything but comments; `pieces` counts the chunks.
    """

    __slots__ = (
        "_cited",
        "_content",
        "_garbage",
        "_held",
        "_reasoning",
        "_sources",
        "_tail",
        "_tail_size",
        "alive",
        "done",
        "error",
        "files",
        "finish_reason",
        "generation_id",
        "model",
        "models_attempted",
        "native_finish_reason",
        "pieces",
        "provider",
        "started",
        "usage",
    )

    def __init__(self, *, generation_id: str | None = None) -> None:
        self.generation_id = generation_id
        self.model: str | None = None
        self.provider: str | None = None
        self.finish_reason: str | None = None
        self.native_finish_reason: str | None = None
        self.usage: Usage | None = None
        self.files: list[dict[str, Any]] = []
        self.models_attempted: tuple[str, ...] = ()
        self.error: OpenRouterError | None = None
        self.done = False
        self.started = False
        self.alive = False
        self._tail: list[bytes] = []
        self._tail_size = 0
        self._held: list[bytes] = []
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._sources: list[Citation] = []
        self._cited: set[Citation] = set()
        self.pieces = 0
        self._garbage = False

    @property
    def finished(self) -> bool:
        """Whether the answer is whole: later trouble can only cost its usage."""
        return self.done or self.finish_reason is not None

    def feed(self, data: bytes) -> Delta | None:
        """What these bytes brought to show, or None. Look at `error` and `done` afterwards."""
        self.alive = False
        if self._tail or not data.endswith(b"\n"):
            data = self._complete(data)
        held = self._held
        for line in data.splitlines():
            if line.startswith(b"data:"):
                self.alive = True
                if held:
                    held.append(line[5:])
                    continue
                self._payload(line[5:])
            elif line:
                self._garbage = self._garbage or not line.startswith(_FIELDS)
            elif held:
                self._whole_event()
            if self.done or self.error is not None:
                break
        return self._take()

    def end(self) -> Delta | None:
        """The bytes are over: reads a last line that has no end and sets `done` or `error`."""
        cut = bool(self._tail)
        delta = self.feed(b"\n\n") if cut or self._held else None
        if cut and isinstance(self.error, MalformedReply):
            self.error = None  # not nonsense: the connection broke in the middle of a line
        if self.error is None and not self.finished:
            self.error = self._broken_off()
        self.done = self.error is None
        return delta

    def _complete(self, data: bytes) -> bytes:
        """The lines that are complete now, in one piece; the beginning of the next one is kept."""
        end = data.rfind(b"\n") + 1
        tail, rest = self._tail, data[end:]
        lines = b""
        if end:
            lines = b"".join((*tail, data[:end]))
            tail.clear()
            self._tail_size = 0
        if rest:
            self._keep(rest)
        return lines

    def _keep(self, rest: bytes) -> None:
        tail = self._tail
        tail.append(rest)
        self._tail_size += len(rest)
        if not tail[0].startswith(b":"):
            self.alive = True
        if self._tail_size > LONGEST_LINE:
            self.error = MalformedReply(reason="a line without end")

    def _payload(self, payload: bytes) -> None:
        try:
            chunk = decode_chunk(payload)
        except (ValueError, RecursionError):
            self._odd(payload)
            return
        self.pieces += 1
        if chunk.choices:
            choice = chunk.choices[0]
            text = choice.delta
            if text is not None:
                if text.content:
                    self._content.append(text.content)
                if text.reasoning or text.reasoning_content or text.annotations or text.refusal:
                    self._more(text)
            if choice.finish_reason or choice.message or choice.error is not None:
                self._close_choice(choice)
        if self.model is None or chunk.usage or chunk.error is not None or chunk.openrouter_metadata:
            self._facts(chunk)

    def _more(self, text: WireText) -> None:
        """What most chunks don't have. A refusal is shown in place of the answer it stands for."""
        if text.refusal and not text.content:
            self._content.append(text.refusal)
        if reasoning := text.reasoning or text.reasoning_content:
            self._reasoning.append(reasoning)
        if text.annotations:
            self._cite(text)

    def _odd(self, payload: bytes) -> None:
        """`[DONE]`, or the first line of an event that goes on: judged at the blank line that ends it."""
        word = payload.strip()
        if word == b"[DONE]":
            self.done = True
            if not self.pieces:
                self.error = MalformedReply(reason="[DONE] before any chunk")
        elif word:
            self._held.append(payload)

    def _whole_event(self) -> None:
        payload = b"\n".join(self._held)
        several = len(self._held) > 1
        self._held.clear()
        if several:
            self._payload(payload)
        if not several or self._held:
            self.error = MalformedReply(reason="a chunk that is no JSON object of the expected form")

    def _cite(self, text: WireText) -> None:
        self.files += [each for each in files_from(text.annotations) if each not in self.files]
        # Some providers repeat what they cited so far with every chunk.
        for citation in citations_from(text.annotations):
            if citation not in self._cited:
                self._cited.add(citation)
                self._sources.append(citation)

    def _close_choice(self, choice: WireChoice) -> None:
        if choice.message is not None:
            if choice.message.content:
                self._content.append(choice.message.content)
            self._more(choice.message)
        native = choice.native_finish_reason
        if isinstance(native, str):
            self.native_finish_reason = native
        if choice.error is not None:
            self._fail(choice.error)
        elif choice.finish_reason and choice.finish_reason != "error":
            self.finish_reason = choice.finish_reason
        elif choice.finish_reason and self.error is None:
            self._fail(None)

    def _facts(self, chunk: Chunk) -> None:
        if self.generation_id is None and chunk.id and not chunk.id.startswith(_NOT_A_GENERATION):
            self.generation_id = chunk.id
        self.model = chunk.model or self.model
        if isinstance(chunk.provider, str):
            self.provider = chunk.provider
        if chunk.usage is not None:
            self.usage = usage_from(chunk.usage) or self.usage
        if chunk.openrouter_metadata:
            self.models_attempted = models_attempted(chunk.openrouter_metadata)
        if chunk.error is not None:
            self._fail(chunk.error)

    def _fail(self, error: object) -> None:
        # Files were parsed, and paid for, although nothing came of it.
        metadata = error.get("metadata") if isinstance(error, dict) else None
        self.files += files_from(metadata.get("file_annotations") if isinstance(metadata, dict) else None)
        found = from_body(status=None, error=error)
        if (self.started or self._content) and not isinstance(found, _TELLING):
            found = Interrupted(status=found.status, retry_after=found.retry_after, reason=found.reason)
        self.error = found

    def _broken_off(self) -> OpenRouterError:
        if self.started:
            return Interrupted(reason="the stream ended without its end mark")
        if self._garbage:
            return MalformedReply(reason="the reply is no event stream")
        return UpstreamUnavailable(reason="the stream ended before the first token", automatic_retries=2)

    def _take(self) -> Delta | None:
        content, reasoning, sources = self._content, self._reasoning, self._sources
        if reasoning or sources:
            delta = Delta("".join(content), "".join(reasoning), tuple(sources))
            reasoning.clear()
            sources.clear()
        elif content:
            delta = Delta("".join(content))
        else:
            return None
        content.clear()
        self.started = True
        return delta


class WholeReply(Reply):
    """The answer of a server that was asked for a stream and sends one JSON object instead."""

    __slots__ = ()

    def feed(self, data: bytes) -> Delta | None:
        self._keep(data)
        self.alive = not data.isspace()
        return None

    def end(self) -> Delta | None:
        self._payload(b"".join(self._tail))
        if self.error is None and self.finish_reason is None and not self._content:
            self.error = MalformedReply(reason="a JSON body without an answer")
        self.done = self.error is None
        return self._take()

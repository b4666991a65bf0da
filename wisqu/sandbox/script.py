"""A reply as timed steps of a stream, scripted failures included."""

from collections.abc import Callable, Iterator
from typing import Any

from wisqu.sandbox.controls import FaultWord
from wisqu.sandbox.faults import stream_error
from wisqu.sandbox.pace import Pace
from wisqu.sandbox.player import Step
from wisqu.sandbox.replies import Extra, Reply
from wisqu.sandbox.wire import COMMENT, DONE, Chunks

_FOR_EVER = 3600.0
_COMMENT_EVERY = 0.5
_COMMENT_AT = (5, 40)  # pieces after which a comment comes between data lines
_HUGE = 4_000_000

# These let the reply go on to its end after what they did.
_PASSING = frozenset(
    {"stall-mid", "stall-mid-comments", "broken-json", "bad-utf8", "wrong-shape", "huge-line"}
)
# These are over before the reply begins.
_EARLY = frozenset({"error-first", "cut-first", "stall-headers", "stall-comments"})
_MID = (
    frozenset({"error-mid", "error-mid-null", "error-mid-string", "error-bare", "cut", "silent-end"})
    | _PASSING
)


class Script:
    """The steps of one streamed reply; `usage` is asked when its chunk is due, with all tokens counted."""

    def __init__(
        self,
        *,
        chunks: Chunks,
        reply: Reply,
        pace: Pace,
        usage: Callable[[], dict[str, Any]],
        usage_form: str = "repeat",
        fault: FaultWord | None = None,
        closing: dict[str, Any] | None = None,
    ) -> None:
        self._chunks = chunks
        self._reply = reply
        self._pace = pace
        self._usage = usage
        self._form = usage_form
        self._fault = fault or FaultWord(name="")
        self._closing = closing or {}

    def steps(self) -> Iterator[Step]:
        """The whole stream, from the first comment on."""
        fault = self._fault.name
        yield Step(0.0, COMMENT)
        if fault in _EARLY:
            yield from self._early()
            if fault in ("error-first", "cut-first"):
                return
        for wait in self._pace.waits():
            yield Step(wait, COMMENT)
        for index, step in enumerate(self._pieces()):
            if fault in _MID and index == self._fault.after:
                yield from self._mid()
                if fault not in _PASSING:
                    return
            yield step
            if index in _COMMENT_AT:
                yield Step(0.0, COMMENT)
        yield from self._end()

    def _pieces(self) -> Iterator[Step]:
        if self._fault.name == "empty":
            return
        chunks, pace = self._chunks, self._pace
        index = -1
        for index, text in enumerate(self._reply.reasoning):
            data = COMMENT if self._reply.reasoning_hidden else chunks.reasoning(text)
            yield Step(pace.delay(index), data, 1, 1)
        start = index + 1
        for index, text in enumerate(self._reply.pieces, start):
            yield Step(pace.delay(index), chunks.content(text), 1)
        if self._fault.name == "endless":
            yield from self._endless()

    def _endless(self) -> Iterator[Step]:
        index = 0
        while True:
            index += 1
            yield Step(self._pace.delay(index), self._chunks.content(f" more{index}"), 1)

    def _early(self) -> Iterator[Step]:
        name, seconds = self._fault.name, self._seconds()
        if name == "error-first":
            yield Step(0.0, self._chunks.error(stream_error(), finish="error"))
        elif name == "stall-headers":
            yield Step(seconds, b"")
        elif name == "stall-comments":
            yield from _comments(seconds)

    def _mid(self) -> Iterator[Step]:
        name, chunks = self._fault.name, self._chunks
        if name == "error-mid":
            yield Step(0.0, chunks.error(stream_error(), finish="error", usage=self._usage()))
        elif name == "error-mid-null":
            yield Step(0.0, chunks.error(stream_error(), finish=None, usage=self._usage()) + DONE)
        elif name == "error-mid-string":
            yield Step(0.0, chunks.error({**stream_error(), "code": "server_error"}, finish="error"))
        elif name == "error-bare":
            yield Step(0.0, chunks.bare_error(stream_error()))
        elif name == "stall-mid":
            yield Step(self._seconds(), b"")
        elif name == "stall-mid-comments":
            yield from _comments(self._seconds())
        else:
            yield from self._spoiled()

    def _spoiled(self) -> Iterator[Step]:
        name = self._fault.name
        if name == "broken-json":
            yield Step(0.0, b'data: {"id":"gen-broken","choices":[{"index":0,"delta":{"content":"half\n\n')
        elif name == "bad-utf8":
            yield Step(0.0, self._chunks.content("?").replace(b'"?"', b'"\xff\xfe\xc3("'))
        elif name == "wrong-shape":
            yield Step(
                0.0, b'data: {"id":7,"object":"chat.completion.chunk","choices":[{"delta":"text"}]}\n\n'
            )
        elif name == "huge-line":
            yield Step(0.0, self._chunks.content("x" * _HUGE), 1)

    def _end(self) -> Iterator[Step]:
        name = self._fault.name
        finish = {"length": "length", "content-filter": "content_filter"}.get(name, self._reply.finish)
        if name != "no-finish":
            extras = self._reply.extras or [Extra({})]
            for index, extra in enumerate(extras):
                data = self._chunks.delta(extra.delta, finish=finish if index == len(extras) - 1 else None)
                yield Step(self._pace.delay(index), data, extra.tokens, 0, extra.image)
        form = "empty" if name == "no-finish" else self._form
        yield Step(0.0, self._chunks.last(self._usage(), form=form, finish=finish, **self._closing))
        if name != "no-done":
            yield Step(0.0, DONE)

    def _seconds(self) -> float:
        return _FOR_EVER if self._fault.seconds is None else self._fault.seconds


def _comments(seconds: float) -> Iterator[Step]:
    passed = 0.0
    while passed < seconds:
        yield Step(_COMMENT_EVERY, COMMENT)
        passed += _COMMENT_EVERY

"""One answer as it is streamed: opening with retries, deadlines, closing."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from wisqu.openrouter.deadlines import Deadlines, Watch
from wisqu.openrouter.errors import MalformedReply, OpenRouterError, UpstreamTimeout
from wisqu.openrouter.retries import pause_before_retry, report
from wisqu.openrouter.stream import Reply, WholeReply
from wisqu.openrouter.types import Completion, Delta, Usage

if TYPE_CHECKING:
    from wisqu.openrouter.sdk import Body, Upstream

# How long a connection may take to end after the answer's end mark, to be used again.
_GOODBYE_SECONDS = 0.1

_OPENING, _STREAMING, _ENDING = range(3)
# A server may forget when to stop. Tokens are three to four characters, those of a long name or of spaces some twenty.
_LONGEST_TOKEN, _ALLOWANCE, _LONGEST_ANSWER = 24, 1_000, 4_000_000

log = logging.getLogger(__name__)

T = TypeVar("T")


class ChatStream:
    """An answer while it arrives: an async context manager and an async iterator of Delta.

    One that says far more than `max_tokens` can mean ends there, as if the server had stopped at that length.
    Nothing is sent before the first `__anext__`. The facts (`generation_id`, `model`, `provider`, `usage`)
    are there as soon as the server said them and survive an error. `completion` is there after the iteration
    ended by itself. Leaving the context, or `close` from any task, ends the work upstream at once; an
    iteration that is under way then just ends. Raises OpenRouterError.
    """

    def __init__(
        self,
        *,
        connect: "Callable[[], Awaitable[Upstream]]",
        body: bytes,
        deadlines: Deadlines,
        max_retries: int,
        max_tokens: int | None = None,
    ) -> None:
        self._connect = connect
        self._request = body
        self._deadlines = deadlines
        self._max_retries = max_retries
        self._room = max_tokens * _LONGEST_TOKEN + _ALLOWANCE if max_tokens else _LONGEST_ANSWER
        # Told of the generation's id as soon as the reply's head has come: before anything is charged.
        self.on_begin: Callable[[str], None] | None = None
        self._reply = Reply()
        self._incoming: Body | None = None
        self._watch: Watch | None = None
        self._scope: asyncio.Timeout | None = None
        self._completion: Completion | None = None
        self._over = False
        self._phase = _OPENING

    # --- facts ---

    @property
    def generation_id(self) -> str | None:
        return self._reply.generation_id

    @property
    def model(self) -> str | None:
        return self._reply.model

    @property
    def provider(self) -> str | None:
        return self._reply.provider

    @property
    def finish_reason(self) -> str | None:
        """How the answer ended: with it its text is whole, though its usage may still be to come."""
        return self._reply.finish_reason

    @property
    def pieces(self) -> int:
        """How many chunks have come."""
        return self._reply.pieces

    @property
    def usage(self) -> Usage | None:
        return self._reply.usage

    @property
    def files(self) -> list[dict[str, Any]]:
        """What the server's parser made of files; to be sent back with the answer."""
        return self._reply.files

    @property
    def completion(self) -> Completion:
        if self._completion is None:
            raise RuntimeError("the answer has not ended by itself")
        return self._completion

    # --- iteration ---

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        if self._incoming is None:
            delta = await self._begin()
        else:
            try:
                delta = await self._next(self._incoming)
            except OpenRouterError:
                self._over = True
                raise
        if delta is None:
            raise StopAsyncIteration
        self._room -= len(delta.content) + len(delta.reasoning)
        if self._room < 0 and not self._over:
            self._cut_short()
        return delta

    async def close(self) -> None:
        """Ends the work upstream at once. May be called from any task, and more than once."""
        self._over = True
        self._hang_up()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _cut_short(self) -> None:
        """End an answer that goes on and on; what it cost is to be asked for."""
        log.warning("an answer did not end at its greatest length")
        self._reply.finish_reason = "length"
        self._completion = _completion(self._reply)
        self._over = True
        self._hang_up()

    # --- opening ---

    async def _begin(self) -> Delta | None:
        """Opens the stream and reads to its first delta, with a few retries: nobody has seen anything yet."""
        total_at = asyncio.get_running_loop().time() + self._deadlines.total
        tried = 0
        while not self._over:
            tried += 1
            try:
                incoming = await self._open(total_at)
                delta = None if incoming is None else await self._next(incoming)
            except OpenRouterError as error:
                await self._pause(error, tried, total_at)
            else:
                self._request = b""  # may be megabytes of history, and is not sent again
                return delta
        return None

    async def _open(self, total_at: float) -> "Body | None":
        """Sends the request and reads the reply's head; None when `close` was called meanwhile."""
        now = asyncio.get_running_loop().time()
        first_byte_at = now + self._deadlines.first_byte
        try:
            incoming, headers = await self._bounded(self._send(), min(first_byte_at, total_at))
        except TimeoutError as error:
            if self._over:
                return None
            raise UpstreamTimeout from error
        if self._over:
            incoming.abort()
            return None
        self._incoming = incoming
        self._watch = Watch(total_at=total_at, on_expire=incoming.abort)
        self._watch.allow(first_byte_at - asyncio.get_running_loop().time())
        self._phase = _OPENING
        self._reply = self._reply_of(headers)
        if self.on_begin is not None and self._reply.generation_id:
            self.on_begin(self._reply.generation_id)
        return incoming

    async def _send(self) -> "tuple[Body, Mapping[str, str]]":
        upstream = await self._connect()
        return await upstream.open("/chat/completions", self._request)

    def _reply_of(self, headers: Mapping[str, str]) -> Reply:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            self._hang_up()
            raise MalformedReply(reason="a web page")
        reader = WholeReply if kind == "application/json" else Reply
        return reader(generation_id=headers.get("x-generation-id"))

    async def _pause(self, error: OpenRouterError, tried: int, total_at: float) -> None:
        """Waits before the next try, or raises `error` when there is to be none."""
        pause = None
        if self._reply.usage is None:  # else it was billed: trying again would lose that figure
            pause = pause_before_retry(
                error, tried=tried, max_retries=self._max_retries, deadlines=self._deadlines
            )
        if pause is None or asyncio.get_running_loop().time() + pause >= total_at:
            self._over = True
            report(error)
            raise error
        with contextlib.suppress(TimeoutError):  # that is how `close` ends the pause
            await self._bounded(asyncio.sleep(pause), None)

    async def _bounded(self, work: Coroutine[Any, Any, T], until: float | None) -> T:
        """Awaits `work` until a moment of the loop's clock, or until `close` is called: TimeoutError."""
        self._scope = asyncio.timeout_at(until)
        try:
            async with self._scope:
                return await work
        finally:
            self._scope = None

    # --- reading ---

    async def _next(self, incoming: "Body") -> Delta | None:
        """The next delta, or None when the answer has ended."""
        reply, watch = self._reply, self._watch
        assert watch is not None
        watch.waiting()
        try:
            while reply.error is None and not reply.done:
                try:
                    data = await incoming.read()
                except incoming.broken:
                    delta = self._salvage(incoming)
                else:
                    delta = reply.feed(data) if data else reply.end()
                    if delta is None or self._phase == _OPENING or reply.finished:
                        self._lived(watch, reply)
                if delta is not None:
                    return delta
        finally:
            watch.idle()
        await self._conclude(incoming)
        return None

    def _lived(self, watch: Watch, reply: Reply) -> None:
        """If data came, it is from now on silence between data that counts."""
        if not reply.alive:
            return
        watch.waiting()
        if self._phase == _OPENING:
            self._phase = _STREAMING
            watch.allow(self._deadlines.silence)
        if self._phase == _STREAMING and reply.finish_reason is not None:
            self._phase = _ENDING
            watch.allow(min(self._deadlines.tail, self._deadlines.silence))

    def _salvage(self, incoming: "Body") -> Delta | None:
        """The connection is gone: takes what had arrived before and judges the end."""
        reply, watch = self._reply, self._watch
        if self._over:
            reply.done = True
            return None
        if rest := incoming.leftover():
            return reply.feed(rest)
        if watch is not None and watch.expired and not reply.finished:
            reply.error = UpstreamTimeout()
            return None
        return reply.end()

    async def _conclude(self, incoming: "Body") -> None:
        """Raises what went wrong, or makes `completion`."""
        reply = self._reply
        if self._over:
            return
        if reply.error is not None:
            self._hang_up()
            raise reply.error
        if self._watch is not None:
            self._watch.stop()
        self._completion = _completion(reply)
        self._over = True
        await incoming.drain(_GOODBYE_SECONDS)

    def _hang_up(self) -> None:
        if self._watch is not None:
            self._watch.stop()
        if self._incoming is not None:
            self._incoming.abort()
            self._incoming = None


def _completion(reply: Reply) -> Completion:
    return Completion(
        content="",
        reasoning="",
        citations=(),
        finish_reason=reply.finish_reason,
        native_finish_reason=reply.native_finish_reason,
        model=reply.model,
        provider=reply.provider,
        generation_id=reply.generation_id,
        usage=reply.usage,
        models_attempted=reply.models_attempted,
    )

"""The API's own way through Django: the same views and errors, without the layers that only pages need.

Each of Django's seven middleware classes costs two hops to a thread in an async request, more than a whole chat turn's
own work. The API needs none of them: `door` sets its headers, and credentials (session and CSRF included) are read by
`wisqu.accounts.auth`. See docs/decisions/0002-api-without-page-middleware.md.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from functools import partial
from io import BytesIO
from typing import IO, Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.core.signals import request_started
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import set_script_prefix

from wisqu.api.bodies import encode_json
from wisqu.api.handlers import TOO_LARGE, problem_from, request_id_of
from wisqu.api.ids import uuid7
from wisqu.api.middleware import door
from wisqu.api.problems import CONTENT_TYPE, Problem, problem_response
from wisqu.api.threads import in_thread

# Forms that are open to everybody hold an address and a password.
OPEN_FORMS, OPEN_FORM = ("/accounts/", "/admin/login"), 64 * 1024
# For how long what comes of a body is thrown away once its sender has been told that nobody takes it.
LINGER_S = 2.0

Objection = Callable[[HttpRequest], Problem | None]


class EventStream(StreamingHttpResponse):
    """Server-sent events. `frames` are sent as they come, past the layers that a streamed page needs."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            frames,
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self.frames = frames


class ApiHandler(ASGIHandler):
    """Serves /api/ with the door as its only middleware and without a thread for each request.

    Sync views run on the pool of `wisqu.api.threads`, which keeps its connections; async ones hop there themselves.
    `objection` is asked, on that pool, about whoever sends more than the usual limit, before more than that is read.
    """

    def __init__(self, objection: Objection | None = None) -> None:
        self._objection = objection
        super().__init__()

    def load_middleware(self, is_async: bool = True) -> None:
        """Build a chain of one."""
        super().load_middleware(is_async=True)
        self._view_middleware: list[Any] = []
        self._middleware_chain = door(convert_exception_to_response(self._answer))

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """Ask the view, or tell whoever sent too much for a stranger why it never saw the request."""
        objection = getattr(request, "objection", None)
        if objection is None:
            response: HttpResponseBase = await self._get_response_async(request)  # type: ignore[attr-defined]
            return response
        self.resolve_request(request)  # the log names the address
        return problem_response(objection, request_id=request_id_of(request))

    def make_view_atomic(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view that can be awaited."""
        if iscoroutinefunction(view):
            return view

        async def on_pool(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return await in_thread(_rendered, view, request, *args, **kwargs)

        return on_pool

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        objection: Problem | None = None
        try:
            body = await _read(scope, receive, partial(self._admit, scope))
        except RequestAborted:
            return
        except Problem as problem:
            objection, body = problem, BytesIO()
        if body is None:
            await _refuse(send)
            return
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        if request is not None:
            request.objection = objection  # type: ignore[attr-defined]
        response: Any = refusal if request is None else await self.run_get_response(request)
        try:
            if objection is not None:
                await self._dismiss(response, receive, send)
            elif response.streaming:
                await _until_gone(receive, self.send_response(response, send))
            else:
                await self.send_response(response, send)
        finally:
            response.close()
            body.close()

    async def _admit(self, scope: Any) -> None:
        """Let whoever is known send more than anybody may. Raises Problem for the others."""
        request, _ = self.create_request(scope, BytesIO())
        if request is None:
            raise Problem
        if self._objection is None:
            return
        try:
            problem = await in_thread(self._objection, request)
        except Exception as error:
            raise problem_from(error) from error
        if problem is not None:
            raise problem

    async def _dismiss(self, response: HttpResponse, receive: Any, send: Any) -> None:
        """Send the whole answer, then take what is under way for a moment without looking at it.

        Who closes a connection over what was not read resets it: a proxy would tell of that, not of the answer.
        """

        async def unfinished(message: Any) -> None:
            await send(message | {"more_body": True} if message["type"] == "http.response.body" else message)

        response["Connection"], response["Content-Length"] = "close", str(len(response.content))
        await self.send_response(response, unfinished)
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body"})

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        """Send a response; each frame of an event stream is one message."""
        if not isinstance(response, EventStream):
            await super().send_response(response, send)
            return
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with aclosing(response.frames) as frames:
            async for frame in frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body"})


def _rendered(view: Callable[..., Any], request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
    """Call the view and let its answer be written in the same thread."""
    response = view(request, *args, **kwargs)
    return response.render() if callable(getattr(response, "render", None)) else response


def _limit(scope: Any) -> int:
    """Return how many bytes a request to this address may have: what is read as a whole is never large."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    media_type, large = settings.LARGE_BODIES.get(scope["path"], ("", limit))
    declared = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return large if declared.partition(b";")[0].strip().lower() == media_type.encode() else limit


async def _read(scope: Any, receive: Any, admit: Callable[[], Awaitable[None]]) -> IO[bytes] | None:
    """Return the request's body; None for one over the limit, whatever its headers claim.

    Only a file is ever so long that it is kept on the disk meanwhile; `admit` is awaited before one is. Raises
    RequestAborted, and what `admit` raises.
    """
    usual, limit, declared = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, _limit(scope), _declared_length(scope)
    if declared > limit:
        return None
    is_admitted = declared > usual
    if is_admitted:
        await admit()
    body: IO[bytes] = tempfile.SpooledTemporaryFile(usual)  # noqa: SIM115
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            piece = message.get("body", b"")
            size = body.tell() + len(piece)
            if size > limit:
                body.close()
                return None
            if size > usual and not is_admitted:
                await admit()
                is_admitted = True
            body.write(piece)
            if not message.get("more_body"):
                body.seek(0)
                return body
    except BaseException:
        body.close()
        raise


async def _until_gone(receive: Callable[[], Awaitable[Any]], sending: Coroutine[Any, Any, None]) -> None:
    """Send until all is sent or the client has left."""
    sender = asyncio.ensure_future(sending)
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((sender, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not sender.done():
            sender.cancel()
    with suppress(asyncio.CancelledError):
        await sender


class BodyLimit:
    """Refuses a body over the limit before anything reads it, whatever its headers claim."""

    def __init__(self, app: Any, limit: int | None = None) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or answer 413 when it says, or turns out, to be too large."""
        limit = self.limit or _page_limit(scope["path"])
        if _declared_length(scope) > limit:
            await _refuse(send)
            return
        received = 0
        refused = False

        async def counted() -> Any:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit and not refused:
                refused = True
                await _refuse(send)
                return {"type": "http.disconnect"}
            return message

        async def guarded(message: Any) -> None:
            if not refused:
                await send(message)

        await self.app(scope, counted, guarded)


def _page_limit(path: str) -> int:
    """Return how many bytes a form of this page may have: what anybody may send is not to be thought about for long."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return min(limit, OPEN_FORM) if path.startswith(OPEN_FORMS) else limit


def _declared_length(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _refuse(send: Any) -> None:
    request_id = str(uuid7())
    body = encode_json(TOO_LARGE.body(request_id=request_id))
    headers = [
        (b"x-request-id", request_id.encode()),
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    # The rest of the body stays unread, so the connection can't be used again.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})

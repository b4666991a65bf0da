"""The API's own way through Django: the same views and errors, without the layers that only pages need.

Each of Django's seven middleware classes costs two hops to a thread in an async request, more than a whole chat turn's
own work. The API needs none of them: `door` sets its headers, and credentials (session and CSRF included) are read by
`wisqu.accounts.auth`. See docs/decisions/0002-api-without-page-middleware.md.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import convert_exception_to_response

from wisqu.api.bodies import encode_json
from wisqu.api.handlers import TOO_LARGE
from wisqu.api.ids import uuid7
from wisqu.api.middleware import door
from wisqu.api.problems import CONTENT_TYPE


class ApiHandler(ASGIHandler):
    """Serves /api/ with the door as its only middleware."""

    def load_middleware(self, is_async: bool = True) -> None:
        """Build a chain of one."""
        super().load_middleware(is_async=True)
        self._view_middleware: list[Any] = []
        self._middleware_chain = door(convert_exception_to_response(self._get_response_async))  # type: ignore[attr-defined]


class BodyLimit:
    """Refuses a body over the limit before anything reads it, whatever its headers claim."""

    def __init__(self, app: Any, limit: int | None = None) -> None:
        self.app = app
        self.limit = limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or answer 413 when it says, or turns out, to be too large."""
        if _declared_length(scope) > self.limit:
            await _refuse(send)
            return
        received = 0
        refused = False

        async def counted() -> Any:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit and not refused:
                refused = True
                await _refuse(send)
                return {"type": "http.disconnect"}
            return message

        async def guarded(message: Any) -> None:
            if not refused:
                await send(message)

        await self.app(scope, counted, guarded)


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

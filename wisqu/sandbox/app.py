"""The sandbox as an ASGI application: routes, bearer keys, refusals as OpenRouter's error bodies."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from wisqu.sandbox import accounts, control, listings
from wisqu.sandbox.chat import chat_completions
from wisqu.sandbox.embeddings import create_embeddings
from wisqu.sandbox.errors import Refusal
from wisqu.sandbox.faults import HttpFault, error_body, headers
from wisqu.sandbox.http import JsonReply, key_of
from wisqu.sandbox.images import create_images
from wisqu.sandbox.state import Sandbox
from wisqu.sandbox.transcriptions import create_transcription

Handler = Callable[[Request], Awaitable[ASGIApp]]


class Endpoint:
    """One handler as an ASGI app; unlike Starlette's own it lets a handler answer with any ASGI app."""

    def __init__(self, handler: Handler, *, open_to_all: bool = False) -> None:
        self._handler = handler
        self._open = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        reply: ASGIApp
        try:
            request.state.key = "" if self._open else key_of(request)
            reply = await self._handler(request)
        except Refusal as refusal:
            fault = refusal.fault
            reply = JsonReply(error_body(fault), status=fault.status, headers=headers(fault, refusal.word))
        await reply(scope, receive, send)


def _route(method: str, path: str, handler: Handler, *, open_to_all: bool = False) -> Route:
    return Route(path, Endpoint(handler, open_to_all=open_to_all), methods=[method])


async def _not_found(request: Request, error: Exception) -> Response:
    fault = HttpFault(404, f"No such route: {request.method} {request.url.path}", "not_found")
    return JsonReply(error_body(fault), status=404)


def create_app() -> Starlette:
    """A sandbox of its own, with an empty ledger."""
    api = [
        _route("POST", "/chat/completions", chat_completions),
        _route("GET", "/models", listings.list_models),
        _route("GET", "/models/{author}/{slug}/endpoints", listings.list_endpoints),
        _route("GET", "/model/{author}/{slug}", listings.show_model),
        _route("POST", "/images", create_images),
        _route("GET", "/images/models", listings.list_image_models),
        _route("POST", "/audio/transcriptions", create_transcription),
        _route("POST", "/embeddings", create_embeddings),
        _route("GET", "/generation", accounts.generation),
        _route("GET", "/key", accounts.key),
        _route("GET", "/credits", accounts.credits),
    ]
    tools = [
        _route("GET", "/", control.about, open_to_all=True),
        _route("GET", "/ledger", control.ledger, open_to_all=True),
        _route("POST", "/reset", control.reset, open_to_all=True),
        _route("POST", "/clock", control.clock, open_to_all=True),
        _route("POST", "/uptime", control.uptime, open_to_all=True),
    ]
    made = Starlette(
        routes=[Mount("/api/v1", routes=api), Mount("/sandbox", routes=tools)],
        exception_handlers={404: _not_found, 405: _not_found},
    )
    made.state.sandbox = Sandbox()
    return made


app = create_app()

"""What the server runs: pages, the API and the websocket, each with no more layers than it needs."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wisqu.settings")
pages = get_asgi_application()

# ruff: noqa: E402 - models can be imported only once Django is set up
from channels.routing import URLRouter

from chat import running, sweeping, upstream
from chat.routing import websocket_urlpatterns
from chat.warming import warm_up
from imagery import sweeping as image_sweeping
from wisqu.api.asgi import ApiHandler, BodyLimit
from wisqu.api.middleware import API_PREFIX

_api = ApiHandler()
_pages = BodyLimit(pages)
_sockets = URLRouter(websocket_urlpatterns)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Send each connection where it belongs."""
    kind = scope["type"]
    if kind == "lifespan":
        await _live(receive, send)
    elif kind == "websocket":
        await _serve_socket(scope, receive, send)
    elif scope["path"].startswith(API_PREFIX):
        await _api(scope, receive, send)
    else:
        await _pages(scope, receive, send)


async def _serve_socket(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/ws/chat":
        await _sockets(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 4404})


async def _live(receive: Any, send: Any) -> None:
    """Follow the server's life: close what still runs before it ends."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
            running.spawn(asyncio.to_thread(warm_up))
            running.spawn(upstream.client().connect())
            running.spawn(sweeping.keep_sweeping())
            running.spawn(image_sweeping.keep_sweeping())
        else:
            await running.shut_down()
            await upstream.close()
            await send({"type": "lifespan.shutdown.complete"})
            return

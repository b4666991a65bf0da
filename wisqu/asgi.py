"""What the server runs: pages, the API and the websocket, each with no more layers than it needs.

It also ends in order. Told to stop, the process first says at `/health/ready` that it is not ready any more, and
still serves whoever comes, until balancers have noticed. Then the server lets go of its port and its sockets (close
code 1012: open again, somewhere else), and answers that are being written go on to their end, for readers here and,
through the turn log, in other processes. What still runs when the time is over is handed on to another process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wisqu.settings")
pages = get_asgi_application()

# ruff: noqa: E402 - models can be imported only once Django is set up
from channels.routing import URLRouter
from django.conf import settings
from uvicorn import Server

from chat import handing, running, sweeping, upstream
from chat.routing import websocket_urlpatterns
from chat.warming import warm_up
from imagery import sweeping as image_sweeping
from wisqu import doorstep, patience
from wisqu.accounts import auth, doors
from wisqu.api import draining
from wisqu.api.asgi import ApiHandler, BodyLimit
from wisqu.api.middleware import API_PREFIX
from wisqu.api.spawning import spawn
from wisqu.telemetry import tracing

log = logging.getLogger(__name__)

_api = ApiHandler(auth.objection)
_pages = BodyLimit(pages)
_sockets = URLRouter(websocket_urlpatterns)
patience.ask(doors.keeper)


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
    if scope["path"] == doors.PATH:
        await _sockets(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 4404})


async def _live(receive: Any, send: Any) -> None:
    """Follow the server's life: close what still runs before it ends."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _listen_for_the_end()
            await send({"type": "lifespan.startup.complete"})
            spawn(asyncio.to_thread(warm_up))
            spawn(upstream.client().connect())
            spawn(sweeping.keep_sweeping())
            spawn(image_sweeping.keep_sweeping())
            if handing.is_possible():
                running.listen()
                spawn(running.keep_taking_up())
        else:
            await running.shut_down()
            await upstream.close()
            await asyncio.to_thread(tracing.flush)
            await send({"type": "lifespan.shutdown.complete"})
            return


def _listen_for_the_end() -> None:
    """Put a time of notice between SIGTERM and what the server does with it."""
    notice, grace = settings.SHUTDOWN_NOTICE_SECONDS, settings.SHUTDOWN_GRACE_SECONDS
    if not notice + grace or threading.current_thread() is not threading.main_thread():
        return
    the_servers = signal.getsignal(signal.SIGTERM)
    if not callable(the_servers):
        return
    loop = asyncio.get_running_loop()
    server = getattr(the_servers, "__self__", None)

    async def close_the_port(number: int, frame: FrameType | None) -> None:
        try:
            if isinstance(server, Server):
                await doorstep.close(server)
        finally:  # whatever becomes of that, the server is told
            the_servers(number, frame)

    def leave(number: int, frame: FrameType | None) -> None:
        spawn(close_the_port(number, frame))

    def end(number: int, frame: FrameType | None) -> None:
        if draining.has_begun():  # asked twice: at once
            the_servers(number, frame)
            return
        draining.begin(within_s=notice + grace)
        log.info("told to stop: not ready any more")
        loop.call_soon_threadsafe(loop.call_later, notice, leave, number, frame)
        # Before the server cuts the connections of those who still read.
        last_call = notice + grace - running.leaving_s()
        loop.call_soon_threadsafe(loop.call_later, last_call, running.hand_on_all)

    signal.signal(signal.SIGTERM, end)

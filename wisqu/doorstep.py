"""How a server lets go of its port without resetting whoever stands on the doorstep.

A connection that the kernel has made and nobody has accepted is reset when its port is closed, and a proxy that sent a
question over it may not ask elsewhere: its user sees a 502. So they are all let in first, and then, with nothing done
in between, the port is closed. `wisqu.patience` gives each of them, and whoever waits on a kept connection, a moment
to ask.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from uvicorn import Server

# A crowd that never ends must not keep the port open.
MOST_ROUNDS = 50


async def close(server: Server) -> None:
    """Accept who has come, and listen no more."""
    for _ in range(MOST_ROUNDS):
        waiting = [each for listener in server.servers for each in _come(listener)]
        if not waiting:
            break
        await asyncio.gather(*(_let_in(server, each) for each in waiting))
    for listener in server.servers:
        listener.close()


def _come(listener: Any) -> list[socket.socket]:
    return [connection for each in listener.sockets for connection in _accepted(each.fileno())]


def _accepted(port: int) -> list[socket.socket]:
    connections = []
    with socket.socket(fileno=os.dup(port)) as door:  # what the loop gives away of its own cannot accept
        while True:
            try:
                connections.append(door.accept()[0])
            except OSError:  # nobody there, or gone again
                return connections


async def _let_in(server: Server, connection: socket.socket) -> None:
    config, state = server.config, server.server_state
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        factory: Any = config.http_protocol_class
        made: asyncio.Protocol = factory(config=config, server_state=state, app_state=server.lifespan.state)
        return made

    connection.setblocking(False)
    try:
        await loop.connect_accepted_socket(protocol, connection)
    except OSError:
        connection.close()

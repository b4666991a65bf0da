"""How long the server waits for whoever lets it wait: uvicorn's protocols, with deadlines and a bound on frames.

uvicorn waits without end for the rest of a request, and for a reader who takes nothing, and keeps a head of any
length. Here a request's head has `HEAD_S` and `LONGEST_HEAD` bytes, its body as long and a second more for every
`SLOWEST` bytes that came, and a reader who has taken nothing for `STALLED_S` is cut off. A websocket that sends frames
faster than anything could mean is closed with 1008 before they are all read: pings and the pieces of an unfinished
message too, which the consumer never sees. Before anything is built for a websocket the doors are asked (`ask`): who
flooded a moment ago is closed at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.utils import accept_key

from wisqu.api import draining

log = logging.getLogger(__name__)

HEAD_S = BODY_S = 20.0
SLOWEST = 500  # bytes a second
# Four times what proxies pass on; what came in the same packet may be more.
LONGEST_HEAD = 64 * 1024
STALLED_S = 60.0
# What is said at last has to be taken, and its end be answered, within this time.
FAREWELL_S = 10.0
LINGER_S = 1.0
# How long a kept connection may still bring a request once the port is closed. A proxy with anything to ask has been
# refused a new one within this time, and asks no more here.
LAST_CALL_S = 1.0
# Frames of every kind; a message of the largest size in the smallest pieces that proxies make has 500.
MOST_FRAMES, FRAMES_S = 1000, 5.0
# Bytes that wait to be read: the answers to pings are written without asking whether there is room.
MOST_UNREAD = 256 * 1024
SLICE = 4096
NOT_A_TEXT, POLICY_VIOLATION, TOO_BIG = 1007, 1008, 1009
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Refusal:
    """With which code and which short reason a websocket is closed; `protocol` is chosen where it is offered."""

    code: int
    reason: str
    protocol: str


class Doors(Protocol):
    """Who knows whom not to let in; `scope` has at least the path, the headers and the subprotocols."""

    def refusal(self, scope: Mapping[str, Any]) -> Refusal | None:
        """Count a handshake; return how it is refused, None where it may go on."""

    def flooded(self, scope: Mapping[str, Any]) -> None:
        """Hear that a websocket was closed for sending too much."""


RESTARTS = Refusal(1012, "the server restarts", "")
_doors: list[Doors] = []


def ask(doors: Doors) -> None:
    """Let `doors` be asked before anything is built for a websocket, and be told who flooded."""
    _doors[:] = [doors]


class Stalls:
    """Calls `cut_off` for a connection whose reader takes nothing."""

    def __init__(self, cut_off: Callable[[], None]) -> None:
        self._cut_off = cut_off
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """Cut off in so many seconds; the earlier of two moments counts."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._cut_off)

    def end(self) -> None:
        """The reader took something, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PatientRequests(HttpToolsProtocol):
    """HTTP/1.1 of which every part has its time."""

    stalls: Stalls
    _timer: asyncio.TimerHandle | None = None
    _body_began: float | None = None
    _received = 0
    _is_upgraded = False
    _is_last_call = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.stalls = Stalls(self._abandon)
        self._await_rest(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        self.stalls.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what begins now has to end in time."""
        self._received += len(data)
        if self._timer is None:
            self._await_rest(HEAD_S)
        super().data_received(data)
        if self._body_began is None and self._received > LONGEST_HEAD and not self._is_upgraded:
            self._cut_off(TOO_LONG)

    def on_headers_complete(self) -> None:
        """The body's time begins."""
        super().on_headers_complete()
        self._received, self._body_began = 0, self.loop.time()
        self._await_rest(BODY_S)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._stop_waiting()
        self._received = 0
        super().on_message_complete()

    def shutdown(self) -> None:
        """Give whoever is about to ask, on a kept connection or a new one, a moment to do so before it is closed.

        That answer says `Connection: close`, and the next one is asked for elsewhere.
        """
        if self._is_idle() and draining.has_begun():
            self._is_last_call = True
            self.loop.call_later(LAST_CALL_S, super().shutdown)
        else:
            super().shutdown()

    def _is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def handle_websocket_upgrade(self) -> None:
        """The connection is somebody else's, or nobody's."""
        self._stop_waiting()
        self._is_upgraded = True
        self.stalls.end()
        key = dict(self.headers).get(b"sec-websocket-key", b"").decode("latin-1")
        offers = [
            value.decode("latin-1") for name, value in self.headers if name == b"sec-websocket-protocol"
        ]
        protocols = [each.strip() for offer in offers for each in offer.split(",")]
        path = unquote(self.url.partition(b"?")[0].decode("latin-1"))
        scope = {"path": path, "headers": self.headers, "subprotocols": protocols}
        refusal = RESTARTS if self._is_last_call else None
        if refusal is None and _doors and key:
            refusal = _doors[0].refusal(scope)
        if refusal is None:
            super().handle_websocket_upgrade()
        else:
            self._turn_away(refusal, key, protocols)

    def _turn_away(self, refusal: Refusal, key: str, protocols: list[str]) -> None:
        """Accept and close in one breath, which is the only way to tell a page why.

        Nothing is read any more, and only after a moment is the line cut: the other side may talk already, and who
        closes over what was not read resets the line before the reason is heard.
        """
        chosen = f"Sec-WebSocket-Protocol: {refusal.protocol}\r\n" if refusal.protocol in protocols else ""
        head = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{chosen}\r\n"
        )
        close = Frame(Opcode.CLOSE, Close(refusal.code, refusal.reason).serialize())
        self.transport.write(head.encode("latin-1") + close.serialize(mask=False))
        self.transport.pause_reading()
        self.loop.call_later(LINGER_S, self.transport.close)

    def on_response_complete(self) -> None:
        """Wait for what was said last to be taken, where nothing follows."""
        super().on_response_complete()
        if self.transport.is_closing():
            self.stalls.begin(STALLED_S)

    def timeout_keep_alive_handler(self) -> None:
        """Close, even where the last answer was never taken."""
        super().timeout_keep_alive_handler()
        self.stalls.begin(FAREWELL_S)

    def pause_writing(self) -> None:
        """The reader takes nothing for now."""
        super().pause_writing()
        self.stalls.begin(STALLED_S)

    def resume_writing(self) -> None:
        """The reader took something."""
        self.stalls.end()
        super().resume_writing()

    def _abandon(self) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # who waits to write is told at once
        self.transport.abort()

    def _await_rest(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._check_rest)

    def _stop_waiting(self) -> None:
        self._body_began = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_rest(self) -> None:
        """Go on waiting for whoever waits for us, or sends something; cut off the others."""
        self._timer = None
        if self.transport.is_closing():
            return
        cycle = self.cycle
        is_answering = cycle is not None and not cycle.response_complete and not cycle.more_body
        if is_answering or self.flow.read_paused:
            self._await_rest(HEAD_S)
            return
        if self._body_began is not None:
            left = self._body_began + BODY_S + self._received / SLOWEST - self.loop.time()
            if left > 0:
                self._await_rest(left)
                return
        self._cut_off(TIMED_OUT)

    def _cut_off(self, word: bytes) -> None:
        cycle = self.cycle
        if self.transport.is_closing():
            return
        if self._received and (cycle is None or cycle.response_complete or not cycle.response_started):
            self.transport.write(word)
        self.transport.close()
        self.stalls.begin(FAREWELL_S)


class PatientSockets(WebSocketsSansIOProtocol):
    """Websockets that are closed when they flood, and cut off when nobody reads them."""

    stalls: Stalls
    _counted = 0
    _counted_since = 0.0
    _is_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.stalls = Stalls(self._abandon)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.stalls.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read in slices, so that a flood is closed before all of it is taken apart."""
        for at in range(0, len(data), SLICE):
            if self._is_refused or self.transport.is_closing():
                return
            super().data_received(data[at : at + SLICE])

    def handle_cont(self, event: Frame) -> None:
        """Take a piece of a message."""
        if self._is_bearable():
            super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """Take a message, or its first piece."""
        if self._is_bearable():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take a binary message, or its first piece."""
        if self._is_bearable():
            super().handle_bytes(event)

    def send_receive_event_to_app(self) -> None:
        """Hand on a message. A text that is none is closed without a word: uvicorn's traceback fills a log."""
        self.frames = [b"".join(self.frames)]
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames[0]):
            log.debug("a websocket sent a text that is not UTF-8")
            self._refuse(NOT_A_TEXT, "not UTF-8")
        else:
            super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer, unless the answers are not read."""
        if not self._is_bearable():
            return
        if self.transport.get_write_buffer_size() > MOST_UNREAD:
            self._refuse()
        else:
            super().handle_ping()

    def keepalive_timeout(self) -> None:
        """Close, even where what was said before was never taken."""
        super().keepalive_timeout()
        self.stalls.begin(FAREWELL_S)

    def pause_writing(self) -> None:
        """The reader takes nothing for now."""
        super().pause_writing()
        self.stalls.begin(STALLED_S)

    def resume_writing(self) -> None:
        """The reader took something."""
        if not self.close_sent:
            self.stalls.end()
        super().resume_writing()

    async def send(self, message: Any) -> None:
        """Send; after a close the other side has a moment to say goodbye.

        Raises ClientDisconnected where the socket was closed here while the application was about to speak.
        """
        if self._is_refused:
            raise ClientDisconnected
        await super().send(message)
        if self.close_sent:
            self.stalls.begin(FAREWELL_S)

    def _is_bearable(self) -> bool:
        """Count a frame; close when they are too many."""
        if self._is_refused:
            return False
        now = self.loop.time()
        if now - self._counted_since > FRAMES_S:
            self._counted, self._counted_since = 0, now
        self._counted += 1
        if self._counted <= MOST_FRAMES:
            return True
        self._refuse()
        return False

    def handle_parser_exception(self) -> None:
        """Say why it is closed, and take what still comes for a moment, without looking at it.

        Who closes a connection over what was not read resets it, and the other side never hears the reason.
        """
        close = self.conn.close_sent
        if _doors and close is not None and close.code in (POLICY_VIOLATION, TOO_BIG):
            _doors[0].flooded(self.scope)
        if not self.close_sent and close is not None:
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
            )
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self._is_refused = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.close)
        self.stalls.begin(FAREWELL_S)

    def _refuse(self, code: int = POLICY_VIOLATION, reason: str = "too many frames") -> None:
        self.frames = []
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def _abandon(self) -> None:
        self.disconnected = True
        self.transport.abort()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

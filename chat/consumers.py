"""The websocket: any number of turns over one socket, each in the events that SSE sends too.

The consumer only translates. It speaks for one user, checks where the page that opened it came from, and closes when
the credential ends, when nobody speaks for long, or when somebody speaks far too much.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host

from billing.warnings import usage_and_warnings
from chat import branches, running, titlewatch
from chat.events import socket_frame
from chat.following import Batch, find_turn, follow
from chat.hearing import heard_first
from chat.inputs import ChatInput, EditInput, RegenerateInput, parse_frame, refuse_others
from chat.models import Turn
from chat.producing import RunningTurn
from chat.turns import OpenTurn, Replay, open_turn, request_stop
from imagery import watching
from wisqu.accounts import connections, doors
from wisqu.accounts.auth import resolve_scope
from wisqu.accounts.doors import PROTOCOL
from wisqu.api import idempotency, throttling
from wisqu.api.bodies import encode_json, parse_object
from wisqu.api.handlers import TOO_LARGE, problem_from
from wisqu.api.ids import uuid7
from wisqu.api.problems import FieldError, Invalid, Problem
from wisqu.api.spawning import spawn, to_its_end
from wisqu.api.threads import in_thread
from wisqu.api.throttling import Allowance
from wisqu.telemetry import metrics, tracing

log = logging.getLogger(__name__)

NOT_SIGNED_IN, WRONG_ORIGIN, IDLE, FLOODING = doors.NOT_SIGNED_IN, 4403, 4408, doors.FLOODING
IDLE_S = 600.0
FLOOD_FRAMES, FLOOD_S = 60, 5.0
# Turns that one socket follows at a time; beyond it a client is broken or hostile.
MOST_FOLLOWED = 50


class ChatConsumer(AsyncWebsocketConsumer):
    """One open page, or one program."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.followers: dict[uuid.UUID, asyncio.Task[None]] = {}
        self.recent: deque[float] = deque(maxlen=FLOOD_FRAMES)
        self.heard_at = time.monotonic()
        self.idle_timer: asyncio.TimerHandle | None = None
        self.untrack: Callable[[], None] | None = None
        self.user_id: uuid.UUID | None = None
        self.is_over = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; whatever ends it, nothing of it stays behind."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._let_go()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Do what Channels does, without its hop to another thread for every frame.

        There it would let go of old connections to the database; those that are used here are looked after by
        `in_thread`.
        """
        if message["type"] == "websocket.disconnect":
            raise StopConsumer
        handlers = {"websocket.connect": self.websocket_connect, "websocket.receive": self.websocket_receive}
        await handlers[message["type"]](message)

    async def connect(self) -> None:
        """Accept, then say by a close code why not: a refused handshake could not tell the page anything."""
        proof = await resolve_scope(self.scope)
        await self.accept(PROTOCOL if PROTOCOL in self.scope.get("subprotocols", []) else None)
        if proof is None:
            doors.keeper.disown(self.scope)
            await self.close(NOT_SIGNED_IN)
            return
        user, credential = proof
        if credential.kind == "session" and not is_allowed_origin(self.scope):
            await self.close(WRONG_ORIGIN)
            return
        if refusal := doors.keeper.admit(user.pk, self.scope):
            await self.close(refusal.code, refusal.reason)
            return
        self.user_id = user.pk
        metrics.SOCKETS_OPEN.inc()
        self.untrack = connections.track(user.pk, credential, self._revoked)
        watching.listen(user.pk, self._tell_image)
        self._await_silence(IDLE_S)

    async def _revoked(self) -> None:
        await self.close(NOT_SIGNED_IN)

    def _await_silence(self, seconds: float) -> None:
        self.idle_timer = asyncio.get_running_loop().call_later(seconds, self._check_silence)

    def _check_silence(self) -> None:
        left = IDLE_S - (time.monotonic() - self.heard_at)
        if self.followers:
            self._await_silence(IDLE_S)
        elif left > 0:
            self._await_silence(left)
        else:
            spawn(self.close(IDLE))

    async def close(self, code: int | bool | None = None, reason: str | None = None) -> None:
        """Close once; what was sent faster than it could be refused is not heard any more."""
        if not self.is_over:
            self.is_over = True
            self._stop_following()
            await super().close(code, reason)

    def _stop_following(self) -> None:
        """Stop following; the turns go on."""
        titlewatch.forget(self._tell_title)
        for follower in self.followers.values():
            follower.cancel()

    def _let_go(self) -> None:
        self.is_over = True
        self._stop_following()
        if self.idle_timer is not None:
            self.idle_timer.cancel()
        if self.untrack is not None:
            self.untrack()
        if self.user_id is None:
            return
        metrics.SOCKETS_OPEN.dec()
        watching.forget(self.user_id, self._tell_image)
        doors.keeper.leave(self.user_id)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one frame. A bad one is answered, never punished; too many end the socket."""
        if self.user_id is None or self.is_over:
            return
        self.heard_at = time.monotonic()
        if len(self.recent) == FLOOD_FRAMES and self.heard_at - self.recent[0] < FLOOD_S:
            doors.keeper.bar(self.user_id)
            await self.close(FLOODING)
            return
        self.recent.append(self.heard_at)
        request_id = str(uuid7())
        structlog.contextvars.bind_contextvars(request_id=request_id)
        ref: str | None = None
        try:
            frame = self._read(text_data)
            ref = read_ref(frame)
            await self._act(frame, ref)
        except Exception as error:
            problem = problem_from(error)
            await self.send_frame(
                {"type": "rejected", "ref": ref, "problem": problem.body(request_id=request_id)}
            )

    def _read(self, text: str | None) -> dict[str, Any]:
        if text is None:
            raise Problem(400, "invalid_frame", "Frames are JSON texts; this one is binary.")
        if len(text) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TOO_LARGE
        return parse_object(text.encode("utf-8", "surrogatepass"))

    async def _act(self, frame: dict[str, Any], ref: str | None) -> None:
        actions: dict[Any, Callable[[dict[str, Any], str | None], Coroutine[Any, Any, None]]] = {
            "send": self._send_question,
            "regenerate": self._regenerate,
            "edit": self._edit,
            "stop": self._stop,
            "resume": self._resume,
            "ping": self._pong,
        }
        kind = frame.pop("type", None)
        action = actions.get(kind) if isinstance(kind, str) else None
        if action is None:
            raise Invalid(
                errors=[
                    FieldError("type", "unknown_type", "Use send, regenerate, edit, stop, resume or ping.")
                ]
            )
        await action(frame, ref)

    async def _send_question(self, frame: dict[str, Any], ref: str | None) -> None:
        def opening(**options: Any) -> OpenTurn | Replay:
            return open_turn(chat=parse_frame(ChatInput, frame), **options)

        await self._open(opening, "/api/v1/chat", frame, ref)

    async def _regenerate(self, frame: dict[str, Any], ref: str | None) -> None:
        message_id = read_id(frame, "message_id")

        def opening(**options: Any) -> OpenTurn | Replay:
            wishes = parse_frame(RegenerateInput, frame)
            return branches.regenerate(message_id=message_id, wishes=wishes, **options)

        await self._open(opening, f"/api/v1/messages/{message_id}/regenerate", frame, ref)

    async def _edit(self, frame: dict[str, Any], ref: str | None) -> None:
        message_id = read_id(frame, "message_id")

        def opening(**options: Any) -> OpenTurn | Replay:
            return branches.edit(message_id=message_id, wishes=parse_frame(EditInput, frame), **options)

        await self._open(opening, f"/api/v1/messages/{message_id}/edit", frame, ref)

    async def _open(
        self, opening: Callable[..., OpenTurn | Replay], path: str, frame: dict[str, Any], ref: str | None
    ) -> None:
        """Open a turn and follow it; `path` is where the same request goes over HTTP."""
        key = idempotency.read_key(frame.pop("idempotency_key", None))
        mark = "" if key is None else idempotency.fingerprint("POST", path, frame)
        self._refuse_too_many()
        admitted = partial(_admitted, opening, owner_id=self._user(), key=key, mark=mark)
        allowance, opened, turn = await to_its_end(_begin(admitted))
        await self.send_frame({"type": "accepted", "ref": ref, "rate_limit": allowance.as_dict()})
        if isinstance(opened, Replay):
            # It may still run: the line broke after the question had got through, and the page asked again.
            again = opened.turn
            self._follow(again.id, follow(again, 0), ref=ref, names=_to_name(again), tells_quota=True)
            return
        assert turn is not None
        is_to_name = opened.answer.depth == 1 and opened.said is None
        names = opened.conversation_id if is_to_name else None
        self._follow(opened.turn_id, turn.turn_log.follow(0), ref=ref, names=names, tells_quota=True)
        if opened.title is not None:
            await self.send_frame(
                {"type": "title", "conversation_id": opened.conversation_id, "title": opened.title}
            )

    async def _stop(self, frame: dict[str, Any], ref: str | None) -> None:
        turn_id = read_id(frame, "turn_id")
        refuse_others(frame)
        await in_thread(request_stop, owner_id=self._user(), turn_id=turn_id)
        running.stop(turn_id)
        await self.send_frame({"type": "accepted", "ref": ref})

    async def _resume(self, frame: dict[str, Any], ref: str | None) -> None:
        turn_id = read_id(frame, "turn_id")
        after = frame.pop("after", 0)
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**31:
            raise Invalid(
                errors=[FieldError("after", "invalid", "The number of the last event that you have seen.")]
            )
        refuse_others(frame)
        self._refuse_too_many()
        turn = await in_thread(find_turn, owner_id=self._user(), turn_id=turn_id)
        batches, names = follow(turn, after), _to_name(turn)
        del turn  # which has the whole answer: the socket may have to wait for its reader
        await self.send_frame({"type": "accepted", "ref": ref})
        self._follow(turn_id, batches, ref=ref, names=names)

    async def _pong(self, frame: dict[str, Any], ref: str | None) -> None:
        refuse_others(frame)
        await self.send_frame({"type": "pong"})

    def _user(self) -> uuid.UUID:
        assert self.user_id is not None
        return self.user_id

    def _refuse_too_many(self) -> None:
        if len(self.followers) >= MOST_FOLLOWED:
            raise Problem(429, "too_many_turns", f"This socket follows {MOST_FOLLOWED} turns already.")

    def _follow(
        self,
        turn_id: uuid.UUID,
        batches: Any,
        *,
        ref: str | None,
        names: uuid.UUID | None,
        tells_quota: bool = False,
    ) -> None:
        """Send the turn's events beside whatever else the socket does; a newer wish replaces an older one.

        `names` is the conversation that gets its title from this turn.
        """
        if self.is_over:
            return
        earlier = self.followers.pop(turn_id, None)
        if earlier is not None:
            earlier.cancel()
        task = asyncio.create_task(self._forward(turn_id, batches, ref, names, tells_quota))
        self.followers[turn_id] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self.followers.get(turn_id) is done:
                del self.followers[turn_id]

        task.add_done_callback(forget)

    async def _forward(
        self, turn_id: uuid.UUID, batches: Any, ref: str | None, names: uuid.UUID | None, tells_quota: bool
    ) -> None:
        batch: Batch
        is_done = False
        try:
            async for batch in batches:
                is_done = bool(batch) and batch[-1][1].startswith(b'{"type":"done"')
                batch.reverse()
                while batch:  # emptied: of a long event that nobody reads, the frame alone is held back
                    await self.send(text_data=socket_frame(turn_id, *batch.pop(), ref=ref))
            if names is not None and is_done:
                titlewatch.wait_for(names, self._tell_title)
            if tells_quota:
                await self.send_frame({"type": "quota", **await in_thread(usage_and_warnings, self._user())})
        except OSError:
            return  # the client left between two frames; the turn goes on

    async def _tell_title(self, conversation_id: uuid.UUID, title: str) -> None:
        await self.send_frame({"type": "title", "conversation_id": conversation_id, "title": title})

    async def _tell_image(self, image: dict[str, Any]) -> None:
        await self.send_frame({"type": "image", "image": image})
        if image["status"] in ("done", "failed"):  # counted, or given back
            await self.send_frame({"type": "quota", **await in_thread(usage_and_warnings, self._user())})

    async def send_frame(self, frame: dict[str, Any]) -> None:
        """Send one frame that is not an event of a turn; nothing after the close."""
        if self.is_over:
            return
        told = {name: value for name, value in frame.items() if value is not None}
        try:
            await self.send(text_data=encode_json(told).decode())
        except OSError:
            self.is_over = True  # the client left


def _to_name(turn: Turn) -> uuid.UUID | None:
    """Return the conversation where this is the turn that it gets its title from."""
    return turn.conversation_id if turn.answer.depth == 1 else None


async def _begin(
    admitted: Callable[[], tuple[Allowance, OpenTurn | Replay]],
) -> tuple[Allowance, OpenTurn | Replay, RunningTurn | None]:
    """Open a turn and have it produced: a client that leaves in between leaves no turn that nobody writes."""
    with tracing.span("open turn", door="websocket"):
        allowance, opened = await heard_first(admitted)
    return allowance, opened, None if isinstance(opened, Replay) else running.start(opened)


def _admitted(
    opening: Callable[..., OpenTurn | Replay], *, owner_id: uuid.UUID, **options: Any
) -> tuple[Allowance, OpenTurn | Replay]:
    """Count the request against the person's minute, then open the turn: what the API does before every request."""
    return throttling.admit(owner_id), opening(owner_id=owner_id, **options)


def read_ref(frame: dict[str, Any]) -> str | None:
    """Take the client's own mark off a frame. Raises Problem 422 for one that is no short text."""
    ref = frame.pop("ref", None)
    if ref is not None and (not isinstance(ref, str) or len(ref) > 200):
        raise Invalid(errors=[FieldError("ref", "invalid", "A text of at most 200 characters.")])
    return ref


def read_id(frame: dict[str, Any], name: str) -> uuid.UUID:
    """Take an id off a frame. Raises Problem 422."""
    try:
        return msgspec.convert(frame.pop(name, None), uuid.UUID)
    except msgspec.ValidationError:
        raise Invalid(errors=[FieldError(name, "invalid", "An id, as it was told.")]) from None


def is_allowed_origin(scope: dict[str, Any]) -> bool:
    """Tell whether the page that opened the socket is ours: cookies come along from any page, `Origin` does not lie."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    parts = urlsplit(origin)
    if not parts.hostname or parts.scheme not in ("http", "https"):
        return False
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    if parts.scheme != "https" and settings.SESSION_COOKIE_SECURE:
        return False  # somebody on the way could have written that page
    allowed = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return parts.netloc == host and validate_host(parts.hostname, allowed)

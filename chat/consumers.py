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
from typing import Any
from urllib.parse import urlsplit

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host

from billing.plans import usage
from chat import running
from chat.events import socket_frame
from chat.following import Batch, find_turn, follow
from chat.inputs import parse_chat_input
from chat.turns import Replay, open_turn, request_stop
from wisqu.accounts import connections
from wisqu.accounts.auth import resolve_scope
from wisqu.api import idempotency
from wisqu.api.bodies import encode_json, parse_object
from wisqu.api.handlers import TOO_LARGE, problem_from
from wisqu.api.ids import uuid7
from wisqu.api.problems import FieldError, Invalid, Problem
from wisqu.api.threads import in_thread

log = logging.getLogger(__name__)

PROTOCOL = "wisqu.v1"
NOT_SIGNED_IN, WRONG_ORIGIN, IDLE, FLOODING = 4401, 4403, 4408, 4429
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

    async def connect(self) -> None:
        """Accept, then say by a close code why not: a refused handshake could not tell the page anything."""
        proof = await resolve_scope(self.scope)
        await self.accept(PROTOCOL if PROTOCOL in self.scope.get("subprotocols", []) else None)
        if proof is None:
            await self.close(NOT_SIGNED_IN)
            return
        user, credential = proof
        if credential.kind == "session" and not is_allowed_origin(self.scope):
            await self.close(WRONG_ORIGIN)
            return
        self.user_id = user.pk
        self.untrack = connections.track(user.pk, credential, self._revoked)
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
            running.spawn(self.close(IDLE))

    async def disconnect(self, code: int) -> None:
        """Stop following; the turns go on."""
        for follower in self.followers.values():
            follower.cancel()
        if self.idle_timer is not None:
            self.idle_timer.cancel()
        if self.untrack is not None:
            self.untrack()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one frame. A bad one is answered, never punished; too many end the socket."""
        if self.user_id is None:
            return
        self.heard_at = time.monotonic()
        if len(self.recent) == FLOOD_FRAMES and self.heard_at - self.recent[0] < FLOOD_S:
            await self.close(FLOODING)
            return
        self.recent.append(self.heard_at)
        ref: str | None = None
        try:
            frame = self._read(text_data)
            ref = read_ref(frame)
            await self._act(frame, ref)
        except Exception as error:
            problem = problem_from(error)
            await self.send_frame(
                {"type": "rejected", "ref": ref, "problem": problem.body(request_id=str(uuid7()))}
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
            "stop": self._stop,
            "resume": self._resume,
            "ping": self._pong,
        }
        kind = frame.pop("type", None)
        action = actions.get(kind) if isinstance(kind, str) else None
        if action is None:
            raise Invalid(errors=[FieldError("type", "unknown_type", "Use send, stop, resume or ping.")])
        await action(frame, ref)

    async def _send_question(self, frame: dict[str, Any], ref: str | None) -> None:
        key = idempotency.read_key(frame.pop("idempotency_key", None))
        mark = "" if key is None else idempotency.fingerprint("POST", "/api/v1/chat", frame)
        self._refuse_too_many()
        chat = parse_chat_input(frame)
        opened = await in_thread(open_turn, owner_id=self._user(), chat=chat, key=key, mark=mark)
        await self.send_frame({"type": "accepted", "ref": ref})
        if isinstance(opened, Replay):
            self._follow(opened.turn.id, follow(opened.turn, 0), ref=ref)
            return
        turn = running.start(opened)
        self._follow(opened.turn_id, turn.turn_log.follow(0), ref=ref, tells_quota=True)
        if opened.title is not None:
            await self.send_frame(
                {"type": "title", "conversation_id": opened.conversation_id, "title": opened.title}
            )

    async def _stop(self, frame: dict[str, Any], ref: str | None) -> None:
        turn_id = read_turn_id(frame)
        await in_thread(request_stop, owner_id=self._user(), turn_id=turn_id)
        running.stop(turn_id)
        await self.send_frame({"type": "accepted", "ref": ref})

    async def _resume(self, frame: dict[str, Any], ref: str | None) -> None:
        turn_id = read_turn_id(frame)
        after = frame.get("after", 0)
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**31:
            raise Invalid(
                errors=[FieldError("after", "invalid", "The number of the last event that you have seen.")]
            )
        self._refuse_too_many()
        turn = await in_thread(find_turn, owner_id=self._user(), turn_id=turn_id)
        await self.send_frame({"type": "accepted", "ref": ref})
        self._follow(turn_id, follow(turn, after), ref=ref)

    async def _pong(self, frame: dict[str, Any], ref: str | None) -> None:
        await self.send_frame({"type": "pong"})

    def _user(self) -> uuid.UUID:
        assert self.user_id is not None
        return self.user_id

    def _refuse_too_many(self) -> None:
        if len(self.followers) >= MOST_FOLLOWED:
            raise Problem(429, "too_many_turns", f"This socket follows {MOST_FOLLOWED} turns already.")

    def _follow(
        self, turn_id: uuid.UUID, batches: Any, *, ref: str | None, tells_quota: bool = False
    ) -> None:
        """Send the turn's events beside whatever else the socket does; a newer wish replaces an older one."""
        earlier = self.followers.pop(turn_id, None)
        if earlier is not None:
            earlier.cancel()
        task = asyncio.create_task(self._forward(turn_id, batches, ref, tells_quota))
        self.followers[turn_id] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self.followers.get(turn_id) is done:
                del self.followers[turn_id]

        task.add_done_callback(forget)

    async def _forward(self, turn_id: uuid.UUID, batches: Any, ref: str | None, tells_quota: bool) -> None:
        batch: Batch
        try:
            async for batch in batches:
                for seq, body in batch:
                    with_ref = ref if body.startswith(b'{"type":"start"') else None
                    await self.send(text_data=socket_frame(turn_id, seq, body, ref=with_ref))
            if tells_quota:
                await self.send_frame({"type": "quota", **await in_thread(usage, self._user())})
        except OSError:
            return  # the client left between two frames; the turn goes on

    async def send_frame(self, frame: dict[str, Any]) -> None:
        """Send one frame that is not an event of a turn."""
        await self.send(
            text_data=encode_json(
                {name: value for name, value in frame.items() if value is not None}
            ).decode()
        )


def read_ref(frame: dict[str, Any]) -> str | None:
    """Take the client's own mark off a frame. Raises Problem 422 for one that is no short text."""
    ref = frame.pop("ref", None)
    if ref is not None and (not isinstance(ref, str) or len(ref) > 200):
        raise Invalid(errors=[FieldError("ref", "invalid", "A text of at most 200 characters.")])
    return ref


def read_turn_id(frame: dict[str, Any]) -> uuid.UUID:
    """Return the id of the turn that a frame names. Raises Problem 422."""
    try:
        return msgspec.convert(frame.get("turn_id"), uuid.UUID)
    except msgspec.ValidationError:
        raise Invalid(errors=[FieldError("turn_id", "invalid", "The id of a turn.")]) from None


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
    allowed = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return parts.netloc == host and validate_host(parts.hostname, allowed)

"""The chat's asynchronous door: questions as JSON or as server-sent events, stopping, joining a stream again."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Header, Router

from chat import branches, running, structured
from chat.cachestats import cache_stats
from chat.documents import message_document
from chat.errors import TurnFailed
from chat.events import sse_writes
from chat.following import Batch, find_turn, follow, has_more
from chat.hearing import heard_first
from chat.inputs import ChatInput, EditInput, RegenerateInput, StructuredInput
from chat.models import Message, Turn
from chat.producing import RunningTurn
from chat.schemas import CacheStats, ChatAnswer, ChatMessage, StructuredAnswer, TurnState
from chat.turns import OpenTurn, Replay, open_turn, request_stop
from wisqu.accounts import connections
from wisqu.accounts.auth import authenticate_uncounted
from wisqu.api import idempotency
from wisqu.api.asgi import EventStream
from wisqu.api.bodies import encode_json
from wisqu.api.problems import Problem
from wisqu.api.spawning import to_its_end
from wisqu.api.threads import in_thread
from wisqu.telemetry import metrics, tracing

router = Router(tags=["chat"])

KEEP_ALIVE_S = 15.0
_HANDED_ON = (
    "This server restarts; another one goes on with the answer. Follow it at /chat/turns/{turn_id}/events."
)
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key")]
_ANSWER_OR_STREAM: dict[str, Any] = {
    "responses": {
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "The answer; with `stream: true` its events.",
        }
    }
}
_EVENT_STREAM: dict[str, Any] = {
    "description": "The events of the turn, each `id: <seq>` and `data: <JSON>` with a `type`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.post("/chat", response=ChatAnswer, summary="Ask", openapi_extra=_ANSWER_OR_STREAM)
async def chat(
    request: HttpRequest, payload: ChatInput, idempotency_key: IdempotencyKey = None
) -> HttpResponseBase:
    """Ask a question, in a new conversation or in one of yours.

    With `stream: true` the answer comes as server-sent events: start, content, reasoning, citation, routing, then done
    or error. Leaving does not end the turn; join it again at /chat/turns/{turn_id}/events.
    """
    opening = partial(open_turn, owner_id=_asker(request), chat=payload)
    return await _open(request, opening, payload, idempotency_key)


@router.post("/chat/structured", response=StructuredAnswer, summary="Ask for JSON")
async def chat_structured(
    request: HttpRequest, payload: StructuredInput, idempotency_key: IdempotencyKey = None
) -> HttpResponse:
    """Ask a question whose answer obeys a JSON Schema (draft 2020-12, references inside it only).

    The answer is checked. One that disobeys is repaired once, by telling the model what is wrong; if that does not help
    it is 502 `invalid_structured_output`, with the raw text in `message`. Counts as one message.
    """
    await asyncio.to_thread(structured.accept, payload.response_schema)
    opening = partial(open_turn, owner_id=_asker(request), chat=payload)
    start = partial(running.start, producer=structured.StructuredTurn)
    begun = await to_its_end(_begin(request, opening, payload, idempotency_key, start=start))
    if isinstance(begun, Replay):
        return _value_of(_ended(begun.turn).answer)
    return _value_of(await _end_of(begun))


def _value_of(message: Message) -> HttpResponse:
    if message.status == Message.Status.STOPPED:
        raise Problem(409, "stopped", "The answer was stopped.", message=message_document(message))
    document = _document(message)
    return HttpResponse(
        encode_json({"data": message.structured_data, "message": document}), content_type="application/json"
    )


@router.post(
    "/messages/{uuid:message_id}/regenerate",
    response=ChatAnswer,
    summary="Answer once more",
    openapi_extra=_ANSWER_OR_STREAM,
)
async def regenerate(
    request: HttpRequest,
    message_id: uuid.UUID,
    payload: RegenerateInput,
    idempotency_key: IdempotencyKey = None,
) -> HttpResponseBase:
    """Ask the question of this message again, with other wishes if you like. The first answer stays beside the new one.

    `message_id` names the answer or its question. It counts and streams as POST /chat does.
    """
    opening = partial(branches.regenerate, owner_id=_asker(request), message_id=message_id, wishes=payload)
    return await _open(request, opening, payload, idempotency_key)


@router.post(
    "/messages/{uuid:message_id}/edit",
    response=ChatAnswer,
    summary="Ask otherwise",
    openapi_extra=_ANSWER_OR_STREAM,
)
async def edit(
    request: HttpRequest,
    message_id: uuid.UUID,
    payload: EditInput,
    idempotency_key: IdempotencyKey = None,
) -> HttpResponseBase:
    """Ask another question in the place of this one. The first stays beside it, with all that followed.

    It counts and streams as POST /chat does.
    """
    opening = partial(branches.edit, owner_id=_asker(request), message_id=message_id, wishes=payload)
    return await _open(request, opening, payload, idempotency_key)


@router.get("/messages/{uuid:message_id}", response=ChatMessage, summary="One message")
async def message(request: HttpRequest, message_id: uuid.UUID) -> HttpResponse:
    """Return a question or an answer with its facts."""
    found = await in_thread(branches.owned, owner_id=_asker(request), message_id=message_id)
    return HttpResponse(encode_json(message_document(found)), content_type="application/json")


@router.delete("/messages/{uuid:message_id}", response={204: None}, summary="Delete a branch")
async def delete_branch(request: HttpRequest, message_id: uuid.UUID) -> HttpResponse:
    """Delete a message with everything that follows it; a question's only answer takes the question along."""
    for turn_id in await in_thread(branches.delete, owner_id=_asker(request), message_id=message_id):
        running.stop(turn_id)
    return HttpResponse(status=204)


async def _open(
    request: HttpRequest,
    opening: Callable[..., OpenTurn | Replay],
    payload: RegenerateInput,
    idempotency_key: str | None,
) -> HttpResponseBase:
    """Open a turn and answer with its end, or with its events."""
    begun = await to_its_end(_begin(request, opening, payload, idempotency_key))
    if isinstance(begun, Replay):
        return _replay(request, begun.turn, stream=payload.stream)
    if payload.stream:
        return _event_stream(request, begun.turn_log.follow(0))
    return _answer(await _end_of(begun))


async def _begin(
    request: HttpRequest,
    opening: Callable[..., OpenTurn | Replay],
    payload: RegenerateInput,
    idempotency_key: str | None,
    *,
    start: Callable[[OpenTurn], RunningTurn] = running.start,
) -> RunningTurn | Replay:
    """Open a turn and have it produced: a client that leaves in between leaves no turn that nobody writes."""
    key = idempotency.read_key(idempotency_key)
    mark = (
        "" if key is None else idempotency.fingerprint("POST", request.path, payload.dict(exclude_unset=True))
    )
    with tracing.span("open turn", door="http"):
        opened = await heard_first(partial(opening, key=key, mark=mark))
    return opened if isinstance(opened, Replay) else start(opened)


def _asker(request: HttpRequest) -> uuid.UUID:
    user_id: uuid.UUID = request.auth[0].pk  # type: ignore[attr-defined]
    return user_id


def _replay(request: HttpRequest, turn: Turn, *, stream: bool) -> HttpResponseBase:
    return _event_stream(request, follow(_ended(turn), 0)) if stream else _answer(_ended(turn).answer)


def _ended(turn: Turn) -> Turn:
    """Return the turn of an earlier request. Raises Problem 409 while it is under way."""
    if turn.status == Turn.Status.RUNNING:
        raise idempotency.in_flight()
    return turn


async def _end_of(turn: RunningTurn) -> Message:
    # Shielded: a client that leaves cancels this view, never the turn.
    if turn.task is not None:
        await asyncio.shield(turn.task)
    if turn.is_handed_on:
        raise Problem(503, "handed_on", _HANDED_ON, headers={"Retry-After": "5"}, turn_id=str(turn.turn_id))
    return turn.message or turn.opened.answer


def _document(message: Message) -> dict[str, Any]:
    """Return the answer as it is shown. Raises TurnFailed for one that failed."""
    document = message_document(message)
    if message.status == Message.Status.FAILED:
        raise TurnFailed(code=message.error_code, detail=message.error_detail, message=document)
    return document


def _answer(message: Message) -> HttpResponse:
    body = encode_json({"conversation_id": message.conversation_id, "message": _document(message)})
    return HttpResponse(body, content_type="application/json")


@router.post(
    "/chat/turns/{uuid:turn_id}/stop",
    response=TurnState,
    summary="Stop a turn",
    auth=authenticate_uncounted,
)
async def stop(request: HttpRequest, turn_id: uuid.UUID) -> dict[str, Any]:
    """End the answer where it is; its text is kept and charged. Stopping twice, or too late, does no harm."""
    turn = await in_thread(request_stop, owner_id=_asker(request), turn_id=turn_id)
    running.stop(turn_id)
    return {"turn_id": turn.id, "status": turn.status}


@router.get(
    "/chat/turns/{uuid:turn_id}/events",
    summary="Join a turn",
    openapi_extra={"responses": {200: _EVENT_STREAM, 204: {"description": "You have seen everything."}}},
)
async def events(
    request: HttpRequest,
    turn_id: uuid.UUID,
    after: int = 0,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> HttpResponseBase:
    """Follow a turn from the beginning, or from after the event named by `Last-Event-ID` (or `?after=`)."""
    turn = await in_thread(find_turn, owner_id=_asker(request), turn_id=turn_id)
    seen = (
        int(last_event_id)
        if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 10
        else after
    )
    if not has_more(turn, max(seen, 0)):
        return HttpResponse(status=204)
    return _event_stream(request, follow(turn, max(seen, 0)))


@router.get("/chat/cache-stats/{uuid:conversation_id}", response=CacheStats, summary="What caching saved")
async def conversation_cache_stats(request: HttpRequest, conversation_id: uuid.UUID) -> dict[str, Any]:
    """Sum up what prompt caching read, wrote and saved in a conversation, and for each of its models."""
    return await in_thread(cache_stats, owner_id=_asker(request), conversation_id=conversation_id)


def _event_stream(request: HttpRequest, batches: AsyncIterator[Batch]) -> EventStream:
    return EventStream(_frames(request, batches))


async def _frames(request: HttpRequest, batches: AsyncIterator[Batch]) -> AsyncGenerator[bytes, None]:
    """Yield what waits in few writes, and a comment after each 15 s of silence, as long as the credential holds."""
    is_revoked = False

    def revoke() -> None:
        nonlocal is_revoked
        is_revoked = True

    user, credential = request.auth  # type: ignore[attr-defined]
    untrack = connections.track(user.pk, credential, revoke)
    metrics.STREAMS_OPEN.inc()
    last = time.monotonic()
    try:
        async for batch in batches:
            if is_revoked:
                return
            if batch:
                for part in sse_writes(batch):
                    yield part
                last = time.monotonic()
            elif time.monotonic() - last >= KEEP_ALIVE_S:
                yield b": waiting for the model\n\n"
                last = time.monotonic()
    finally:
        metrics.STREAMS_OPEN.dec()
        untrack()

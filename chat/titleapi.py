"""The door to titles on demand: a job, waited for as long as the asker likes."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Header, Router, Schema

from chat import titlejobs
from chat.models import TitleJob
from wisqu.api import idempotency
from wisqu.api.bodies import encode_json
from wisqu.api.problems import Problem
from wisqu.api.threads import in_thread
from wisqu.api.waiting import seconds_to_wait

router = Router(tags=["conversations"])

_LOOK_EVERY_S = 0.25


class TitleState(Schema):
    """A title that is being made, or was; `title` is null until it is."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    status: Literal["queued", "running", "done", "failed"]
    title: str | None


@router.post(
    "/conversations/{uuid:conversation_id}/generate-title",
    response={200: TitleState, 202: TitleState},
    summary="Have a title made",
)
async def generate_title(
    request: HttpRequest,
    conversation_id: uuid.UUID,
    prefer: Annotated[str | None, Header(alias="Prefer")] = None,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
) -> HttpResponse:
    """Let a cheap model name the conversation in its language, also in the place of a title of your own.

    It is done by a job: 202, or with `Prefer: wait=N` 200 when it is done within N (at most 60) seconds. It counts as
    no message. A title that you write while the job is under way stays.
    """
    owner_id: uuid.UUID = request.auth[0].pk  # type: ignore[attr-defined]
    key = idempotency.read_key(idempotency_key)
    mark = "" if key is None else idempotency.fingerprint("POST", request.path, None)
    job = await in_thread(
        titlejobs.request, owner_id=owner_id, conversation_id=conversation_id, key=key, mark=mark
    )
    wait = seconds_to_wait(prefer)
    if wait:
        job = await _ended(owner_id, job, within=wait)
    if job.status == TitleJob.Status.FAILED:
        raise Problem(502, "title_failed", "No model could name this conversation. Try again later.")
    return _answer(job, is_applied=bool(wait))


async def _ended(owner_id: uuid.UUID, job: TitleJob, *, within: int) -> TitleJob:
    """Return the job once it has ended, or as it is when the time is over."""
    until = time.monotonic() + within
    while True:
        job = await in_thread(titlejobs.find, owner_id=owner_id, job_id=job.id)
        if job.status in (TitleJob.Status.DONE, TitleJob.Status.FAILED) or time.monotonic() >= until:
            return job
        await asyncio.sleep(_LOOK_EVERY_S)


def _answer(job: TitleJob, *, is_applied: bool) -> HttpResponse:
    is_done = job.status == TitleJob.Status.DONE
    body: dict[str, Any] = {
        "id": job.id,
        "conversation_id": job.conversation_id,
        "status": job.status,
        "title": job.conversation.title if is_done else None,
    }
    response = HttpResponse(
        encode_json(body), content_type="application/json", status=200 if is_done else 202
    )
    if is_applied and is_done:
        response["Preference-Applied"] = "wait"
    return response

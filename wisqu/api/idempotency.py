"""A repeated request is one request: `Idempotency-Key` (IETF draft draft-ietf-httpapi-idempotency-key-header).

Same key and body: the first answer again. Same key, other body: 422. The first one still under way: 409.
A request that was refused leaves no trace, so that it may be tried again under the same key.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import msgspec
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from wisqu.api.bodies import encode_json
from wisqu.api.models import IdempotencyKey
from wisqu.api.problems import Problem

HEADER = "Idempotency-Key"
MAX_LENGTH = 255
KEPT_FOR = timedelta(hours=24)
# No request of ours takes longer; what is older was left by a process that died before it answered.
DEAD_AFTER = timedelta(minutes=15)


def read_key(value: object) -> str | None:
    """Return the key that came with a request; None where there is none. Raises Problem 400 for one that can't be."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_LENGTH or "\x00" in value:
        detail = f"An Idempotency-Key is a text of at most {MAX_LENGTH} characters."
        raise Problem(400, "invalid_idempotency_key", detail)
    return value


def fingerprint(method: str, path: str, body: Any) -> str:
    """Return what makes two requests the same: method, path and the value of the body."""
    text = msgspec.json.encode([method, path, body], order="deterministic")
    return hashlib.sha256(text).hexdigest()


def claim(
    *, owner_id: uuid.UUID, key: str, mark: str, reference: uuid.UUID | None = None
) -> IdempotencyKey | None:
    """Take the key for a first request and return None, or return the record of an earlier, answered one.

    Raises Problem 422 `idempotency_key_reused`, and 409 `idempotency_key_in_flight` where no reference tells more.
    """
    try:
        with transaction.atomic():
            IdempotencyKey.objects.create(owner_id=owner_id, key=key, fingerprint=mark, reference=reference)
        return None
    except IntegrityError:
        known = IdempotencyKey.objects.filter(owner_id=owner_id, key=key).first()
    if known is None:  # the first one was refused and let go in this very moment
        raise in_flight()
    if known.fingerprint != mark:
        raise Problem(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
    if known.reference is None and known.status is None:
        _take_over(known)
        return None
    return known


def in_flight() -> Problem:
    """Return the refusal of a copy that came while the first request is still under way."""
    return Problem(
        409,
        "idempotency_key_in_flight",
        "The first request with this Idempotency-Key is still under way.",
        headers={"Retry-After": "1"},
    )


def _take_over(known: IdempotencyKey) -> None:
    """Let a copy start anew where the first request's process died; one copy only."""
    before = timezone.now() - DEAD_AFTER
    taken = IdempotencyKey.objects.filter(id=known.id, status=None, created_at__lt=before).update(
        created_at=timezone.now()
    )
    if not taken:
        raise in_flight()


def remember(*, owner_id: uuid.UUID, key: str, status: int, body: bytes) -> None:
    """Keep the answer of a first request, for its copies."""
    IdempotencyKey.objects.filter(owner_id=owner_id, key=key).update(status=status, body=body)


def forget(*, owner_id: uuid.UUID, key: str) -> None:
    """Let go of the key of a request that was refused, so that it may be tried again."""
    IdempotencyKey.objects.filter(owner_id=owner_id, key=key).delete()


def _asker(request: Request) -> uuid.UUID:
    return cast(uuid.UUID, request.user.pk)


def _body(request: Request) -> Any:
    """Return what makes two bodies the same; of a file it is what it holds, not how it was split on the way."""
    if not request.FILES:
        return request.data
    form: Any = request.data
    return {name: [_value(each) for each in form.getlist(name)] for name in sorted(form)}


def _value(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return [value.name, digest.hexdigest()]


def idempotent(method: Callable[..., Response]) -> Callable[..., Response]:
    """Decorate a DRF handler that creates something, so that it honours the header."""

    @functools.wraps(method)
    def handler(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = read_key(request.headers.get(HEADER))
        if key is None:
            return method(view, request, *args, **kwargs)
        mark = fingerprint(request.method or "", request.path, _body(request))
        known = claim(owner_id=_asker(request), key=key, mark=mark)
        if known is not None:
            return Response(msgspec.json.decode(bytes(known.body or b"null")), status=known.status)
        records = IdempotencyKey.objects.filter(owner_id=_asker(request), key=key)
        try:
            response = method(view, request, *args, **kwargs)
        except BaseException:
            records.delete()
            raise
        records.update(status=response.status_code, body=encode_json(response.data))
        return response

    return handler

"""Asking for one picture, with a deadline and with as few tries as can be: each may cost as much as a long answer."""

import asyncio
from collections.abc import Awaitable, Callable

from wisqu.openrouter.client import OpenRouter
from wisqu.openrouter.deadlines import Deadlines
from wisqu.openrouter.errors import MalformedReply, OpenRouterError, UpstreamTimeout
from wisqu.openrouter.images import (
    LARGEST_REPLY,
    ImageReply,
    ImageRequest,
    decode_image_reply,
    encode_image_request,
    too_large,
)
from wisqu.openrouter.retries import pause_before_retry, report

OnBegin = Callable[[str], Awaitable[None]]

_DEADLINES = Deadlines()


async def paint(
    client: OpenRouter,
    request: ImageRequest,
    *,
    within_s: float = 90.0,
    max_retries: int = 2,
    on_begin: OnBegin | None = None,
) -> ImageReply:
    """Return the picture. `on_begin` gets the generation's id as soon as the server has said it.

    It is asked for again only after a refusal by status, which made nothing: a line that broke may have made a
    picture, and that is paid for. Raises OpenRouterError.
    """
    body = encode_image_request(request)
    try:
        async with asyncio.timeout(within_s):
            return await _tried(client, request.path, body, max_retries, on_begin)
    except TimeoutError as error:
        raise UpstreamTimeout from error
    except OpenRouterError as error:
        report(error)
        raise


async def _tried(
    client: OpenRouter, path: str, body: bytes, max_retries: int, on_begin: OnBegin | None
) -> ImageReply:
    tried = 0
    while True:
        tried += 1
        try:
            return await _asked(client, path, body, on_begin)
        except OpenRouterError as error:
            pause = pause_before_retry(error, tried=tried, max_retries=max_retries, deadlines=_DEADLINES)
            if pause is None or error.status is None:
                raise
        await asyncio.sleep(pause)


async def _asked(client: OpenRouter, path: str, body: bytes, on_begin: OnBegin | None) -> ImageReply:
    incoming, headers = await (await client.connect()).open(path, body)
    generation_id = headers.get("x-generation-id")
    read = bytearray()
    try:
        if on_begin is not None and generation_id:
            await on_begin(generation_id)
        while data := await incoming.read():
            read += data
            if len(read) > LARGEST_REPLY:
                raise too_large()
    except incoming.broken as error:
        raise MalformedReply(reason="the reply broke off") from error
    finally:
        incoming.abort()
    return decode_image_reply(bytes(read), generation_id=generation_id)

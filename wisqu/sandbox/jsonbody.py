"""Request bodies as JSON."""

from typing import Any

import msgspec
from starlette.requests import Request

from wisqu.sandbox.errors import Refusal, bad_request


async def value_of(request: Request) -> Any:
    """The request's JSON. Raises Refusal (400)."""
    try:
        return msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(bad_request("Invalid JSON body")) from error


async def object_of(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises Refusal (400)."""
    value = await value_of(request)
    if not isinstance(value, dict):
        raise Refusal(bad_request("Invalid JSON body: expected an object"))
    return value

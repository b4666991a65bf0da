"""The listing of a model's providers, read into values."""

import msgspec
from msgspec import Struct

from wisqu.openrouter.errors import MalformedReply
from wisqu.openrouter.types import Endpoint


class _WireEndpoint(Struct):
    tag: str
    provider_name: str
    uptime_last_5m: float | None = None
    uptime_last_30m: float | None = None
    uptime_last_1d: float | None = None


class _WireEndpoints(Struct):
    endpoints: list[msgspec.Raw]


class _EndpointsReply(Struct):
    data: _WireEndpoints


def decode_endpoints(body: bytes) -> list[Endpoint]:
    """The providers of a model, each once, in the order of the listing. Raises MalformedReply."""
    found: dict[str, Endpoint] = {}
    try:
        listed = msgspec.json.decode(body, type=_EndpointsReply).data.endpoints
    except (ValueError, RecursionError) as error:
        raise MalformedReply from error
    for entry in listed:
        try:
            wire = msgspec.json.decode(entry, type=_WireEndpoint)
        except ValueError:
            continue
        uptimes = (wire.uptime_last_30m, wire.uptime_last_5m, wire.uptime_last_1d)
        known = [uptime for uptime in uptimes if uptime is not None and 0 <= uptime <= 100]
        found.setdefault(wire.tag, Endpoint(wire.tag, wire.provider_name, known[0] if known else None))
    return list(found.values())

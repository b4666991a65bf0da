"""The tests' own endpoints under /sandbox: ledger, clock, reset. They need no key."""

from typing import Any

import msgspec
from starlette.requests import Request

from wisqu.sandbox.errors import Refusal, bad_request
from wisqu.sandbox.faults import ALL_FAULTS
from wisqu.sandbox.http import JsonReply, sandbox_of

_FILTERS = frozenset({"id", "user", "session", "status", "outcome", "model", "endpoint", "key", "stream"})


async def ledger(request: Request) -> JsonReply:
    """Entries, oldest first, that equal every filter of the query; `request=0` leaves the requests out."""
    query = dict(request.query_params)
    with_request = query.pop("request", "1") != "0"
    limit = query.pop("limit", "")
    unknown = set(query) - _FILTERS
    if unknown:
        raise Refusal(bad_request(f"unknown filter: {', '.join(sorted(unknown))}"))
    if "stream" in query:
        query["stream"] = str(query["stream"].lower() in ("1", "true"))
    entries = sandbox_of(request).ledger.find(query)
    shown = entries[-int(limit) :] if limit.isdecimal() and int(limit) else entries
    return JsonReply(
        {
            "count": len(entries),
            "running": sum(entry.outcome == "running" for entry in entries),
            "cost": sum(entry.cost for entry in entries),
            "entries": [entry.as_json(with_request=with_request) for entry in shown],
        }
    )


async def reset(request: Request) -> JsonReply:
    """Forget everything."""
    sandbox_of(request).reset()
    return JsonReply({"ok": True})


async def clock(request: Request) -> JsonReply:
    """Advance the clock by `{"advance": seconds}`."""
    try:
        body: Any = msgspec.json.decode(await request.body())
        sandbox_of(request).clock.advance(float(body["advance"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise Refusal(bad_request('expected {"advance": seconds}')) from error
    return JsonReply({"advanced": sandbox_of(request).clock.advanced})


async def uptime(request: Request) -> JsonReply:
    """Give a provider of a model another uptime: `{"model": id, "provider": slug, "uptime": percent}`."""
    try:
        body: Any = msgspec.json.decode(await request.body())
        sandbox_of(request).providers.set_uptime(
            str(body["model"]), str(body["provider"]), float(body["uptime"])
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise Refusal(bad_request('expected {"model": id, "provider": slug, "uptime": percent}')) from error
    return JsonReply({"ok": True})


async def about(request: Request) -> JsonReply:
    """A sign of life, and the names of all scripted failures."""
    return JsonReply({"ok": True, "name": "WisQu sandbox", "faults": sorted(ALL_FAULTS)})

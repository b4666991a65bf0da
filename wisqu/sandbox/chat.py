"""POST /chat/completions: from the request to a played reply, every step noted in the ledger."""

from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from wisqu.sandbox import composing, faults, pace, usage
from wisqu.sandbox.caching import TooManyMarks
from wisqu.sandbox.controls import FaultWord
from wisqu.sandbox.errors import Refusal, bad_request
from wisqu.sandbox.faults import HttpFault
from wisqu.sandbox.http import JsonReply, new_entry, sandbox_of
from wisqu.sandbox.jsonbody import value_of
from wisqu.sandbox.ledger import Attempt, Entry, new_id, shortened
from wisqu.sandbox.pace import Pace
from wisqu.sandbox.player import Framing, Play, Played, Player
from wisqu.sandbox.reading import Ask, BadRequest, read
from wisqu.sandbox.replies import Reply, asks_for_title
from wisqu.sandbox.routing import NoRoute, Route, choose
from wisqu.sandbox.script import Script
from wisqu.sandbox.state import Sandbox
from wisqu.sandbox.whole import Whole
from wisqu.sandbox.wire import Chunks

_CUTS = frozenset({"cut", "cut-first"})
_FAILS = _CUTS | {
    "silent-end",
    "error-mid",
    "error-mid-null",
    "error-mid-string",
    "error-bare",
    "error-first",
}
_FRAMINGS: dict[str, Framing] = {"split": "split", "bytes": "bytes", "one": "one"}
_USAGE_FORMS = ("empty", "null-choice", "repeat")


async def chat_completions(request: Request) -> ASGIApp:
    """The endpoint. Answers a Response or an ASGI app that streams."""
    sandbox = sandbox_of(request)
    entry = new_entry(request, endpoint="chat", entry_id=new_id())
    sandbox.ledger.add(entry)
    try:
        body = await value_of(request)
        entry.request = shortened(body)
        ask = read(body, session_header=request.headers.get("x-session-id"))
        return _answer(sandbox, entry, ask, _metadata_wanted(request))
    except BadRequest as error:
        return refuse(entry, bad_request(str(error)))
    except Refusal as refusal:
        return refuse(entry, refusal.fault)
    except ClientDisconnect:
        entry.end("aborted")
        return Response(status_code=499)


def _metadata_wanted(request: Request) -> bool:
    return request.headers.get("x-openrouter-metadata", "").lower() == "enabled"


def refuse(
    entry: Entry, fault: HttpFault, *, word: FaultWord | None = None, metadata: dict[str, Any] | None = None
) -> JsonReply:
    """End the entry with an error status and answer it."""
    entry.status = fault.status
    entry.error_code = fault.status
    entry.billed = False
    entry.end("failed")
    body = faults.error_body(fault, requested=entry.models_requested)
    if metadata is not None:
        body["openrouter_metadata"] = metadata
    return JsonReply(body, status=fault.status, headers=faults.headers(fault, word))


def _note(entry: Entry, ask: Ask) -> None:
    entry.user = ask.user
    entry.session = ask.session
    entry.stream = ask.stream
    entry.model_requested = ask.models[0]
    entry.models_requested = ask.models
    entry.unknown_fields = ask.unknown_fields


def _answer(sandbox: Sandbox, entry: Entry, ask: Ask, metadata_wanted: bool) -> ASGIApp:
    _note(entry, ask)
    scope = f"{entry.key}\0{ask.user}\0{ask.session}\0{ask.question}"
    desk_ask = composing.without_faults(ask) if asks_for_title(ask) else ask
    route = choose(
        ask=desk_ask,
        desk=sandbox.faults,
        providers=sandbox.providers,
        scope=scope,
        session=f"{entry.key}\0{ask.session}",
    )
    entry.attempts = route.attempts
    metadata = _metadata(ask, route.attempts) if metadata_wanted else None
    if isinstance(route, NoRoute):
        entry.faults = [route.word.name] if route.word else []
        return refuse(entry, route.fault, word=route.word, metadata=metadata)
    entry.model = route.model
    entry.faults = [word.name for word in route.words]
    unknown = [name for name in entry.faults if name not in faults.ALL_FAULTS]
    if unknown:
        raise BadRequest(f"the sandbox knows no fault {unknown[0]!r}")
    try:
        _count_prompt(sandbox, entry, ask, route)
    except TooManyMarks as error:
        return refuse(entry, HttpFault(400, f"Provider returned error: {error}", "invalid_request"))
    return _play(sandbox, entry, ask, route, metadata)


def _count_prompt(sandbox: Sandbox, entry: Entry, ask: Ask, route: Route) -> None:
    counters = sandbox.cache.use(
        model=route.model,
        session=f"{entry.key}\0{ask.session}",
        blocks=ask.blocks,
        only_marks=ask.caches_only_marks,
    )
    entry.usage.prompt = ask.prompt_tokens
    entry.usage.cached = counters.cached
    entry.usage.written_5m = counters.written_5m
    entry.usage.written_1h = counters.written_1h
    entry.usage.audio_in = ask.audio_tokens


def _metadata(ask: Ask, attempts: list[Attempt]) -> dict[str, Any]:
    last = attempts[-1]
    return {
        "requested": ask.models[0],
        "strategy": "fallback" if len(ask.models) > 1 else "direct",
        "region": None,
        "is_byok": False,
        "attempt": len(attempts),
        "attempts": attempts,
        "summary": f"{len(attempts)} tried, {last.model} answered {last.status}",
        "endpoints": {
            "total": 1,
            "available": [{"model": last.model, "provider": last.provider, "selected": last.status == 200}],
        },
        "pipeline": [],
    }


def _play(sandbox: Sandbox, entry: Entry, ask: Ask, route: Route, metadata: dict[str, Any] | None) -> ASGIApp:
    entry.status = 200
    names = set(entry.faults)
    strange = names & faults.BODY_FAULTS
    if strange:
        return composing.strange_body(entry, strange.pop())
    reply = composing.compose(ask, route, entry)
    composing.hide_generation(sandbox, entry, route.words)
    fault = next((word for word in route.words if word.name in faults.STREAM_FAULTS), None)
    play = _script(entry, ask, reply, fault, {"openrouter_metadata": metadata} if metadata else {})
    return Player(play, on_progress=_progress(entry), on_end=_end(entry, reply, fault))


def _pace(ask: Ask) -> Pace:
    if ask.models[0] == "sandbox/fast":
        return pace.NONE
    return pace.choose(controls=ask.controls, question=ask.question, hurried=asks_for_title(ask))


def _script(entry: Entry, ask: Ask, reply: Reply, fault: FaultWord | None, closing: dict[str, Any]) -> Play:
    model = entry.model
    if model is None:
        raise AssertionError("a reply is played on a model")

    def used() -> dict[str, Any]:
        return usage.as_json(model, entry.usage)

    headers = {"X-Generation-Id": entry.id, "X-Provider-Name": model.provider}
    tempo = _pace(ask)
    if ask.stream:
        form = ask.controls.text("usage", "repeat")
        script = Script(
            chunks=Chunks(generation_id=entry.id, model=model),
            reply=reply,
            pace=tempo,
            usage=used,
            usage_form=form if form in _USAGE_FORMS else "repeat",
            fault=fault,
            closing=closing,
        )
        play = Play(steps=script.steps(), headers=headers)
    else:
        whole = Whole(
            generation_id=entry.id,
            model=model,
            reply=reply,
            pace=tempo,
            usage=used,
            fault=fault,
            closing=closing,
        )
        play = Play(steps=whole.steps(), headers=headers, content_type="application/json")
    play.framing = _FRAMINGS.get(ask.controls.text("frame"), "plain")
    _shape(play, fault)
    return play


def _shape(play: Play, fault: FaultWord | None) -> None:
    """What a failure changes about the sending itself."""
    if fault is None:
        return
    if fault.name in _CUTS:
        play.ending = "cut"
    elif fault.name == "stall-first":
        play.before_headers = 3600.0 if fault.seconds is None else fault.seconds
    elif fault.name == "slow-bytes":
        play.framing = "bytes"
        play.between_frames = 1.0 if fault.seconds is None else fault.seconds


def _progress(entry: Entry) -> Callable[[Played], None]:
    def note(played: Played) -> None:
        entry.first_token()
        entry.usage.completion = played.tokens
        entry.usage.reasoning = played.reasoning
        entry.usage.image = played.image

    return note


def _end(entry: Entry, reply: Reply, fault: FaultWord | None) -> Callable[[Played], None]:
    def close(played: Played) -> None:
        if played.left:
            entry.end("aborted")
            return
        failed = fault is not None and fault.name in _FAILS
        entry.finish_reason = "error" if failed else reply.finish
        if failed:
            entry.error_code = 502
        entry.end("failed" if failed else "done")

    return close

"""From a routed request to its reply: text, structure, images and annotations, within the limits asked for."""

from dataclasses import replace
from typing import Any

from starlette.responses import Response

from wisqu.sandbox import replies
from wisqu.sandbox.controls import Controls, FaultWord
from wisqu.sandbox.faults import stream_error
from wisqu.sandbox.http import JsonReply
from wisqu.sandbox.ledger import Entry
from wisqu.sandbox.reading import Ask
from wisqu.sandbox.replies import Reply
from wisqu.sandbox.routing import Route
from wisqu.sandbox.state import Sandbox

_LATE = 0.2  # seconds in which a new generation may not be found yet


def without_faults(ask: Ask) -> Ask:
    """The same request with its scripted failures left out; `[[title-fault:...]]` stays one."""
    named = ask.controls.text("title-fault")
    words = (FaultWord(name=named),) if named else ()
    return replace(ask, controls=Controls(words=ask.controls.words, faults=words))


def compose(ask: Ask, route: Route, entry: Entry) -> Reply:
    """The reply of the routed model."""
    reply = replies.compose(ask)
    reply.cut(ask.max_tokens)
    reply.reasoning_hidden = ask.reasoning_hidden
    return reply


def hide_generation(sandbox: Sandbox, entry: Entry, words: list[FaultWord]) -> None:
    """Let the look-up of this generation fail for a moment or for good, if the prompt says so."""
    for word in words:
        if word.name == "generation-late":
            entry.hidden_for = _LATE if word.seconds is None else word.seconds
        elif word.name == "generation-never":
            entry.hidden_for = float("inf")


def strange_body(entry: Entry, name: str) -> Response:
    """A 200 that is no answer."""
    entry.billed = False
    entry.error_code = 502
    entry.end("failed")
    if name == "200-html":
        return Response("<!doctype html><title>502</title><h1>Bad gateway</h1>", media_type="text/html")
    if name == "200-empty":
        return Response(b"", media_type="application/json")
    error: dict[str, Any] = {"error": stream_error("Provider returned error"), "user_id": "user_sandbox"}
    if name == "200-null-choices":
        return JsonReply({"id": entry.id, "object": "chat.completion", "choices": None, **error})
    if name == "200-choice-error":
        message = {"role": "assistant", "content": ""}
        choice = {"index": 0, "finish_reason": "error", "message": message, "error": error["error"]}
        return JsonReply({"id": entry.id, "object": "chat.completion", "choices": [choice]})
    return JsonReply(error)

"""From a routed request to its reply: text, structure, images, annotations, within the limits asked for."""

import base64
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
from starlette.responses import Response

from wisqu.sandbox import citations, controls, documents, pictures, replies, tokens, unfinished
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.controls import Controls, FaultWord
from wisqu.sandbox.faults import STRUCTURE_FAULTS, stream_error
from wisqu.sandbox.http import JsonReply
from wisqu.sandbox.ledger import Entry
from wisqu.sandbox.reading import Ask, BadRequest
from wisqu.sandbox.replies import Extra, Reply
from wisqu.sandbox.routing import Route
from wisqu.sandbox.schemas import Instances, Unsatisfiable
from wisqu.sandbox.state import Sandbox

IMAGE_TOKENS = 1290
_LATE = 0.2  # seconds in which a new generation may not be found yet
_SIDE = 512


def without_faults(ask: Ask) -> Ask:
    """The same request with its scripted failures left out; `[[title-fault:...]]` stays one."""
    named = ask.controls.text("title-fault")
    words = (FaultWord(name=named),) if named else ()
    return replace(ask, controls=Controls(words=ask.controls.words, faults=words))


def compose(ask: Ask, route: Route, entry: Entry) -> Reply:
    """The reply of the routed model. Raises BadRequest on a schema that no answer can meet."""
    if ask.schema is not None:
        reply = Reply(tokens.pieces(_structured(ask, ask.schema, route.words)))
    else:
        reply = replies.compose(ask)
    if ask.unfinished:
        reply.pieces = unfinished.rest(reply.pieces, ask.unfinished)
    if "tool" in ask.controls and ask.body.get("tools"):
        _call_tool(ask, reply)
    if ask.searches_web:
        citations.cite(ask, reply)
        entry.usage.searches = 1
        entry.usage.fees += citations.FEE
    found, fee = documents.annotations(ask, reads_files="file" in route.model.input_modalities)
    reply.extras += found
    entry.usage.fees += fee
    if ask.wants_image:
        _draw(ask, route, reply, entry)
    reply.cut(ask.max_tokens)
    reply.reasoning_hidden = ask.reasoning_hidden
    return reply


def _structured(ask: Ask, schema: dict[str, Any], words: list[FaultWord]) -> str:
    fault = next((word.name for word in words if word.name in STRUCTURE_FAULTS), None)
    if fault == "bad-structure":
        return "[]" if schema.get("type") == "object" else '{"unexpected": true}'
    if "reply" in ask.controls:
        return ask.controls.text("reply")
    question = controls.strip(ask.question)
    try:
        value = Instances(schema, language=replies.language(question), seed=question).make()
    except Unsatisfiable as error:
        raise BadRequest(f"Invalid schema for response_format: {error}") from error
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    if fault == "bad-structure-json":
        return text[: len(text) // 2]
    return f"```json\n{text}\n```" if fault == "fenced-structure" else text


def _call_tool(ask: Ask, reply: Reply) -> None:
    """Call the function named by `[[tool:name]]`, or the first one, with arguments its schema allows."""
    functions = [tool["function"] for tool in ask.body["tools"] if isinstance(tool.get("function"), dict)]
    named = ask.controls.text("tool")
    chosen = [function for function in functions if function.get("name") == named] or functions
    if not chosen:
        return
    schema = chosen[0].get("parameters") or {"type": "object"}
    try:
        arguments = Instances(schema, language="en", seed=ask.question).make()
    except Unsatisfiable as error:
        raise BadRequest(f"Invalid schema for a tool: {error}") from error
    encoded = msgspec.json.encode(arguments).decode()
    call = {
        "index": 0,
        "id": f"call_{replies.digest(ask.question).hex()[:16]}",
        "type": "function",
        "function": {"name": chosen[0].get("name", ""), "arguments": encoded},
    }
    reply.pieces, reply.finish = [], "tool_calls"
    reply.extras.append(Extra({"tool_calls": [call]}, tokens=tokens.count(encoded)))


def image_fee(model: Model, *, megapixels: Decimal) -> Decimal:
    """USD for one picture of a model paid by the megapixel: the first one whole, further ones half."""
    for price in model.image_pricing:
        if price["billable"] == "output_image":
            first = Decimal(str(price["cost_usd"]))
            return first + first / 2 * max(Decimal(0), megapixels - 1)
    return Decimal(0)


def _draw(ask: Ask, route: Route, reply: Reply, entry: Entry) -> None:
    wished, seed = controls.strip(ask.question), ask.body.get("seed")
    config = ask.body.get("image_config")
    ratio = str(config.get("aspect_ratio") or "") if isinstance(config, dict) else ""
    width, height = pictures.shape(_SIDE, ratio or "1:1") or (_SIDE, _SIDE)
    named = f"{wished}\0{seed}" if seed else wished
    picture = pictures.wished(ask.controls.text("image"), named, width, height)
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    image = {"type": "image_url", "image_url": {"url": url}, "index": 0}
    modalities = ask.body.get("modalities")
    only = modalities == ["image"] or route.model.output_modalities == ("image",)
    reply.pieces = [] if only else tokens.pieces("A sandbox picture: a pattern, not what a model would draw.")
    if not picture:
        return
    reply.extras.append(Extra({"images": [image]}, tokens=IMAGE_TOKENS, image=IMAGE_TOKENS))
    entry.usage.fees += image_fee(route.model, megapixels=Decimal(1))


def hide_generation(sandbox: Sandbox, entry: Entry, words: list[FaultWord]) -> None:
    """Let the look-up of this generation fail for a moment or for good, if the prompt says so."""
    for word in words:
        if word.name == "generation-late":
            entry.hidden_for = (_LATE if word.seconds is None else word.seconds) + sandbox.clock.advanced
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

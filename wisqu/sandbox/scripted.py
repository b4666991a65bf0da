"""What the endpoints beside chat share: their model, scripted failures, and a body sent after a while."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.types import ASGIApp

from wisqu.sandbox import catalogue, faults, routing, wire
from wisqu.sandbox.catalogue import Model
from wisqu.sandbox.composing import strange_body
from wisqu.sandbox.controls import FaultWord, parse
from wisqu.sandbox.errors import Refusal, bad_request
from wisqu.sandbox.ledger import Attempt, Entry
from wisqu.sandbox.player import Play, Played, Player, Step
from wisqu.sandbox.state import Sandbox
from wisqu.sandbox.usage import cost

_FOR_EVER = 3600.0
_CUTS = frozenset({"cut", "cut-first", "silent-end"})
_STALLS = frozenset({"stall-first", "stall-headers", "stall-comments", "stall-mid", "stall-mid-comments"})


def model_of(entry: Entry, body: dict[str, Any], *, output: str) -> Model:
    """The model named in a body. Raises Refusal when it is unknown, gone, or makes something else."""
    name = body.get("model")
    if not isinstance(name, str):
        raise Refusal(bad_request("model: expected a string"))
    entry.model_requested, entry.models_requested = name, [name]
    model = catalogue.find(name)
    if model is None:
        raise Refusal(routing.missing(name))
    if model.retired or not (output in model.output_modalities or model.hidden):
        raise Refusal(routing.gone(name))
    entry.model = model
    return model


def words_of(sandbox: Sandbox, entry: Entry, model: Model, prompt: str) -> list[FaultWord]:
    """The scripted failures of a prompt. Raises Refusal for those that come before an answer."""
    scope = f"{entry.key}\0{entry.user}\0{prompt}"
    words = sandbox.faults.applying(controls=parse(prompt), model=model.id, first=True, scope=scope)
    entry.faults = [word.name for word in words]
    scripted = faults.http_fault(words)
    if scripted is not None:
        raise Refusal(scripted[0], scripted[1])
    entry.attempts = [Attempt(model.canonical_slug, model.provider, 200)]
    return words


def after(entry: Entry, words: list[FaultWord], *, seconds: float, body: dict[str, Any]) -> ASGIApp:
    """An ASGI app that sends `body` after `seconds`, or fails as scripted."""
    entry.status = 200
    names = {word.name for word in words}
    strange = names & faults.BODY_FAULTS
    if strange:
        return strange_body(entry, strange.pop())
    stall = next((word for word in words if word.name in _STALLS), None)
    if stall is not None:
        seconds = _FOR_EVER if stall.seconds is None else stall.seconds
    cut = bool(names & _CUTS)
    data = wire.encode(body)
    play = Play(
        steps=_steps(data[: len(data) // 2] if cut else data, seconds),
        headers={"X-Generation-Id": entry.id},
        content_type="application/json",
        before_headers=seconds if "stall-first" in names else 0.0,
        ending="cut" if cut else "whole",
    )
    return Player(play, on_progress=lambda played: None, on_end=closing(entry, failed=cut))


def _steps(data: bytes, seconds: float) -> Iterator[Step]:
    yield Step(seconds, data)


def closing(entry: Entry, *, failed: bool) -> Callable[[Played], None]:
    """What ends the entry; only an answer that was sent whole is charged."""

    def close(played: Played) -> None:
        entry.first_token()
        entry.billed = not (failed or played.left)
        entry.finish_reason = None if failed or played.left else "stop"
        entry.end("aborted" if played.left else "failed" if failed else "done")

    return close


def usage_json(entry: Entry) -> dict[str, Any]:
    """Tokens and cost, as the smaller endpoints report them."""
    if entry.model is None:
        raise AssertionError("usage belongs to a model")
    price = cost(entry.model, entry.usage)
    return {
        "prompt_tokens": entry.usage.prompt,
        "completion_tokens": entry.usage.completion,
        "total_tokens": entry.usage.prompt + entry.usage.completion,
        "cost": price.total,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": price.upstream,
            "upstream_inference_prompt_cost": price.prompt,
            "upstream_inference_completions_cost": price.completion,
        },
    }

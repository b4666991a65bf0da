"""POST /images: the image endpoint, with pictures of its own."""

import base64
import time
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from wisqu.sandbox import pace, pictures, scripted, tokens, wire
from wisqu.sandbox.composing import IMAGE_TOKENS, image_fee
from wisqu.sandbox.controls import Controls, parse, strip
from wisqu.sandbox.errors import Refusal, bad_request
from wisqu.sandbox.http import new_entry, sandbox_of
from wisqu.sandbox.jsonbody import object_of
from wisqu.sandbox.ledger import Entry, new_id, shortened
from wisqu.sandbox.player import Play, Player, Step

_SIDES = {"512": 512, "768": 768, "1K": 1024, "1.5K": 1536, "2K": 2048, "4K": 4096}
_SECONDS = 1.5
_MOST = 10


def _sizes(body: dict[str, Any]) -> tuple[int, int]:
    """Width and height: `size` as 640x480, else `resolution` and `aspect_ratio`."""
    named = str(body.get("size") or "")
    if "x" in named:
        width, _, height = named.partition("x")
        if width.isdecimal() and height.isdecimal() and 0 < int(width) <= 4096 and 0 < int(height) <= 4096:
            return int(width), int(height)
        raise Refusal(bad_request(f"size: {named!r} is no size"))
    side = _SIDES.get(str(body.get("resolution") or "1K"))
    if side is None:
        raise Refusal(bad_request("resolution: expected one of " + ", ".join(_SIDES)))
    ratio = str(body.get("aspect_ratio") or "1:1")
    found = (side, side) if ratio == "auto" else pictures.shape(side, ratio)
    if found is None:
        raise Refusal(bad_request(f"aspect_ratio: {ratio!r} is no ratio"))
    return found


def _count(body: dict[str, Any]) -> int:
    count = body.get("n", 1)
    if not isinstance(count, int) or not 1 <= count <= _MOST:
        raise Refusal(bad_request(f"n: expected a number from 1 to {_MOST}"))
    return count


def _pictures(body: dict[str, Any], words: Controls, width: int, height: int) -> list[str]:
    prompt = strip(body["prompt"])
    seed = body.get("seed")
    named = [f"{prompt}\0{seed}\0{index}" if index or seed else prompt for index in range(_count(body))]
    made = (pictures.wished(words.text("image"), name, width, height) for name in named)
    return [base64.b64encode(each).decode() for each in made]


async def create_images(request: Request) -> ASGIApp:
    """Draw `n` pictures for `prompt`. Failures are not charged."""
    sandbox = sandbox_of(request)
    entry = sandbox.ledger.add(new_entry(request, endpoint="images", entry_id=new_id()))
    with entry.refusals():
        body = await object_of(request)
        entry.request = shortened(body)
        entry.user = body.get("user") if isinstance(body.get("user"), str) else None
        model = scripted.model_of(entry, body, output="image")
        if not isinstance(body.get("prompt"), str) or not body["prompt"].strip():
            raise Refusal(bad_request("prompt: expected a text"))
        words = scripted.words_of(sandbox, entry, model, body["prompt"])
        width, height = _sizes(body)
        drawn = _pictures(body, parse(body["prompt"]), width, height)
    entry.usage.prompt = tokens.count(body["prompt"])
    entry.usage.completion = entry.usage.image = IMAGE_TOKENS * len(drawn)
    megapixels = Decimal(width * height) / 1_048_576
    entry.usage.fees = len(drawn) * image_fee(model, megapixels=megapixels)
    tempo = pace.choose(controls=parse(body["prompt"]), question=body["prompt"])
    seconds = _SECONDS if tempo.first and tempo.delays != (0.0,) else 0.0
    if body.get("stream") is True and not words:
        return _streamed(entry, drawn, seconds)
    data = [{"b64_json": each, "media_type": "image/png"} for each in drawn]
    reply = {"created": int(time.time()), "data": data, "usage": _usage(entry)}
    return scripted.after(entry, words, seconds=seconds, body=reply)


def _usage(entry: Entry) -> dict[str, Any]:
    details = {"image_tokens": entry.usage.image, "reasoning_tokens": 0, "audio_tokens": 0}
    return {**scripted.usage_json(entry), "completion_tokens_details": details}


def _streamed(entry: Entry, drawn: list[str], seconds: float) -> Player:
    """A partial picture halfway, then each whole one."""
    entry.stream, entry.status = True, 200
    events: list[dict[str, Any]] = [
        {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": drawn[0]}
    ]
    for picture in drawn:
        completed = {"type": "image_generation.completed", "b64_json": picture, "media_type": "image/png"}
        events.append({**completed, "created": int(time.time()), "usage": _usage(entry)})
    steps = [Step(seconds / 2 if index < 2 else 0.0, wire.event(each)) for index, each in enumerate(events)]
    steps.append(Step(0.0, wire.DONE))
    play = Play(steps=iter(steps), headers={"X-Generation-Id": entry.id})
    return Player(play, on_progress=lambda played: None, on_end=scripted.closing(entry, failed=False))

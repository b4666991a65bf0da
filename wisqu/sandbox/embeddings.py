"""POST /embeddings: deterministic vectors, near each other for texts that share words."""

import base64
import hashlib
import math
import struct
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from wisqu.sandbox import scripted, tokens
from wisqu.sandbox.controls import strip
from wisqu.sandbox.errors import Refusal, bad_request
from wisqu.sandbox.http import new_entry, sandbox_of
from wisqu.sandbox.jsonbody import object_of
from wisqu.sandbox.ledger import Entry, new_id, shortened

_DIMENSIONS = 1536
_PLACES = 16  # components that one word touches


def vector(text: str, *, dimensions: int = _DIMENSIONS) -> list[float]:
    """A unit vector: the sum of what its words are worth."""
    values = [0.0] * dimensions
    for word in strip(text).casefold().split() or [""]:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4 * _PLACES).digest()
        for place in range(_PLACES):
            number = int.from_bytes(digest[4 * place : 4 * place + 4])
            values[number % dimensions] += 1.0 if number & 0x80000000 else -1.0
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return [value / length for value in values]


def _texts(body: dict[str, Any]) -> list[str]:
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(each, str) for each in texts):
        raise Refusal(bad_request("input: expected a text or a list of texts"))
    return texts


def _usage(entry: Entry) -> dict[str, Any]:
    used = scripted.usage_json(entry)
    del used["completion_tokens"]
    return {**used, "prompt_tokens_details": {"text_tokens": entry.usage.prompt}}


async def create_embeddings(request: Request) -> ASGIApp:
    """Vectors for `input`, as floats or as base64 of little-endian float32."""
    sandbox = sandbox_of(request)
    entry = sandbox.ledger.add(new_entry(request, endpoint="embeddings", entry_id=new_id()))
    with entry.refusals():
        body = await object_of(request)
        entry.request = shortened(body)
        entry.user = body.get("user") if isinstance(body.get("user"), str) else None
        model = scripted.model_of(entry, body, output="embeddings")
        texts = _texts(body)
        words = scripted.words_of(sandbox, entry, model, "\n".join(texts))
        dimensions = body.get("dimensions", _DIMENSIONS)
        if not isinstance(dimensions, int) or not 1 <= dimensions <= 4096:
            raise Refusal(bad_request("dimensions: expected a number from 1 to 4096"))
    entry.usage.prompt = sum(tokens.count(text) for text in texts)
    vectors: list[Any] = [vector(text, dimensions=dimensions) for text in texts]
    if body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{dimensions}f", *each)).decode() for each in vectors]
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    reply = {
        "id": entry.id,
        "object": "list",
        "model": model.canonical_slug,
        "data": data,
        "usage": _usage(entry),
    }
    return scripted.after(entry, words, seconds=0.02, body=reply)

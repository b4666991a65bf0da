"""Do the replays count what the sandbox counts over HTTP? A handful of conversations, asked both ways."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from bench.machine import OTHERS, start, wait_for
from bench.replaying import Policy, Sent, replay, role
from bench.talks import Talk
from tests.servers import free_port
from tools.processes import Family
from wisqu.sandbox import tokens
from wisqu.sandbox.catalogue import Model

_LONGEST = 6  # turns
_CONTROLS = "[[pace:fast]] [[words:1]]"


def show(policies: Sequence[tuple[Model, Policy]], conversations: Sequence[Talk]) -> None:
    """Ask short conversations of each shape over HTTP, and say on how many requests both agree."""
    chosen = [talk for talk in conversations if 1 < talk.turns <= _LONGEST][::3]
    agreed = asked = 0
    with Family() as family:
        port = free_port()
        process = start(family, "the sandbox", ["-m", "wisqu.sandbox", "--port", str(port)], cores=OTHERS)
        root = f"http://127.0.0.1:{port}"
        wait_for(f"{root}/sandbox/ledger", process)
        for model, policy in policies:
            for number, talk in enumerate(chosen):
                for turn, (sent, bill) in enumerate(replay(talk, model, policy)):
                    if turn:
                        _post(f"{root}/sandbox/clock", {"advance": talk.pauses[turn - 1]})
                    session = f"{model.id} {number}"
                    usage = _post(
                        f"{root}/api/v1/chat/completions", _body(model, session, talk.sizes(turn), sent)
                    )
                    details = usage["usage"]["prompt_tokens_details"]
                    counted = (
                        usage["usage"]["prompt_tokens"],
                        details["cached_tokens"],
                        details["cache_write_tokens"],
                    )
                    agreed += counted == (sum(talk.sizes(turn)), bill.read, bill.written)
                    asked += 1
    print(f"\nOver HTTP the sandbox counts the same for {agreed} of {asked} requests")


def _post(address: str, body: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(
        address,
        data=json.dumps(body).encode(),
        headers={"Authorization": "Bearer sk-or-sandbox", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        return json.loads(response.read() or b"null")


def _body(model: Model, session: str, sizes: Sequence[int], sent: Sent) -> dict[str, Any]:
    messages = []
    for at, size in enumerate(sizes):
        text = _text(at, size)
        content: Any = text
        if at in sent.marks:
            content = [
                {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": sent.marks[at]}}
            ]
        messages.append({"role": role(at), "content": content})
    body: dict[str, Any] = {"model": model.id, "session_id": session, "messages": messages}
    if not sent.automatic:
        body["prompt_cache_options"] = {"mode": "explicit"}
    return body


def _text(at: int, size: int) -> str:
    """Return a text of so many tokens with its message; a question asks for a short answer at once."""
    text = f"{_CONTROLS if role(at) == 'user' else 'Message'} {at}"
    return text + " light" * (size - tokens.PER_MESSAGE - tokens.count(text))

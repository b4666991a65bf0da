"""Between Starlette and the sandbox: who asks, JSON answers, ledger entries for a request."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wisqu.sandbox import wire
from wisqu.sandbox.errors import Refusal
from wisqu.sandbox.faults import HTTP_FAULTS, HttpFault, by_key
from wisqu.sandbox.ledger import Entry
from wisqu.sandbox.state import Sandbox

_NOTED_HEADERS = (
    "http-referer", "x-openrouter-title", "x-title", "x-openrouter-categories", "x-openrouter-metadata",
    "x-session-id", "user-agent", "accept",
)  # fmt: skip


class JsonReply(Response):
    """A JSON answer; Decimals in it are exact numbers."""

    def __init__(self, content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(
            content=wire.encode(content), status_code=status, headers=headers, media_type="application/json"
        )


def sandbox_of(request: Request) -> Sandbox:
    sandbox = request.app.state.sandbox
    if not isinstance(sandbox, Sandbox):
        raise TypeError("the application has no sandbox")
    return sandbox


def key_of(request: Request) -> str:
    """The bearer token. Raises Refusal: 401 without one, or what a `sk-or-fault-...` key stands for."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refusal(HttpFault(401, "No auth credentials found", "authentication"))
    if token == "sk-or-bad":  # noqa: S105 - a sandbox word, no secret
        raise Refusal(HTTP_FAULTS["401"])
    scripted = by_key(token)
    if scripted is not None:
        raise Refusal(scripted)
    return token


def new_entry(request: Request, *, endpoint: str, entry_id: str) -> Entry:
    """A ledger entry for this request."""
    headers = {name: request.headers[name] for name in _NOTED_HEADERS if name in request.headers}
    return Entry(id=entry_id, endpoint=endpoint, key=request.state.key, headers=headers)

"""Every route of the API, and who may use it. A route that is not here fails `test_matrix`.

To add one: name it as the OpenAPI document does (`VERB /path`), and say its kind:

- `OPEN`: anybody, signed in or not.
- `OWN`: whoever is signed in, on what is theirs; what somebody else keeps does not show.
- `OBJECT`: its owner. For everybody else, staff too, it is as missing as an id that nobody ever had. `ids` name the
  things of `World` that stand in its path, in order.
- `STAFF`: staff; 403 for others.
- `MACHINE`: staff or the monitoring token.

`body` is sent with it (a function of the world where it names something), `alike` are fields of the body that name
things of Alice's: for Charlie these are as missing as random ids.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OPEN, OWN, OBJECT, STAFF, MACHINE = "open", "own", "object", "staff", "machine"
Body = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@dataclass(frozen=True)
class Route:
    """How one route is to behave. `proven` False: its owner's own call would start a model, and is tested elsewhere."""

    kind: str
    ids: tuple[str, ...] = ()
    body: Body | None = None
    alike: dict[str, str] = field(default_factory=dict)
    proven: bool = True
    form: Callable[[], dict[str, Any]] | None = None  # a multipart body


def own(body: Body | None = None, **options: Any) -> Route:
    return Route(OWN, body=body, **options)


def of(*ids: str, body: Body | None = None, **options: Any) -> Route:
    return Route(OBJECT, ids=ids, body=body, **options)


OPEN_ROUTE, OWN_ROUTE, STAFF_ROUTE = Route(OPEN), Route(OWN), Route(STAFF)
ASKED = {"message": "hello"}

ROUTES: dict[str, Route] = {
    # --- account
    "POST /auth/register": OPEN_ROUTE,
    "POST /auth/token": OPEN_ROUTE,
    "POST /auth/token/refresh": OPEN_ROUTE,
    "POST /auth/token/revoke": OPEN_ROUTE,
    "GET /auth/me": OWN_ROUTE,
    "PATCH /auth/me": own({"name": "Charlie"}),
    "DELETE /auth/me": own({"password": "not it"}),
    "GET /auth/me/export": OWN_ROUTE,
    "GET /auth/keys": OWN_ROUTE,
    "POST /auth/keys": own({"name": "robot", "scopes": ["read"]}),
    "DELETE /auth/keys/{id}": of("key"),
    # --- chat
    "POST /chat": own(ASKED, alike={"conversation_id": "conversation", "preset": "preset"}, proven=False),
    "POST /chat/structured": own(
        {**ASKED, "schema": SCHEMA},
        alike={"conversation_id": "conversation", "preset": "preset"},
        proven=False,
    ),
    "GET /chat/cache-stats/{conversation_id}": of("conversation"),
    "GET /chat/turns/{turn_id}/events": of("turn"),
    "POST /chat/turns/{turn_id}/stop": of("turn"),
    "GET /messages/{message_id}": of("answer"),
    "DELETE /messages/{message_id}": of("answer"),
    "POST /messages/{message_id}/edit": of("question", body=ASKED, proven=False),
    "POST /messages/{message_id}/regenerate": of("answer", body={}, proven=False),
    "PUT /messages/{id}/feedback": of("answer", body={"rating": "up"}),
    "DELETE /messages/{id}/feedback": of("answer"),
    "GET /conversations": OWN_ROUTE,
    "POST /conversations": own({"title": "Mine"}, alike={"folder_id": "folder", "preset": "preset"}),
    "GET /conversations/export": OWN_ROUTE,
    "POST /conversations/import": own({"conversations": []}),
    "POST /conversations/restore": own({"ids": [str(uuid.UUID(int=1))]}),
    "POST /conversations/trash": own({"ids": [str(uuid.UUID(int=1))]}),
    "POST /conversations/{conversation_id}/generate-title": of("conversation", proven=False),
    "GET /conversations/{id}": of("conversation"),
    "PATCH /conversations/{id}": of("conversation", body={"title": "Hers"}),
    "DELETE /conversations/{id}": of("conversation"),
    "GET /conversations/{id}/export": of("conversation"),
    "GET /conversations/{id}/messages": of("conversation"),
    "POST /conversations/{id}/share": of("conversation", body={}),
    "DELETE /conversations/{id}/share": of("conversation"),
    "GET /folders": OWN_ROUTE,
    "POST /folders": own({"name": "Mine"}),
    "GET /folders/{id}": of("folder"),
    "PATCH /folders/{id}": of("folder", body={"name": "Other"}),
    "DELETE /folders/{id}": of("folder"),
    # --- files and images
    "GET /attachments": OWN_ROUTE,
    "POST /attachments": own({}),  # no file: 422
    "GET /attachments/{id}": of("attachment"),
    "GET /attachments/{id}/file": of("attachment"),
    "DELETE /attachments/{id}": of("attachment"),
    "GET /images/history": OWN_ROUTE,
    "POST /images/generate": own({"prompt": "A door"}, alike={"input_image": "image"}, proven=False),
    "GET /images/{id}": of("image"),
    "GET /images/{id}/file": of("image"),
    "DELETE /images/{id}": of("image"),
    "POST /images/{id}/restore": of("image", proven=False),  # it was not thrown away
    "POST /images/{image_id}/regenerate": of("image", proven=False),
    "POST /audio/transcriptions": own({}),  # no file: 422
    # --- presets and models
    "GET /models": OWN_ROUTE,
    "GET /presets": OWN_ROUTE,
    "POST /presets": own({"name": "Mine"}),
    "GET /presets/default": OWN_ROUTE,
    "PUT /presets/default": own(alike={"preset": "preset"}, body={"preset": None}),
    "GET /presets/export": OWN_ROUTE,
    "POST /presets/import": own({"format": "wisqu-presets", "version": 1, "presets": []}),
    "GET /presets/{id}": of("preset"),
    "PATCH /presets/{id}": of("preset", body={"name": "Other"}),
    "DELETE /presets/{id}": of("preset"),
    "POST /presets/{id}/duplicate": of("preset"),
    "GET /presets/{id}/export": of("preset"),
    # --- scripture
    "POST /quotations/check": own({"text": "hello"}),
    "GET /quran/{surah}/{ayah}": OWN_ROUTE,
    "GET /quran/{surah}/{first}-{last}": OWN_ROUTE,
    # --- plans and money
    "GET /subscriptions/plans": OPEN_ROUTE,
    "POST /subscriptions/webhooks/stripe": OPEN_ROUTE,
    "POST /subscriptions": own({"plan": "none"}),
    "POST /subscriptions/cancel": own({}),
    "POST /subscriptions/resume": OWN_ROUTE,
    "POST /subscriptions/portal": OWN_ROUTE,
    "GET /subscriptions/me": OWN_ROUTE,
    "GET /subscriptions/usage": OWN_ROUTE,
    "GET /subscriptions/invoices": OWN_ROUTE,
    "GET /subscriptions/invoices/{id}": of("invoice"),
    "GET /subscriptions/warnings": OWN_ROUTE,
    "DELETE /subscriptions/warnings/{id}": of("warning"),
    # --- support
    "GET /support/tickets": OWN_ROUTE,
    "POST /support/tickets": own({"subject": "Help", "text": "Please."}),
    "GET /support/tickets/{id}": of("ticket"),
    "POST /support/tickets/{id}/notes": of("ticket", body={"text": "More."}),
    # --- reports
    "GET /analytics/cache-performance": STAFF_ROUTE,
    "GET /analytics/model-usage": STAFF_ROUTE,
    "GET /analytics/plan-distribution": STAFF_ROUTE,
    "GET /analytics/system-stats": STAFF_ROUTE,
    "GET /analytics/top-users": STAFF_ROUTE,
    "GET /analytics/usage-trends": STAFF_ROUTE,
    # --- behind the scenes
    "GET /health": OPEN_ROUTE,
    "GET /health/live": OPEN_ROUTE,
    "GET /health/ready": OPEN_ROUTE,
    "GET /health/metrics": OPEN_ROUTE,
    "GET /health/detailed": Route(MACHINE),
}

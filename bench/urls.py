"""Two views of the benchmarks: one that only knows who asks, one that also opens a turn and leaves it at that."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI

from chat.inputs import ChatInput
from chat.turns import open_turn
from wisqu.accounts.auth import authenticate
from wisqu.api import handlers
from wisqu.api.threads import in_thread
from wisqu.root import StrictParser

api = NinjaAPI(
    docs_url=None, openapi_url=None, auth=authenticate, parser=StrictParser(), urls_namespace="bench"
)
handlers.install(api)


def said(value: Any) -> HttpResponse:
    return HttpResponse(b'{"said":"%b"}' % str(value).encode(), content_type="application/json")


@api.get("/known")
async def known(request: HttpRequest) -> HttpResponse:
    return said(request.user.pk)


@api.post("/opened")
async def opened(request: HttpRequest, payload: ChatInput) -> HttpResponse:
    turn = await in_thread(open_turn, owner_id=request.user.pk, chat=payload)
    return said(turn.turn_id)


urlpatterns = [path("api/v1/", api.urls)]

"""The root of the API: the ninja API with the routers of the apps, and the addresses of everything under /api/v1."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView
from ninja import NinjaAPI
from ninja.parser import Parser

from analytics.urls import urlpatterns as analytics_urls
from billing.urls import urlpatterns as billing_urls
from chat.api import router as chat_router
from chat.audioapi import router as audio_router
from chat.quotations import router as quotations_router
from chat.titleapi import router as titles_router
from chat.urls import api_urlpatterns as chat_urls
from imagery.api import router as images_router
from imagery.urls import urlpatterns as images_urls
from presets.urls import urlpatterns as presets_urls
from support.urls import api_urlpatterns as support_urls
from wisqu.accounts.auth import authenticate
from wisqu.accounts.monitoring import may_read_details, may_read_metrics
from wisqu.accounts.urls import api_urlpatterns as accounts_urls
from wisqu.api import handlers
from wisqu.api.bodies import parse_json
from wisqu.api.health import details_router, metrics_router
from wisqu.api.health import router as health_router


class StrictParser(Parser):
    """Ninja's door to `parse_json`."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the value of the body."""
        return parse_json(request.body)


ninja_api = NinjaAPI(
    title="WisQu", version="1", docs_url=None, openapi_url=None, auth=authenticate, parser=StrictParser()
)
handlers.install(ninja_api)
ninja_api.add_router("", chat_router)
ninja_api.add_router("", titles_router)
ninja_api.add_router("", audio_router)
ninja_api.add_router("", images_router)
ninja_api.add_router("", quotations_router)
ninja_api.add_router("", health_router)
ninja_api.add_router("", details_router, auth=may_read_details)
ninja_api.add_router("", metrics_router, auth=may_read_metrics)

urlpatterns = [
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    *accounts_urls,
    *billing_urls,
    *presets_urls,
    *images_urls,
    *chat_urls,
    *support_urls,
    *analytics_urls,
    path("", ninja_api.urls),
]

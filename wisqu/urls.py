"""All addresses."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView

from billing.urls import page_urlpatterns as billing_pages
from chat.urls import page_urlpatterns as chat_pages
from imagery.urls import page_urlpatterns as image_pages
from presets.urls import page_urlpatterns as preset_pages
from quran.urls import page_urlpatterns as quran_pages
from support.urls import page_urlpatterns as support_pages
from wisqu.accounts.urls import page_urlpatterns as account_pages
from wisqu.api.installing import manifest, offline, service_worker
from wisqu.api.pages import favicon, not_found, robots, security

urlpatterns = [
    path("api/v1/", include("wisqu.root")),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("admin/", admin.site.urls),
    path("accounts/", include(account_pages)),
    path("favicon.ico", favicon),
    path("robots.txt", robots),
    path(".well-known/security.txt", security),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("service-worker.js", service_worker, name="service-worker"),
    path("offline", offline, name="offline"),
    *chat_pages,
    *image_pages,
    *preset_pages,
    *billing_pages,
    *support_pages,
    *quran_pages,
    # The trees above answer for themselves, some after adding a slash.
    re_path(r"^(?!api/|admin|accounts|static/)", not_found),
]

"""Where the accounts are: `api_urlpatterns` belong under /api/v1/, `page_urlpatterns` under /accounts/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from wisqu.accounts import signinlinks, views, viewsets

api_urlpatterns = [
    path("auth/register", viewsets.Register.as_view()),
    path("auth/token", viewsets.Token.as_view()),
    path("auth/token/refresh", viewsets.TokenRefresh.as_view()),
    path("auth/token/revoke", viewsets.TokenRevoke.as_view()),
    path("auth/me", viewsets.MeView.as_view()),
    path("auth/me/export", viewsets.ExportView.as_view()),
    path("auth/keys", viewsets.KeysView.as_view()),
    path("auth/keys/<uuid:id>", viewsets.KeyView.as_view()),
]

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("allauth.account.urls")),
    path("profile/", views.profile, name="account_profile"),
    path("sessions/end/", views.end_sign_ins, name="account_end_sign_ins"),
    path("keys/", views.keys, name="account_keys"),
    path("keys/<uuid:key_id>/revoke/", views.revoke, name="account_revoke_key"),
    path("export/", views.export, name="account_export"),
    path("delete/", views.delete, name="account_delete"),
    path("sign-in-link/<str:token>/", signinlinks.use, name="account_sign_in_link"),
    path("second-factor/", include("allauth.mfa.urls")),
]

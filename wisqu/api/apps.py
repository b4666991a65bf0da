"""The base of the API: what every resource shares."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Problems, pages, idempotency."""

    name = "wisqu.api"
    label = "api"

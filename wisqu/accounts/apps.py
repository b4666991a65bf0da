"""The accounts app: people, their credentials and their sessions."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People and how they sign in."""

    name = "wisqu.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

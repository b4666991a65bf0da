"""The chat app: conversations, messages and the turns that make them."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """What people came for."""

    name = "chat"
